"""What was not read of files: counted by what it is, and the first five of each named."""

from collections.abc import Iterator
from enum import Enum
from typing import Final

_MOST_NAMED: Final = 5
_LONGEST_NAME: Final = 200
"""Characters of a name with its reason, which a hostile file decides."""
_LONGEST_SENTENCE: Final = 1000


class Left(Enum):
    """What was left out, as a sentence says it of one and of many; `{}` is the kind of objects."""

    FILE = "file that cannot be read", "files that cannot be read"
    BROKEN_FILE = "file that is neither JSON nor YAML", "files that are neither JSON nor YAML"
    FOREIGN_FILE = "file without Kubernetes objects", "files without Kubernetes objects"
    BROKEN = "document that is neither JSON nor YAML", "documents that are neither JSON nor YAML"
    NO_OBJECT = "document or item that is no Kubernetes object", "documents or items that are no Kubernetes objects"
    OBJECT = "{} that cannot be read", "{}s that cannot be read"
    OTHER_VERSION = "{} of an API version that is not read", "{}s of an API version that is not read"
    PART = "{}", "{}s"


class LeftOut:
    """What was not read, or not all of it, of some files."""

    def __init__(self) -> None:
        self._counts: Final[dict[tuple[Left, str], int]] = {}
        self._named: Final[dict[tuple[Left, str], list[str]]] = {}

    def add(self, what: Left, name: str, kind: str = "") -> None:
        """Counts one thing; the name says where it is or which it is, and why."""
        counted = what, kind
        self._counts[counted] = self._counts.get(counted, 0) + 1
        named = self._named.setdefault(counted, [])
        if len(named) < _MOST_NAMED:
            named.append(printable(name, _LONGEST_NAME))

    def sentences(self) -> Iterator[str]:
        """One for each sort and kind: `left out: 2 Pods that cannot be read (team/a: ..., team/b: ...)`."""
        for (what, kind), count in sorted(self._counts.items(), key=lambda item: list(Left).index(item[0][0])):
            verdict = "read in part" if what is Left.PART else "left out"
            named = self._named[what, kind]
            more = f" and {count - len(named)} more" if count > len(named) else ""
            yield f"{verdict}: {count} {what.value[count > 1].format(kind)} ({', '.join(named)}{more})"


def printable(text: str, longest: int = _LONGEST_SENTENCE) -> str:
    """The begin of a text, without what would move a terminal's cursor."""
    return "".join(character if character.isprintable() else "?" for character in text[:longest])
