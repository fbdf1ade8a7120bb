"""What the text of a file consists of: documents, and places that are none."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec


@dataclass(frozen=True, slots=True)
class Document:
    """One value of a file: a map, a list or a scalar."""

    value: msgspec.Raw
    """As JSON."""
    line: int
    """Where it begins, from 1."""
    written: Callable[[], Any] | None = None
    """The same value with the source text of its numbers and booleans (`Written`), if it was YAML."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A part of a file that cannot be read."""

    line: int
    """Of the mistake, from 1."""
    reason: str


Part = Document | Broken
