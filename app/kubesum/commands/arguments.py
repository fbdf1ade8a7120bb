"""The types of command line arguments, and the parser that reports a mistake in one line."""

import argparse
from typing import Final, NoReturn

from kubesum.vocabulary.duration import duration_s

MISUSED: Final = 2


class Parser(argparse.ArgumentParser):
    """A parser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Ends the program with the reason and where to read more."""
        self.exit(MISUSED, f"{self.prog}: {message}; see {self.prog} --help\n")


def port(text: str) -> int:
    """A port number, 0 for any free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 65535")
    return int(text)


def positive(text: str) -> int:
    """A number of things, at least one."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 on")
    return int(text)


def rate(text: str) -> float:
    """A number of happenings per second."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 on")
    return number


def duration(text: str) -> float:
    """Seconds, from a duration such as 10s or 1m30s."""
    try:
        seconds = duration_s(text)
    except ValueError:
        seconds = -1.0
    if seconds < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a duration such as 10s or 1m30s")
    return seconds


def paths(text: str) -> tuple[str, ...]:
    """Paths that are separated by commas; one may end with `*`."""
    found = tuple(path for path in text.split(",") if path)
    if strange := [path for path in found if not path.startswith("/")]:
        raise argparse.ArgumentTypeError(f"{strange[0]!r} is not a path, which begins with /")
    return found


def interval(text: str) -> float:
    """Seconds between two polls: 0, or a duration of at least one second."""
    seconds = duration(text)
    if 0 < seconds < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither 0 nor a duration of at least 1s")
    return seconds
