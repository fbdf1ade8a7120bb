"""The keys: what each does, in the words of the help screen, the documentation and the hints below a table.

The names of keys are Textual's; what they call are methods of the browser.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from kubesum.clients.model.browser import Asked, Browser
from kubesum.clients.model.views import VIEWS, View

Call = Callable[[Browser], None]

_ENTER: Final = ("enter", "ctrl+j")
"""The key, and what a terminal sends for it until a program has switched it to raw mode."""
_ESCAPE: Final = "escape"


@dataclass(frozen=True, slots=True)
class Key:
    """Some keys that belong together: what each calls, and what is said of them.

    `shown` is how a person knows them; the first word stands below a table with `hint`, if that is not empty.
    """

    shown: str
    calls: Mapping[str, Call]
    meaning: str
    hint: str = ""


def _each(call: Call, *names: str) -> dict[str, Call]:
    return dict.fromkeys(names, call)


def _shows(view: View) -> Call:
    return lambda browser: browser.show(view)


def _asks(asked: Asked) -> Call:
    return lambda browser: browser.ask(asked)


def _moves(rows: int) -> Call:
    return lambda browser: browser.move(rows)


def _pages(screens: int) -> Call:
    return lambda browser: browser.page(screens)


def _sorts(step: int) -> Call:
    return lambda browser: browser.sort(step)


KEYS: Final = (
    *(
        Key(str(number), {str(number): _shows(view)}, f"{view.name}: {view.tells}")
        for number, view in enumerate(VIEWS, start=1)
    ),
    Key("Enter", _each(Browser.open, *_ENTER, "right"), "open a row: a node's pods, their workload, ...", "open"),
    Key("Esc", _each(Browser.back, _ESCAPE, "left", "backspace"), "end the filter, or go back a table", "back"),
    Key("↑ ↓ k j", {"up": _moves(-1), "k": _moves(-1), "down": _moves(1), "j": _moves(1)}, "one row up or down"),
    Key("PgUp PgDn", {"pageup": _pages(-1), "pagedown": _pages(1), "space": _pages(1)}, "one screen up or down"),
    Key("Home End", _each(Browser.first, "home", "g") | _each(Browser.last, "end", "G"), "to the first or last row"),
    Key("s S", {"s": _sorts(1), "S": _sorts(-1)}, "sort by the next column, or by the one before", "sort"),
    Key("r", {"r": Browser.reverse}, "turn the order round"),
    Key("/", {"slash": _asks(Asked.FILTER)}, "show only rows that contain a text", "filter"),
    Key("l", {"l": _asks(Asked.LABELS)}, "select by labels, as kubectl -l does"),
    Key("n", {"n": _asks(Asked.NAMESPACE)}, "look at one namespace", "namespace"),
    Key("a", {"a": Browser.everywhere}, "look at all namespaces"),
    Key("?", _each(Browser.help, "question_mark", "h"), "open or close this help", "help"),
    Key("q Ctrl-C", _each(Browser.quit, "q", "ctrl+c"), "quit", "quit"),
)
"""All keys, in the order of the help screen."""

CALLS: Final[Mapping[str, Call]] = {name: call for key in KEYS for name, call in key.calls.items()}
"""What each key calls, by its name."""

EDITS: Final[Mapping[str, Call]] = {
    **_each(Browser.submit, *_ENTER),
    **_each(Browser.complete, "tab", "right"),
    "backspace": Browser.erase,
    "ctrl+u": Browser.clear,
}
"""What keys call while a question is answered; all others type."""


def press(browser: Browser, key: str, character: str) -> None:
    """Does what a key stands for; `character` is what it types, empty if nothing."""
    browser.notice = ""
    calls = CALLS if browser.question is None or key == _ESCAPE else EDITS
    if call := calls.get(key):
        call(browser)
    else:
        browser.type(character)
