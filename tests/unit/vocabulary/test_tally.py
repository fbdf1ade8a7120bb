"""Tallies: sums, distinct keys and minima while members are added and removed."""

import pickle

from hypothesis import given
from hypothesis import strategies as st

from kubesum.vocabulary.tally import Tally


def test_removing_a_member_subtracts_its_contribution() -> None:
    tally = Tally()
    tally.add((("requests", "cpu", 100), ("nodes", "a", 1)))
    tally.add((("requests", "cpu", 50), ("nodes", "a", 1)))

    tally.subtract((("requests", "cpu", 100), ("nodes", "a", 1)))

    assert tally.total("requests", "cpu") == 50
    assert dict(tally.sums("nodes")) == {"a": 1}
    assert tally.distinct("nodes") == 1


def test_a_tally_without_members_is_empty() -> None:
    tally = Tally()
    tally.add((("requests", "cpu", 100), ("requests", "memory", 0)))

    tally.subtract((("requests", "cpu", 100), ("requests", "memory", 0)))

    assert not tally


@given(st.lists(st.tuples(st.integers(-5, 5), st.booleans())))
def test_the_smallest_key_is_that_of_the_members_present(steps: list[tuple[int, bool]]) -> None:
    tally, present = Tally(), []
    for key, joins in steps:
        if joins:
            present.append(key)
            tally.add((("free", key, 1),))
        elif key in present:
            present.remove(key)
            tally.subtract((("free", key, 1),))

        assert tally.smallest("free") == min(present, default=None)


def test_removed_keys_take_no_memory() -> None:
    """The Tally of ClusterSummary grew with every change of a pod: removed keys stayed in its heap."""
    tally = Tally()
    tally.add((("free", 1, 1),))
    assert tally.smallest("free") == 1
    before = len(pickle.dumps(tally))

    for key in range(2, 10_000):
        tally.add((("free", key, 1),))
        assert tally.smallest("free") == 1
        tally.subtract((("free", key, 1),))

    assert len(pickle.dumps(tally)) < before + 1_000
