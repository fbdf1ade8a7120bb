"""Rows in order: blocks that share what has not changed."""

import random

import pytest

from kubesum.rollups.rows import Row
from kubesum.rollups.snapshots import MAX_BLOCK_ROWS, MIN_BLOCK_ROWS, Rows, Snapshot
from kubesum.vocabulary.resource import Key


def rows(keys: list[Key], version: int = 1) -> list[Row]:
    return [Row(key, version, None, None) for key in keys]


KEYS: list[Key] = [(f"team-{n % 7}", f"{n:04}") for n in range(1000)]


@pytest.mark.parametrize("seed", range(5))
def test_rows_equal_a_sorted_list_whatever_changes(seed: int) -> None:
    chance = random.Random(seed)
    expected: dict[Key, Row] = {}
    found = Rows()
    for version in range(1, 200):
        # Most rows are there for a while, and few in the end.
        gone = chance.random() < version / 250
        changed = chance.sample(KEYS, chance.choice([1, 2, 30, 400]))
        changes = {key: None if gone else Row(key, version, None, None) for key in changed}
        for key, row in changes.items():
            if row is None:
                expected.pop(key, None)
            else:
                expected[key] = row
        found = found.changed(changes)

        in_order = [expected[key] for key in sorted(expected)]
        assert [*found] == in_order
        assert len(found) == len(in_order)
        assert found[10:300] == in_order[10:300]
        assert all(0 < len(block.rows) <= MAX_BLOCK_ROWS for block in found.blocks)
        assert len({block.place for block in found.blocks}) == len(found.blocks)
        probe = chance.choice(KEYS)
        assert found.position(probe) == sum(key < probe for key in expected)
        assert [found[at] for at in found.having(probe)] == [row for row in in_order if row.key == probe]


def test_a_change_replaces_one_block_and_shares_the_others() -> None:
    before = Rows.of(rows(KEYS))
    after = before.changed({("team-3", "0500"): Row(("team-3", "0500"), 2, None, None)})

    replaced = [(a, b) for a, b in zip(before.blocks, after.blocks, strict=True) if a is not b]
    assert len(replaced) == 1
    assert replaced[0][0].place == replaced[0][1].place
    assert replaced[0][0].stamp != replaced[0][1].stamp


def test_a_past_state_has_blocks_of_its_own() -> None:
    now = Rows.of(rows(KEYS))
    past = now.changed({KEYS[0]: None}, in_place=False)

    places = {block.place for block in now.blocks}
    assert [block.place in places for block in past.blocks].count(False) == 1


def test_what_is_left_of_a_block_joins_the_one_before() -> None:
    keys = sorted(KEYS)
    before = Rows.of(rows(keys))
    first, second = before.blocks[:2]
    emptied = {row.key: None for row in (*first.rows[MIN_BLOCK_ROWS:], *second.rows[MIN_BLOCK_ROWS - 1 :])}

    after = before.changed(emptied)

    assert len(after.blocks) == len(before.blocks) - 1
    assert after.blocks[0].place == first.place


def test_a_namespace_is_a_range_of_rows() -> None:
    snapshot = Snapshot(1, Rows.of(rows([("a", "x"), ("b", "x"), ("b", "y"), ("b-2", "x")])))

    assert (snapshot.within("b"), snapshot.within("c"), snapshot.within("")) == (range(1, 3), range(4, 4), range(4))
    assert snapshot.rows[-1].key == ("b-2", "x")
    with pytest.raises(IndexError):
        snapshot.rows[4]
