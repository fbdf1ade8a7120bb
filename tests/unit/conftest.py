"""Unit tests start no other program, unless they say so with the mark `process`."""

import sys
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

_STARTS_A_PROGRAM = frozenset({"subprocess.Popen", "os.posix_spawn", "os.fork"})
_forbidden_for: str | None = None


def _audit(event: str, _arguments: tuple[Any, ...]) -> None:
    if event in _STARTS_A_PROGRAM and _forbidden_for is not None:
        raise AssertionError(f"{_forbidden_for} starts a program: mark it with @pytest.mark.process")


sys.addaudithook(_audit)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, bool | None, bool | None]:
    """Forbids programs while an unmarked test and its fixtures run."""
    global _forbidden_for  # noqa: PLW0603  # an audit hook has no other way to learn of the running test
    # pytest calls this for the tests of every folder.
    is_unit = item.path.is_relative_to(Path(__file__).parent)
    _forbidden_for = item.nodeid if is_unit and not item.get_closest_marker("process") else None
    try:
        return (yield)
    finally:
        _forbidden_for = None
