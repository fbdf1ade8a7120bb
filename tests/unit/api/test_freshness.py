"""Answers that must not be older than what the client has seen."""

import asyncio

import pytest

from app.api.freshness import exactly, not_older_than
from app.vocabulary.errors import Expired, Timeout

CURRENT = 1_790_000_000_000_000_007  # issued 1,790,000,000 s after 1970


async def test_a_version_that_is_reached_is_answered_at_once() -> None:
    await not_older_than(CURRENT, CURRENT, lambda: 0.0)
    await not_older_than(5, CURRENT, lambda: 0.0)


async def test_a_version_of_a_replica_whose_time_has_come_is_answered_at_once() -> None:
    await not_older_than(CURRENT + 1, CURRENT, lambda: 1_790_000_001.0)


async def test_a_version_a_moment_ahead_is_waited_for() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()

    await not_older_than(CURRENT + 20_000_000, CURRENT, lambda: 1_790_000_000.0)

    assert loop.time() - began >= 0.019


async def test_a_version_far_ahead_is_too_large() -> None:
    with pytest.raises(Timeout) as refused:
        await not_older_than(CURRENT + 4_000_000_000, CURRENT, lambda: 1_790_000_000.0)

    assert refused.value.message == (
        "Timeout: Too large resource version: 1790000004000000007, current: 1790000000000000007"
    )


def test_only_the_current_version_is_kept() -> None:
    exactly(CURRENT, CURRENT)
    with pytest.raises(Expired, match="The resourceVersion for the provided list is too old"):
        exactly(CURRENT - 1, CURRENT)
