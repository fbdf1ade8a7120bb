"""Rows as Prometheus gauges: their text is made once for each published row, and joined at each scrape.

A published row never changes, so that only rows that are new since the last scrape cost anything. Other tasks run
between slices of rows.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

from kubesum.rollups.catalogue import Catalogue
from kubesum.rollups.rows import Row, status_of
from kubesum.rollups.store import Store
from kubesum.vocabulary.resource import ComputedResource, Gauge, Key

_SLICE_ROWS: Final = 100

Lines = tuple[Row, tuple[str, ...]]
"""A row, and the lines of each of its gauges."""


class RollupMetrics:
    """The gauges of some resources; `plurals` empty is none."""

    def __init__(self, catalogue: Callable[[], Catalogue], plurals: Sequence[str]) -> None:
        """`catalogue` gives what is served now."""
        self._catalogue = catalogue
        self._plurals = frozenset(plurals)
        self._lines: dict[str, dict[Key, Lines]] = {}

    async def text(self) -> bytes:
        """All samples in the text format of Prometheus.

        github.com/prometheus/docs, instrumenting/exposition_formats.md: the samples of a metric are one group. A
        resource that cannot be served has none.
        """
        parts: list[str] = []
        for store in self._catalogue().stores:
            if store.resource.plural in self._plurals:
                # First: rows that no client reads are not computed, and unavailable until they are.
                await store.catch_up()
                if store.unavailable() is None:
                    parts += await self._of_store(store)
        return "".join(parts).encode()

    async def _of_store(self, store: Store) -> list[str]:
        resource, known = store.resource, self._lines.get(store.resource.plural, {})
        lines: dict[Key, Lines] = {}
        for number, row in enumerate(store.snapshot().rows, 1):
            of_row = known.get(row.key)
            if of_row is None or of_row[0] is not row:
                of_row = (row, row_lines(resource, row))
            lines[row.key] = of_row
            if number % _SLICE_ROWS == 0:
                await asyncio.sleep(0)
        self._lines[resource.plural] = lines
        parts: list[str] = []
        for index, gauge in enumerate(resource.gauges):
            parts.append(f"# HELP {gauge.name} {gauge.help}\n# TYPE {gauge.name} gauge\n")
            parts += [of_gauges[index] for _, of_gauges in lines.values()]
        return parts


def row_lines(resource: ComputedResource, row: Row) -> tuple[str, ...]:
    """The samples of a row, as text for each gauge."""
    subject = ((resource.gauge_label, row.key[1]),) if resource.gauge_label else ()
    status = status_of(resource, row)
    return tuple("".join(_samples(gauge, subject, status)) for gauge in resource.gauges)


def _samples(gauge: Gauge, subject: tuple[tuple[str, str], ...], status: object) -> list[str]:
    return [
        f"{gauge.name}{_labels((*subject, *zip(gauge.labels, values, strict=True)))} {value}\n"
        for values, value in gauge.samples(status)
    ]


def _labels(pairs: tuple[tuple[str, str], ...]) -> str:
    if not pairs:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in pairs) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
