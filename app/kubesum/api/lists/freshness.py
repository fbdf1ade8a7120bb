"""Answers that must not be older than a version that the client has seen.

A version that was given out here is reached. One of another replica tells the time at which it was issued: what has
come in here by then has to be published, which takes a moment, since rows gather and rest. A version in our future
is waited for a little, since clocks of replicas differ by less than that; one further ahead is refused.
k8s.io/apiserver/pkg/storage/errors.go, NewTooLargeResourceVersionError.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from kubesum.rollups.resourceversion import Version, issued_at
from kubesum.rollups.store import GATHER_S, QUIET_S, Store
from kubesum.vocabulary.errors import Expired, StatusCause, StatusDetails, Timeout

WAIT_AT_MOST_S: Final = 3.0
SETTLES_WITHIN_S: Final = QUIET_S + 2 * GATHER_S
"""How long it takes until what has come in is published, if there is not much else to do."""


async def not_older_than(asked: Version, collection: Store, now: Callable[[], float]) -> None:
    """Returns once what is published is as new as `asked`, and has a larger version if another replica issued that.

    Raises Timeout for a version too far ahead. `now` tells seconds since 1970.
    """
    if collection.has_issued(asked):
        return
    ahead_s = issued_at(asked) - now()
    if ahead_s > WAIT_AT_MOST_S:
        raise too_large(asked, collection.version())
    if ahead_s > 0:
        await asyncio.sleep(ahead_s)
    settled_in_s = min(ahead_s + SETTLES_WITHIN_S, WAIT_AT_MOST_S) - max(ahead_s, 0.0)
    if settled_in_s > 0:
        await _settled(collection, settled_in_s)
    collection.version_above(asked)


async def _settled(collection: Store, within_s: float) -> None:
    """Returns once what has come in is published; at last when that must hold for the first of it, if more comes."""
    try:
        async with asyncio.timeout(within_s):
            await collection.wait_until_published()
    except TimeoutError:
        return


def too_large(asked: Version, current: Version) -> Timeout:
    """The answer to a version too far ahead of the `current` one."""
    causes = (StatusCause("ResourceVersionTooLarge", "Too large resource version"),)
    details = StatusDetails(causes=causes, retry_after_seconds=1)
    return Timeout(f"Timeout: Too large resource version: {asked}, current: {current}", details)


def exactly(asked: Version, current: Version) -> None:
    """Raises Expired unless `asked` is the version of what is published; older ones are not kept."""
    if asked != current:
        raise Expired("The resourceVersion for the provided list is too old.")
