"""Interning: equal values are one object, for as long as something holds it."""

from collections.abc import Iterator

from kubesum.semantics.interner import FEW, Interner


def values(first: int, number: int) -> Iterator[tuple[int, str]]:
    """New objects, none of which is equal to another."""
    return ((value, "x") for value in range(first, first + number))


def test_equal_values_are_one_object() -> None:
    interner = Interner()
    held = [interner.shared(value) for value in values(0, 5 * FEW)]

    assert all(interner.shared(value) is first for value, first in zip(values(0, 5 * FEW), held, strict=True))


def test_values_that_nothing_else_holds_are_dropped() -> None:
    """The states of pods that restarted again and again were kept: 0.5 MiB a minute at 200 events a second."""
    interner = Interner()
    held = [interner.shared(value) for value in values(0, FEW)]

    for value in values(FEW, 50 * FEW):
        interner.shared(value)
        interner.computed(("made of", value), lambda value=value: [value])  # type: ignore[misc]

    assert interner.size < 2 * FEW
    assert all(interner.shared(value) is first for value, first in zip(values(0, FEW), held, strict=True))


def test_no_more_values_than_the_capacity_are_kept() -> None:
    interner = Interner(capacity=10)
    held = [interner.shared(value) for value in values(0, 25)]

    assert interner.size <= 10
    assert interner.shared((24, "x")) is held[24]
