"""The lines of an examination: how each check went, in a sentence, as soon as it is known.

Much of a sentence may have been written by others, whom no terminal shall obey.
"""

from collections.abc import Callable
from typing import Final


class Report:
    """Writes lines, and counts those that say that something is broken."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write: Final = write
        self.checks = 0
        self.failures = 0

    def ok(self, sentence: str) -> None:
        """Something is as it should be."""
        self._line("ok", sentence)

    def warn(self, sentence: str) -> None:
        """Something works, but not as it should."""
        self._line("warn", sentence)

    def fail(self, sentence: str) -> None:
        """Something is broken; the sentence says what, where, and what to do."""
        self.failures += 1
        self._line("FAIL", sentence)

    def skip(self, sentence: str) -> None:
        """Something could not be looked at; the sentence says why."""
        self._line("skip", sentence)

    def _line(self, level: str, sentence: str) -> None:
        self.checks += 1
        self._write(f"{level:<4}  {''.join(one if one.isprintable() else '?' for one in sentence)}")
