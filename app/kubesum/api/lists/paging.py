"""Pages of a list: which rows, and how the next request goes on.

A continue token holds the last key of its page, not a stored list: each page is made of the current rows, and carries
the version of the first page.
"""

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from operator import attrgetter
from typing import Final

import msgspec

from kubesum.api.requests.options import Continue, ListOptions
from kubesum.api.requests.selectors import Selector
from kubesum.rollups.rows import Row, Snapshot
from kubesum.vocabulary.resource import ComputedResource

_SLICE_ROWS: Final = 200
_BY_KEY: Final = attrgetter("key")


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
        return rows, ListMeta(str(options.continue_.version if options.continue_ else snapshot.version))
    version = options.continue_.version if options.continue_ else snapshot.version_of_pages
    token = Continue(version, rows[options.limit - 1].key).token()
    # With a selector, counting the rest would mean matching every row; kube-apiserver leaves the number out too.
    remaining = 0 if options.selector else len(rows) - options.limit
    return rows[: options.limit], ListMeta(str(version), token, remaining)


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
