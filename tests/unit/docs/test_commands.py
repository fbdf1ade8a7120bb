"""Every command line of kubesum in the documentation is one that its parser takes."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from kubesum.commands.parser import parser

ROOT = Path(__file__).parents[3]
PAGES = (ROOT / "README.md", ROOT / "helm" / "kubesum" / "README.md", *(ROOT / "docs").glob("*.md"))

_BLOCK = re.compile(r"^```(?:sh|console)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_OPERATORS = frozenset({"|", ";", "&&", "&", ">", ">>", "<", "2>"})


def command_lines(page: str) -> Iterator[list[str]]:
    """The words after `kubesum` of each line that runs it, in the blocks of a page that are shell."""
    for block in _BLOCK.findall(page):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line.removeprefix("$ "), comments=True) if "kubesum" in line else []
            if words[:1] == ["kubesum"]:
                yield [*_until_operator(words[1:])]


def _until_operator(words: list[str]) -> Iterator[str]:
    for word in words:
        if word in _OPERATORS:
            return
        yield word


LINES = sorted({tuple(line) for page in PAGES for line in command_lines(page.read_text())})


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_a_command_line_is_valid(line: tuple[str, ...]) -> None:
    assert parser().parse_args(line).command == line[0]


def test_there_are_many() -> None:
    assert len(LINES) > 10


def test_an_unknown_flag_is_found() -> None:
    (line,) = command_lines("```console\n$ kubesum doctor --bunch | head\nok  kubesum\n```\n")

    with pytest.raises(SystemExit):
        parser().parse_args(line)
