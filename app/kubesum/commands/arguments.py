"""Types of command line arguments, and a parser that reports an invalid one in one line."""

import argparse
import re
from collections.abc import Callable, Sequence
from typing import Any, Final, NoReturn

from kubesum.vocabulary.duration import duration_s

_ANNOTATION: Final = re.compile(r"([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")
_MOST_ANNOTATIONS: Final = 20
USAGE_ERROR: Final = 2
"""The exit code for invalid arguments, as argparse has it."""


class Parser(argparse.ArgumentParser):
    """A parser that reports an invalid argument in one line, without the usage.

    `conflict` gives the reason why parsed arguments exclude each other, empty if they do not.
    """

    conflict: Callable[[argparse.Namespace], str] = staticmethod(lambda _: "")

    def parse_known_args(  # type: ignore[override]  # argparse has overloads for other types of namespaces
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[argparse.Namespace, list[str]]:
        """The parsed arguments; those of a command are complete here, and its parser names it in the error."""
        options, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        if reason := self.conflict(options):
            self.error(reason)
        return options, unknown

    def error(self, message: str) -> NoReturn:
        """Exits with the reason and the command that prints the help."""
        self.exit(USAGE_ERROR, f"{self.prog}: {message}; see {self.prog} --help\n")


def port(text: str) -> int:
    """A port number, 0 for any free one."""
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 0 to 65535")
    return int(text)


def positive(text: str) -> int:
    """A positive integer."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a positive integer")
    return int(text)


def at_most(most: int) -> Callable[[str], int]:
    """The type of a positive integer that is no larger than `most`."""

    def bounded(text: str) -> int:
        number = positive(text)
        if number > most:
            raise argparse.ArgumentTypeError(f"{text} is more than {most}, the most that a Kubernetes cluster has")
        return number

    return bounded


_OBJECT_NAME: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
"""k8s.io/apimachinery/pkg/util/validation, IsDNS1123Subdomain."""
LEAST_MEMORY_BYTES: Final = 64 << 20


def memory(text: str) -> int:
    """Bytes, none or at least 64Mi, from a number of them or a quantity such as 512Mi."""
    # Imported here, since every command parses its line first, and few need quantities.
    from kubesum.vocabulary.errors import QuantityError  # noqa: PLC0415
    from kubesum.vocabulary.quantity import MEMORY, amount  # noqa: PLC0415

    try:
        number = amount(MEMORY, text)
    except QuantityError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text!r} is not a quantity of memory such as 512Mi")
    if 0 < number < LEAST_MEMORY_BYTES:
        # Such as 512m, which are milli-bytes.
        raise argparse.ArgumentTypeError(
            f"{text!r} is less than 64Mi, which a process at rest takes; give more, or 0"
        )
    return number


def percent(text: str) -> int:
    """A whole number from 1 to 100."""
    if not text.isdecimal() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 100")
    return int(text)


def rate(text: str) -> float:
    """A number of events per second, 0 or more."""
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of at least 0")
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


def object_name(text: str) -> str:
    """The name of an object, which becomes part of paths; empty for none."""
    if text and not (_OBJECT_NAME.fullmatch(text) and len(text) <= 253):
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a name of a Kubernetes object: lower case letters, digits, - and ."
        )
    return text


def paths(text: str) -> tuple[str, ...]:
    """Paths separated by commas; one may end with `*`."""
    split = tuple(path for path in text.split(",") if path)
    if invalid := [path for path in split if not path.startswith("/")]:
        raise argparse.ArgumentTypeError(f"{invalid[0]!r} is not a path: it must begin with /")
    return split


def annotations(text: str) -> tuple[str, ...]:
    """Names of annotations separated by commas, at most 20."""
    names = tuple(dict.fromkeys(name for name in text.split(",") if name))
    if invalid := [name for name in names if not _ANNOTATION.fullmatch(name)]:
        raise argparse.ArgumentTypeError(f"{invalid[0]!r} is not the name of an annotation, such as example.com/team")
    if len(names) > _MOST_ANNOTATIONS:
        raise argparse.ArgumentTypeError(f"{len(names)} annotations are more than {_MOST_ANNOTATIONS}")
    return names


def interval(text: str) -> float:
    """Seconds between two polls: 0, or a duration of at least one second."""
    seconds = duration(text)
    if 0 < seconds < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is neither 0 nor a duration of at least 1s")
    return seconds
