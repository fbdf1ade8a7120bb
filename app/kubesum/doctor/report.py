"""Prints the result of each check as one line, as soon as it is known.

Lines contain texts of other servers, so characters that a terminal would obey are replaced.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Result:
    """One line: `level` is ok, warn, FAIL or skip."""

    level: str
    message: str

    def __str__(self) -> str:
        return f"{self.level:<4}  {self.message}"


class Report:
    """Writes one line per check, keeps them, and counts those that failed."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write: Final = write
        self.results: Final[list[Result]] = []

    @property
    def failures(self) -> int:
        """How many checks failed."""
        return sum(result.level == "FAIL" for result in self.results)

    def ok(self, message: str) -> None:
        """The check passed."""
        self._line("ok", message)

    def warn(self, message: str) -> None:
        """It works, but something should be changed."""
        self._line("warn", message)

    def fail(self, message: str) -> None:
        """It does not work; the message says what is wrong, where, and how to fix it."""
        self._line("FAIL", message)

    def skip(self, message: str) -> None:
        """It could not be checked; the message says why."""
        self._line("skip", message)

    def _line(self, level: str, message: str) -> None:
        result = Result(level, printable(message))
        self.results.append(result)
        self._write(str(result))


def printable(message: str) -> str:
    """The message with characters that a terminal would obey replaced by question marks."""
    return "".join(one if one.isprintable() else "?" for one in message)
