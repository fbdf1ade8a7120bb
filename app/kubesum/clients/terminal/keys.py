"""The keys: which method of the browser each calls, and its description in the help and in docs/top.md.

The names of keys are Textual's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from kubesum.clients.model.browser import Browser, PromptKind
from kubesum.clients.model.views import VIEWS, View

Action = Callable[[Browser], None]

_ENTER: Final = ("enter", "ctrl+j")
"""The key, and what a terminal sends for it until a program has switched it to raw mode."""
_ESCAPE: Final = "escape"


@dataclass(frozen=True, slots=True)
class Key:
    """Keys that are described together.

    `label` names them to the user; its first word is shown below a table with `hint`, unless that is empty.
    """

    label: str
    actions: Mapping[str, Action]
    description: str
    hint: str = ""


def _each(action: Action, *names: str) -> dict[str, Action]:
    return dict.fromkeys(names, action)


def _shows(view: View) -> Action:
    return lambda browser: browser.show(view)


def _asks(kind: PromptKind) -> Action:
    return lambda browser: browser.ask(kind)


def _moves(rows: int) -> Action:
    return lambda browser: browser.move(rows)


def _pages(screens: int) -> Action:
    return lambda browser: browser.page(screens)


def _sorts(step: int) -> Action:
    return lambda browser: browser.sort(step)


KEYS: Final = (
    *(
        Key(str(number), {str(number): _shows(view)}, f"{view.name}: {view.description}")
        for number, view in enumerate(VIEWS, start=1)
    ),
    Key("Enter", _each(Browser.open, *_ENTER, "right"), "open a row: a node's pods, their workload, ...", "open"),
    Key(
        "Esc", _each(Browser.back, _ESCAPE, "left", "backspace"), "close the prompt, the filter or the table", "back"
    ),
    Key("↑ ↓ k j", {"up": _moves(-1), "k": _moves(-1), "down": _moves(1), "j": _moves(1)}, "one row up or down"),
    Key("PgUp PgDn", {"pageup": _pages(-1), "pagedown": _pages(1), "space": _pages(1)}, "one screen up or down"),
    Key("Home End", _each(Browser.first, "home", "g") | _each(Browser.last, "end", "G"), "to the first or last row"),
    Key("s S", {"s": _sorts(1), "S": _sorts(-1)}, "sort by the next column, or by the one before", "sort"),
    Key("r", {"r": Browser.reverse}, "reverse the order"),
    Key("/", {"slash": _asks(PromptKind.FILTER)}, "show only rows that contain a text", "filter"),
    Key("l", {"l": _asks(PromptKind.LABELS)}, "select by labels, as kubectl -l does"),
    Key("n", {"n": _asks(PromptKind.NAMESPACE)}, "show one namespace", "namespace"),
    Key("a", {"a": Browser.show_all_namespaces}, "show all namespaces"),
    Key("?", _each(Browser.help, "question_mark", "h"), "open or close this help", "help"),
    Key("q Ctrl-C", _each(Browser.quit, "q", "ctrl+c"), "quit", "quit"),
)
"""All keys, in the order of the help."""

ACTIONS: Final[Mapping[str, Action]] = {name: action for key in KEYS for name, action in key.actions.items()}
"""The action of each key, by its name."""

PROMPT_ACTIONS: Final[Mapping[str, Action]] = {
    **_each(Browser.submit, *_ENTER),
    **_each(Browser.complete, "tab", "right"),
    "backspace": Browser.erase,
    "ctrl+u": Browser.clear,
}
"""The actions of keys while a prompt is open; all others type."""


def press(browser: Browser, key: str, character: str) -> None:
    """Does the action of a key; `character` is what it types, empty if nothing."""
    browser.notice = ""
    actions = ACTIONS if browser.prompt is None or key == _ESCAPE else PROMPT_ACTIONS
    if action := actions.get(key):
        action(browser)
    else:
        browser.type(character)
