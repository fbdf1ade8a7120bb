"""Pages of a list: which rows, and how the next request goes on.

A continue token holds the version of the first page and the last key of its page. Every page is made of the rows at
that version, by the replica that issued it. Another replica does not know these rows. It makes a page of its own rows
if none has changed since some time before that version. Otherwise the client is to try again, which may reach the
first replica, for LAG_S; after that the page is made of rows that are not older, and may be newer.
"""

from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from kubesum.api.lists.selections import Selected, Selections
from kubesum.api.representations.status import RETRY_SOON
from kubesum.api.requests.options import LATEST, Continue, ListOptions
from kubesum.rollups.resourceversion import Version, watermark_before
from kubesum.rollups.ring import KEPT_S
from kubesum.rollups.snapshots import BlockRows, Snapshot
from kubesum.rollups.store import LAG_S, MAX_AHEAD_S, Store
from kubesum.vocabulary.errors import Expired, ServiceUnavailable
from kubesum.vocabulary.resource import ComputedResource

SETTLED_S: Final = 2.0
"""After this time another replica has received and published what was published here, unless its watches lag."""

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
    resource: ComputedResource, snapshot: Snapshot, namespace: str, options: ListOptions, selections: Selections
) -> tuple[Sequence[BlockRows], ListMeta]:
    """The rows of one page, block by block, and the metadata of its list."""
    within = _candidates(resource, snapshot, namespace, options)
    # With a selector, counting the rest would mean matching every row; kube-apiserver leaves the number out too.
    remaining = 0
    parts: Sequence[BlockRows]
    if options.selector:
        selected = selections.of(resource, options.selector)
        parts, has_more = await _matching(snapshot.rows.spans(within.start, within.stop), options, selected)
    else:
        stop = min(within.stop, within.start + options.limit) if options.limit else within.stop
        parts, has_more = [*snapshot.rows.spans(within.start, stop)], stop < within.stop
        remaining = within.stop - stop
    if not has_more:
        return parts, ListMeta(str(snapshot.version))
    token = Continue(snapshot.version, parts[-1].last_key).token()
    return parts, ListMeta(str(snapshot.version), token, remaining)


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


def _candidates(resource: ComputedResource, snapshot: Snapshot, namespace: str, options: ListOptions) -> range:
    """The indexes of the rows that namespace, name and token leave: all requested ones, and perhaps others."""
    rows, selector = snapshot.rows, options.selector
    namespace = namespace or selector.exact_namespace() or ""
    name = selector.exact_name()
    if name is not None and (namespace or not resource.namespaced):
        within = rows.having((namespace, name))
    else:
        within = snapshot.within(namespace)
    if options.continue_:
        return range(max(within.start, rows.having(options.continue_.after).stop), within.stop)
    return within


async def _matching(
    parts: Iterable[BlockRows], options: ListOptions, selected: Selected
) -> tuple[Sequence[BlockRows], bool]:
    """The selected rows, up to the limit, and whether there are more."""
    found: list[BlockRows] = []
    number = 0
    for part in parts:
        matching = await selected(part)
        if options.limit and number + len(matching) > options.limit:
            found.append(BlockRows(part.block, matching.positions[: options.limit - number]))
            return [one for one in found if one], True
        if matching:
            found.append(matching)
            number += len(matching)
    return found, False
