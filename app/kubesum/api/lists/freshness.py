"""Lists and gets that must not be older than a resourceVersion that the client has seen.

A version that this process issued is reached already. A version of another replica stands for the time at which it
was issued: what that replica had received by then is received here within RECEIVED_WITHIN_S, and must be published
first, which takes a moment, because changes gather and rows rest. No replica can tell that it has received
everything: a watch carries no event that says so but a bookmark a minute. The clock of the other replica may be LAG_S
behind, so that a version may be as much younger than it looks. For one that is a little ahead of our clock the
request waits until it is not; one further ahead is refused, as
k8s.io/apiserver/pkg/storage/errors.go, NewTooLargeResourceVersionError does.
"""

import asyncio
from collections.abc import Callable
from typing import Final

from kubesum.rollups.resourceversion import Version, issued_at
from kubesum.rollups.store import GATHER_S, LAG_S, MAX_AHEAD_S, QUIET_S, Store
from kubesum.vocabulary.errors import Expired, StatusCause, StatusDetails, Timeout

RECEIVED_WITHIN_S: Final = 1.0
"""By how much a change may arrive here later than at another replica, unless a watch or a process lags more."""
PUBLISHED_WITHIN_S: Final = QUIET_S + 2 * GATHER_S
"""How long it takes until a received change is published, unless the process is overloaded."""


async def not_older_than(asked: Version, store: Store, now: Callable[[], float]) -> None:
    """Returns once the published rows are as new as `asked`; their version is larger if another replica issued that.

    Raises Timeout for a version too far ahead. `now` gives seconds since 1970.
    """
    if store.has_issued(asked):
        return
    ahead_s = issued_at(asked) - now()
    if ahead_s > MAX_AHEAD_S:
        raise too_large(asked, store.version())
    least_age_s = max(0.0, -ahead_s - LAG_S)
    received_in_s = max(0.0, ahead_s) + RECEIVED_WITHIN_S - least_age_s
    if received_in_s > 0:
        await asyncio.sleep(received_in_s)
    published_in_s = min(received_in_s, 0.0) + PUBLISHED_WITHIN_S
    if published_in_s > 0:
        await _published(store, published_in_s)
    store.version_above(asked)


async def _published(store: Store, within_s: float) -> None:
    """Returns once every received change is published, or after `within_s`: by then those of the beginning are."""
    try:
        async with asyncio.timeout(within_s):
            await store.wait_until_published()
    except TimeoutError:
        return


def too_large(asked: Version, current: Version) -> Timeout:
    """The error for a version too far ahead of the `current` one."""
    causes = (StatusCause("ResourceVersionTooLarge", "Too large resource version"),)
    details = StatusDetails(causes=causes, retry_after_seconds=1)
    return Timeout(f"Timeout: Too large resource version: {asked}, current: {current}", details)


def exactly(asked: Version, current: Version) -> None:
    """Raises Expired unless `asked` is the current version: the rows of older ones are not kept."""
    if asked != current:
        raise Expired("The resourceVersion for the provided list is too old.")
