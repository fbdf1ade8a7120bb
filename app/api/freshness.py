"""Answers that must not be older than a version that the client has seen.

Versions tell the time at which they were issued, whichever replica issued them. A version in our future is
waited for a little, since clocks of replicas differ by less than that; one further ahead is refused.
k8s.io/apiserver/pkg/storage/errors.go, NewTooLargeResourceVersionError.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from app.rollups.clock import Version, issued_at
from app.vocabulary.errors import Expired, StatusCause, StatusDetails, Timeout

WAIT_AT_MOST_S: Final = 3.0


async def not_older_than(asked: Version, current: Version, now: Callable[[], float]) -> None:
    """Returns once what is published is as new as `asked`; raises Timeout for a version too far ahead.

    `current` is the version of what is published, `now` tells seconds since 1970.
    """
    if asked <= current:
        return
    ahead_s = issued_at(asked) - now()
    if ahead_s > WAIT_AT_MOST_S:
        raise too_large(asked, current)
    if ahead_s > 0:
        await asyncio.sleep(ahead_s)


def too_large(asked: Version, current: Version) -> Timeout:
    """The answer to a version too far ahead of the `current` one."""
    causes = (StatusCause("ResourceVersionTooLarge", "Too large resource version"),)
    details = StatusDetails(causes=causes, retry_after_seconds=1)
    return Timeout(f"Timeout: Too large resource version: {asked}, current: {current}", details)


def exactly(asked: Version, current: Version) -> None:
    """Raises Expired unless `asked` is the version of what is published; older ones are not kept."""
    if asked != current:
        raise Expired("The resourceVersion for the provided list is too old.")
