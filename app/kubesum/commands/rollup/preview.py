"""The first rows of a kind over the objects in files, as `kubectl get` prints them."""

import time
from collections.abc import Iterator, Mapping, Sequence

from kubesum.api.representations.table import Ages, column_definitions, table_row
from kubesum.api.requests.options import Include
from kubesum.cache.store import Cache
from kubesum.kube.files.leftout import printable
from kubesum.resources import RESOURCES
from kubesum.rollups.engine import Engine
from kubesum.rollups.resourceversion import VersionClock
from kubesum.rollups.store import Store
from kubesum.server.runtime import ListWatch
from kubesum.vocabulary.resource import ComputedResource

FIRST_ROWS = 10
_GAP = 3


async def computed(list_watches: Mapping[str, ListWatch], resources: Sequence[ComputedResource]) -> tuple[Store, ...]:
    """The stores of these resources, computed once from list-watches that end."""
    cache = Cache(time.time, time.monotonic)
    clock = VersionClock(lambda: time.time_ns() // 1000, 1)
    engine = Engine(clock, time.monotonic, cache.contents, cache.sources.unavailable, cache.sources.stale)
    cache.subscribe(engine.change)
    engine.add((*RESOURCES, *resources))
    # Pods last: one that comes after its owners and its node is computed once.
    for kind in sorted(list_watches, key=lambda kind: kind == "pods"):
        async for event in list_watches[kind]():
            cache.apply(kind, event)
            await cache.rejoin_moved()
    await engine.publish()
    by_plural = {store.resource.plural: store for store in engine.catalogue.stores}
    stores = tuple(by_plural[resource.plural] for resource in resources)
    for store in stores:
        await store.catch_up()
    return stores


def lines(store: Store) -> Iterator[str]:
    """The header and the first rows of a kind, without the columns of `-o wide`."""
    resource, ages = store.resource, Ages(time.time())
    shown = [position for position, one in enumerate(column_definitions(resource)) if not one.priority]
    rows = store.snapshot().rows
    header = [column_definitions(resource)[position].name.upper() for position in shown]
    cells = [table_row(resource, row, ages, Include.NONE, "v1").cells for row in rows[:FIRST_ROWS]]
    table = [header, *([str(row[position]) for position in shown] for row in cells)]
    if resource.namespaced:
        table = [
            [namespace, *line]
            for namespace, line in zip(["NAMESPACE", *(row.key[0] for row in rows[:FIRST_ROWS])], table, strict=True)
        ]
    # The author of a definition must not send control sequences to the terminal of its reader.
    table = [[printable(text) for text in line] for line in table]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for line in table:
        yield (" " * _GAP).join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip()
    if len(rows) > FIRST_ROWS:
        yield f"... {len(rows) - FIRST_ROWS} more rows"
