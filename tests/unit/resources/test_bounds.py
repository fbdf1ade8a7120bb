"""What a summary lists of more names and reasons than fit."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesum.resources.bounds import left_out, listed, most_frequent

NAMES = [f"example.org/r{n:03}" for n in range(400)]
REASONS = [f"Reason{n:03}" for n in range(200)]


def test_few_names_and_reasons_are_all_listed() -> None:
    amounts = dict.fromkeys(NAMES[:256], 1)

    assert listed(amounts, ["cpu"]) == amounts
    assert left_out(amounts, ["cpu"]) == 0
    assert most_frequent(dict.fromkeys(REASONS[:100], 1)) == dict.fromkeys(REASONS[:100], 1)


@pytest.mark.parametrize(("first", "number"), [([], 256), (["cpu", "memory", "x/absent"], 256), (NAMES[:300], 300)])
def test_of_many_names_the_first_then_those_without_a_prefix_then_the_others_are_listed(
    first: list[str], number: int
) -> None:
    amounts = dict.fromkeys([*NAMES, "cpu", "hugepages-2Mi"], 1)

    kept = listed(amounts, first)

    assert len(kept) == number
    assert left_out(amounts, first) == len(amounts) - number
    wanted = [*(name for name in first if name in amounts), "cpu", "hugepages-2Mi", *NAMES]
    assert list(kept) == list(dict.fromkeys(wanted))[:number]


def test_of_many_reasons_the_most_frequent_are_counted_and_the_others_added_up() -> None:
    counts = {reason: 1 + number // 2 for number, reason in enumerate(REASONS)} | {"Other": 500}

    kept = most_frequent(counts)

    # Of the two with 51, the first by name.
    assert sorted(kept) == ["Other", REASONS[100], *REASONS[102:]]
    assert sum(kept.values()) == sum(counts.values())


@given(st.lists(st.integers(1, 3), min_size=90, max_size=200), st.randoms(use_true_random=False))
def test_what_is_listed_does_not_depend_on_the_order_of_arrival(numbers: list[int], chance: random.Random) -> None:
    counts = {f"Reason{number:03}": count for number, count in enumerate(numbers)}
    shuffled = list(counts.items())
    chance.shuffle(shuffled)

    assert most_frequent(dict(shuffled)) == most_frequent(counts)
    assert len(most_frequent(counts)) <= 100
