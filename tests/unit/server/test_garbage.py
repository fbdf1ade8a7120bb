"""Full collections that walk only what is new, and those of everything."""

import asyncio
import gc
import weakref
from collections.abc import Iterator

import pytest

from kubesum.server.garbage import EVERYTHING_INTERVAL_S, collect_everything_hourly, short_collections
from tests.leaping import leaping


class Cycle:
    """An object that only the garbage collector can free, once nothing else holds it."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """No object stays frozen after the test, and the collector is as before."""
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    assert gc.get_threshold() == thresholds


def test_a_full_collection_does_not_walk_what_stood_through_an_earlier_one() -> None:
    with short_collections():
        cycle = Cycle()
        held = weakref.ref(cycle)
        gc.collect()
        frozen = gc.get_freeze_count()
        del cycle
        gc.collect()

        assert frozen > 0
        assert held() is not None
        gc.unfreeze()
        gc.collect()
        assert held() is None


def test_a_full_collection_finds_what_is_new() -> None:
    with short_collections():
        gc.collect()
        held = weakref.ref(Cycle())
        gc.collect()

        assert held() is None


def test_what_is_frozen_is_collected_once_an_hour() -> None:
    is_held: list[bool] = []

    async def an_hour() -> None:
        cycle = Cycle()
        held = weakref.ref(cycle)
        gc.collect()
        del cycle
        collecting = asyncio.create_task(collect_everything_hourly())
        await asyncio.sleep(EVERYTHING_INTERVAL_S - 1)
        is_held.append(held() is not None)
        await asyncio.sleep(2)
        is_held.append(held() is not None)
        collecting.cancel()

    with short_collections():
        leaping(an_hour())

    assert is_held == [True, False]
