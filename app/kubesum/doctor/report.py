"""Prints the result of each check as one line, as soon as it is known.

Lines contain texts of other servers, so characters that a terminal would obey are replaced.
"""

from collections.abc import Callable
from typing import Final


class Report:
    """Writes one line per check, and counts the checks and those that failed."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write: Final = write
        self.checks = 0
        self.failures = 0

    def ok(self, message: str) -> None:
        """The check passed."""
        self._line("ok", message)

    def warn(self, message: str) -> None:
        """It works, but something should be changed."""
        self._line("warn", message)

    def fail(self, message: str) -> None:
        """It does not work; the message says what is wrong, where, and how to fix it."""
        self.failures += 1
        self._line("FAIL", message)

    def skip(self, message: str) -> None:
        """It could not be checked; the message says why."""
        self._line("skip", message)

    def _line(self, level: str, message: str) -> None:
        self.checks += 1
        self._write(f"{level:<4}  {''.join(one if one.isprintable() else '?' for one in message)}")
