"""Interning: thousands of pods have equal labels, resources and images, and share one object for them.

Values that nothing else holds any more are dropped: the states of pods that restart again and again would be kept
for as long as the process runs. The number of all others is bounded. When it is reached all are dropped: later values
are then no longer shared with earlier ones, which costs memory but changes no result. Large values must not be
interned: whoever may create and delete pods could fill the memory with them.
"""

from collections.abc import Callable, Hashable, Mapping
from sys import getrefcount, intern
from typing import Any, Final, TypeVar

from kubesum.semantics.facts import Labels

MOST_LABELS: Final = 64
"""Largest number of entries of a label map that is interned; kube-apiserver takes ten thousand."""

FEW: Final = 1_024
"""So many values are kept whether or not something else holds them."""

Value = TypeVar("Value")


class Interner:
    """Interns up to `capacity` values."""

    __slots__ = ("_capacity", "_sweep_at", "_values")

    def __init__(self, capacity: int = 65_536) -> None:
        self._capacity: Final = capacity
        self._values: dict[Hashable, Any] = {}
        self._sweep_at = FEW

    @property
    def size(self) -> int:
        """The number of values that are kept."""
        return len(self._values)

    def computed(self, key: Hashable, compute: Callable[[], Value]) -> Value:
        """The value of `compute` at the first call with this key.

        Equal keys must give equal values, and no other use of this interner may have an equal key.
        """
        known: Value | None = self._values.get(key)
        return known if known is not None else self._store(key, compute())

    def shared(self, value: Value) -> Value:
        """The first value equal to this one, which must be hashable."""
        return self.computed(value, lambda: value)

    def labels(self, labels: Labels) -> Labels:
        """The first label map with these entries in this order; API servers send labels sorted by name."""
        if len(labels) > MOST_LABELS:
            return interned(labels)
        known: Labels | None = self._values.get((Labels, *labels, *labels.values()))
        if known is not None:
            return known
        shared = interned(labels)
        return self._store((Labels, *shared, *shared.values()), shared)

    def _store(self, key: Hashable, value: Value) -> Value:
        if len(self._values) >= min(self._sweep_at, self._capacity):
            self._sweep()
        self._values[key] = value
        return value

    def _sweep(self) -> None:
        """Drops the values that nothing else holds, or all if the rest is still too many."""
        counted = zip(self._values.items(), _references(self._values), strict=True)
        # A value that was shared by itself is its own key.
        self._values = {key: value for (key, value), count in counted if count > _UNHELD + (key is value)}
        if len(self._values) >= self._capacity:
            self._values = {}
        # A quarter more may be added before the next time, so that each value added looks at five.
        self._sweep_at = max(FEW, len(self._values) * 5 // 4)


def _references(values: Mapping[Hashable, Any]) -> list[int]:
    return [getrefcount(value) for value in values.values()]


_UNHELD: Final = _references({None: object()})[0]
"""Of a value that nothing but the interner holds."""


def interned(labels: Labels) -> Labels:
    """A copy of a label map with interned strings."""
    return {intern(name): intern(value) for name, value in labels.items()}
