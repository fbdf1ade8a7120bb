"""Pages of a list: which rows, and how the next request goes on.

A continue token holds the version of the first page and the last key of its page. Every page is made of the rows at
that version, by the replica that issued it. Another replica does not know these rows. It makes a page of its own rows
if none has changed since some time before that version. Otherwise the client is to try again, which may reach the
first replica, for LAG_S; after that the page is made of rows that are not older, and may be newer.
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

import msgspec

from kubesum.api.representations.status import RETRY_SOON
from kubesum.api.requests.options import LATEST, Continue, ListOptions
from kubesum.api.requests.selectors import Selector
from kubesum.rollups.resourceversion import Version, watermark_before
from kubesum.rollups.ring import KEPT_S
from kubesum.rollups.rows import Row, Snapshot
from kubesum.rollups.store import LAG_S, MAX_AHEAD_S, Store
from kubesum.vocabulary.errors import Expired, ServiceUnavailable
from kubesum.vocabulary.resource import ComputedResource

SETTLED_S: Final = 2.0
"""After this time another replica has received and published what was published here, unless its watches lag."""

_SLICE_ROWS: Final = 200
_BY_KEY: Final = attrgetter("key")
_INCONSISTENT: Final = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list "
    "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
    "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
    "modified, or deleted between the time the first chunk was returned and now may show up in the list."
)


class ListMeta(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """metav1.ListMeta."""

    resource_version: str = msgspec.field(name="resourceVersion")
    continue_: str = msgspec.field(default="", name="continue")
    remaining: int = msgspec.field(default=0, name="remainingItemCount")


async def page(
    resource: ComputedResource, snapshot: Snapshot, namespace: str, options: ListOptions
) -> tuple[Sequence[Row], ListMeta]:
    """The rows of one page and the metadata of its list."""
    rows = _candidates(resource, snapshot, namespace, options.selector)
    if options.continue_:
        rows = rows[bisect_right(rows, options.continue_.after, key=_BY_KEY) :]
    if options.selector:
        rows = await _selected(resource, rows, options)
    if not options.limit or len(rows) <= options.limit:
        return rows, ListMeta(str(snapshot.version))
    token = Continue(snapshot.version, rows[options.limit - 1].key).token()
    # With a selector, counting the rest would mean matching every row; kube-apiserver leaves the number out too.
    remaining = 0 if options.selector else len(rows) - options.limit
    return rows[: options.limit], ListMeta(str(snapshot.version), token, remaining)


def snapshot_of(store: Store, continued: Continue | None) -> Snapshot:
    """The snapshot that a page is made of; raises Expired, and ServiceUnavailable where another replica can make it.

    Expired carries a token for the same place in the rows of now: k8s.io/apiserver/pkg/storage/etcd3/errors.go,
    handleCompactedErrorForPaging. client-go's pager lists without pages instead.
    """
    if continued is None or continued.version == LATEST:
        return store.snapshot()
    version, age_s = continued.version, store.clock.age_s(continued.version)
    if (past := store.snapshot_at(version)) is not None:
        return past
    if not -MAX_AHEAD_S < age_s < KEPT_S:
        raise Expired(_INCONSISTENT, continue_=Continue(LATEST, continued.after).token())
    if age_s < LAG_S and not _is_settled(store, version):
        raise ServiceUnavailable("the first page of this list is of another replica", RETRY_SOON)
    # What is published from now on is newer than this page, and its version must say so.
    store.version_above(version)
    return Snapshot(version, store.snapshot().rows)


def _is_settled(store: Store, version: Version) -> bool:
    """Whether each replica has the same rows as at `version`: none has changed since well before it."""
    since = watermark_before(version, LAG_S)
    is_unchanged = since >= store.events.complete_since and since >= store.events.head_with_skipped
    return is_unchanged and store.clock.age_s(version) > SETTLED_S


def _candidates(resource: ComputedResource, snapshot: Snapshot, namespace: str, selector: Selector) -> Sequence[Row]:
    """The rows that the namespace and the name leave, found by their keys: all requested ones, and perhaps others."""
    namespace = namespace or selector.exact_namespace() or ""
    name = selector.exact_name()
    if name is not None and (namespace or not resource.namespaced):
        key = (namespace, name)
        at = bisect_left(snapshot.rows, key, key=_BY_KEY)
        return [row for row in snapshot.rows[at : at + 1] if row.key == key]
    return snapshot.within(namespace) if namespace else snapshot.rows


async def _selected(resource: ComputedResource, rows: Sequence[Row], options: ListOptions) -> Sequence[Row]:
    """The selected rows; with a limit at most one more than that, which shows that there is another page."""
    selects = options.selector.predicate(resource)
    most = options.limit + 1 if options.limit else len(rows)
    step = max(1, _SLICE_ROWS // len(options.selector))
    found: list[Row] = []
    for start in range(0, len(rows), step):
        found.extend(filter(selects, rows[start : start + step]))
        if len(found) >= most:
            break
        await asyncio.sleep(0)
    return found[:most]
