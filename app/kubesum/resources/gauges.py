"""Parts of gauges that several resources share: amounts of resources, and counts by a label.

Labels and units are those of kube-state-metrics (docs/metrics in its repository), so that queries join both: a
`resource` has `_` in place of all but letters and digits, and `unit` is core, byte or integer.
"""

import re
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import Any, Final

from msgspec import UNSET

from kubesum.vocabulary.quantity import CPU, is_binary
from kubesum.vocabulary.resource import Gauge

MAX_REASONS: Final = 30
"""Reasons of one row; the rest is added up as `other`, since a reason may be any text."""
OTHER: Final = "other"

_OTHERS: Final = re.compile(r"[^a-zA-Z0-9_]")

Sample = tuple[tuple[str, ...], str]


def amounts(name: str, field: str, help_: str) -> Gauge:
    """A gauge of a ResourceList, by resource and unit; `field` is its path in the status."""
    read = attrgetter(field)

    def samples(status: Any) -> Iterator[Sample]:
        found = read(status)
        if found is not UNSET:
            for resource, value in sorted(found.items()):
                yield (_OTHERS.sub("_", resource), _unit(resource)), _number(resource, value)

    return Gauge(name, help_, ("resource", "unit"), samples)


def _unit(resource: str) -> str:
    if resource == CPU:
        return "core"
    return "byte" if is_binary(resource) else "integer"


def _number(resource: str, value: int) -> str:
    """An amount in cores, bytes or items; exact, as text."""
    if resource != CPU:
        return str(value)
    whole, milli = divmod(abs(value), 1000)
    return f"{'-' if value < 0 else ''}{whole}" + (f".{milli:03}".rstrip("0") if milli else "")


def states(name: str, field: str, help_: str) -> Gauge:
    """A gauge of a struct of counts, by the names of its fields in the API."""
    read = attrgetter(field)

    def samples(status: Any) -> Iterator[Sample]:
        counts = read(status)
        for attribute, state in zip(counts.__struct_fields__, counts.__struct_encode_fields__, strict=True):
            yield (state,), str(getattr(counts, attribute))

    return Gauge(name, help_, ("state",), samples)


def reasons(name: str, field: str, help_: str) -> Gauge:
    """A gauge of counts by reason, of which the most frequent have samples of their own."""
    read = attrgetter(field)

    def samples(status: Any) -> Iterable[Sample]:
        counts = sorted(read(status), key=lambda one: (-one.count, one.reason))
        shown = {one.reason: one.count for one in counts[:MAX_REASONS]}
        if rest := sum(one.count for one in counts[MAX_REASONS:]):
            shown[OTHER] = shown.get(OTHER, 0) + rest
        return (((reason,), str(count)) for reason, count in sorted(shown.items()))

    return Gauge(name, help_, ("reason",), samples)


def number(name: str, field: str, help_: str) -> Gauge:
    """A gauge without further labels."""
    read = attrgetter(field)
    return Gauge(name, help_, (), lambda status: (((), str(read(status))),))
