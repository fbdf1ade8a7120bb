"""How the cache changes: one fact of one source at a time."""

from collections.abc import Callable
from typing import Any, TypeVar

from kubesum.vocabulary.resource import Key, Source

OnChange = Callable[[Source, Any, Any], None]
"""Called with (source, old, new) for each fact that was added (old is None), replaced or removed (new is None)."""

Fact = TypeVar("Fact")


def replace(store: dict[Key, Fact], key: Key, fact: Fact | None) -> Fact | None:
    """Puts a fact into a store, or takes it out (None); returns the one that was there."""
    old = store.get(key)
    if fact is not None:
        store[key] = fact
    elif old is not None:
        del store[key]
    return old
