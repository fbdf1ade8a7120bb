"""Sharing of equal values: thousands of pods have the same labels, resources and images.

The first of several equal values stands for all of them. The memory of it is bounded: when it is full it is
forgotten whole, which costs some sharing and never correctness.
"""

from collections.abc import Callable, Hashable
from sys import intern
from typing import Any, Final, TypeVar

from kubesum.semantics.facts import Labels

Value = TypeVar("Value")


class Interner:
    """Remembers up to `capacity` values."""

    __slots__ = ("_capacity", "_values")

    def __init__(self, capacity: int = 65_536) -> None:
        self._capacity: Final = capacity
        self._values: dict[Hashable, Any] = {}

    def computed(self, key: Hashable, make: Callable[[], Value]) -> Value:
        """What `make` gave when this key was first seen; a key must decide what is made, and be ours alone."""
        known: Value | None = self._values.get(key)
        return known if known is not None else self._remember(key, make())

    def shared(self, value: Value) -> Value:
        """The first value that equals this one, which can be hashed."""
        return self.computed(value, lambda: value)

    def labels(self, labels: Labels) -> Labels:
        """The first label map with these entries in this order, which is by name wherever a server sent it."""
        known: Labels | None = self._values.get((Labels, *labels, *labels.values()))
        if known is not None:
            return known
        shared = interned(labels)
        return self._remember((Labels, *shared, *shared.values()), shared)

    def _remember(self, key: Hashable, value: Value) -> Value:
        if len(self._values) >= self._capacity:
            self._values.clear()
        self._values[key] = value
        return value


def interned(labels: Labels) -> Labels:
    """A label map of shared strings."""
    return {intern(name): intern(value) for name, value in labels.items()}
