"""Keys do what the help and docs/top.md say."""

from pathlib import Path

import pytest

from kubesum.clients.model.browser import Prompt, PromptKind
from kubesum.clients.model.cells import Gauge, Tone
from kubesum.clients.model.views import VIEWS, Scope
from kubesum.clients.terminal.gauges import bar
from kubesum.clients.terminal.keys import ACTIONS, KEYS, press
from kubesum.commands.top.flags import VIEWS as NAMES
from tests.unit.clients.topfixtures import browsing, node, pod

PAGE = (Path(__file__).parents[3] / "docs" / "top.md").read_text()


def rows(heading: str) -> list[list[str]]:
    """The cells of the table under a heading of the page."""
    section = PAGE.partition(f"## {heading}\n")[2].partition("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def test_the_page_explains_every_key() -> None:
    assert rows("Keys") == [[f"`{key.label}`", key.description] for key in KEYS]


def test_the_page_names_every_view_and_its_cluster_role() -> None:
    assert [(key, view, description, role.split("`")[1::2]) for key, view, description, role in rows("Views")] == [
        (
            f"`{number}`",
            f"`{view.name}`",
            view.description,
            list(dict.fromkeys((view.resource.role, Scope(view).resource.role))),
        )
        for number, view in enumerate(VIEWS, start=1)
    ]


def test_the_page_shows_marks_and_bars_as_they_are_drawn() -> None:
    assert [row[0] for row in rows("Marks and bars")] == [
        f"`{tone.value}`" for tone in (Tone.GOOD, Tone.WARNING, Tone.BAD, Tone.IDLE)
    ]
    for gauge in (Gauge(64, 86, 28), Gauge(43, None, 57), Gauge(50, 120, None)):
        assert "".join(span.text for span in bar(gauge, 14)) + "    " in PAGE


def test_the_command_line_knows_the_views() -> None:
    assert [view.name for view in VIEWS] == list(NAMES)


def test_no_key_has_two_actions() -> None:
    assert len(ACTIONS) == sum(len(key.actions) for key in KEYS)


def test_keys_do_what_their_descriptions_say() -> None:
    browser, informers = browsing("nodes", node("a", cpu=10), node("b", cpu=90), node("c"))
    browser.page_rows = 2

    def press_all(*keys: str) -> None:
        for key in keys:
            ACTIONS[key](browser)
            browser.table.arrange()

    press_all("down", "j")
    assert browser.table.cursor == 2
    press_all("up")
    assert browser.table.cursor == 1
    press_all("end", "k")
    assert browser.table.cursor == 1
    press_all("home", "pagedown")
    assert browser.table.cursor == 2
    press_all("pageup")
    assert browser.table.cursor == 0
    press_all("s")
    assert browser.table.column.name == "STATUS"
    press_all("S", "r")
    assert (browser.table.column.name, browser.table.descending) == ("NAME", True)
    press_all("slash")
    assert browser.prompt == Prompt(PromptKind.FILTER, "")
    press_all("escape", "l")
    assert browser.prompt == Prompt(PromptKind.LABELS, "")
    press_all("escape", "n")
    assert browser.prompt == Prompt(PromptKind.NAMESPACE, "")
    press_all("escape", "question_mark")
    assert browser.help_shown
    press_all("escape", "enter")
    assert browser.scope.view.name == "pods"
    press_all("escape", "4")
    assert informers.scopes == [("podsummaries", "", {"fieldSelector": "status.healthy=false"})]
    press_all("a", "q")
    assert browser.has_quit


@pytest.mark.parametrize(
    ("keys", "text"),
    [
        (("a", "b", "backspace", "equals_sign"), "shopa="),
        (("ctrl+u", "p", "tab"), "payments"),
        (("ctrl+u", "p", "right"), "payments"),
        (("up", "pageup", "4", "q"), "shop4q"),
    ],
    ids=["typing", "Tab", "Right", "keys of the table"],
)
def test_keys_edit_an_open_prompt(keys: tuple[str, ...], text: str) -> None:
    browser, _ = browsing("unhealthy", pod("a", "payments"), namespace="shop")
    press(browser, "n", "n")

    for key in keys:
        press(browser, key, {"equals_sign": "=", "backspace": "\x7f"}.get(key, key if len(key) == 1 else ""))

    assert browser.prompt == Prompt(PromptKind.NAMESPACE, text)


@pytest.mark.parametrize("key", ["enter", "ctrl+j"])
def test_enter_submits_a_prompt(key: str) -> None:
    browser, _ = browsing("nodes", node("a"), node("b"))
    press(browser, "slash", "/")
    press(browser, "b", "b")

    press(browser, key, "\r")

    assert (browser.prompt, browser.table.filter) == (None, "b")


def test_escape_cancels_a_prompt() -> None:
    browser, _ = browsing("nodes", node("a"))
    press(browser, "slash", "/")
    press(browser, "b", "b")

    press(browser, "escape", "\x1b")

    assert (browser.prompt, browser.table.filter) == (None, "")


def test_any_key_clears_the_notice() -> None:
    browser, _ = browsing("nodes")
    press(browser, "enter", "\r")
    assert browser.notice

    press(browser, "x", "x")

    assert not browser.notice
