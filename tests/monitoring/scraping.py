"""Scrapes of /metrics, with the labels that Prometheus adds to the target of a ServiceMonitor.

Labels of a series win over those of its target, as `honorLabels` of the chart's ServiceMonitor has it.
"""

import re
from collections.abc import Sequence
from typing import Final

from prometheus_client.parser import text_string_to_metric_families

from tests.monitoring.promql import Samples, Scrape

COUNTER: Final = re.compile(r"_(total|bucket|count)(\{|$)")
TARGETS: Final = ("one", "two", "other")
TARGET: Final = {
    "job": "kubesum",
    "instance": "10.128.0.24:10250",
    "namespace": "kubesum-system",
    "service": "kubesum",
    "endpoint": "https",
    "pod": "kubesum-0",
    "container": "kubesum",
}


def scrape(text: str, at: float, **target: str) -> Scrape:
    """The scrape of a target at a time; of one replica of kubesum if none is named."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append(((target or TARGET) | sample.labels, sample.value))
    return Scrape(at, found)


def together(*scrapes: Scrape) -> Scrape:
    """The scrapes of several targets at one time."""
    names = {name for one in scrapes for name in one.samples}
    return Scrape(
        scrapes[0].at, {name: [sample for one in scrapes for sample in one.samples.get(name, ())] for name in names}
    )


def scrapes(table: str, seconds: float) -> tuple[Scrape, Scrape]:
    """The scrapes at 0 and at `seconds` of two replicas, and of a target of the same job that is none.

    A line has a series and its value at each target at the end, or # where it is not served; counters begin at 0.
    """
    lines = [line.rsplit(maxsplit=len(TARGETS)) for line in table.splitlines() if line]
    return _of_targets(lines, 0.0), _of_targets(lines, seconds)


def _of_targets(lines: Sequence[Sequence[str]], at: float) -> Scrape:
    found = []
    for number, instance in enumerate(TARGETS):
        series = [
            f"{name} {'0' if not at and COUNTER.search(name) else values[number]}\n"
            for name, *values in lines
            if values[number] != "#"
        ]
        found.append(scrape("".join(series), at, job="kubesum", instance=instance))
    return together(*found)


def names(text: str) -> set[str]:
    """The names of all metrics, also of counters without a series so far."""
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


def labels(samples: Samples, name: str) -> set[str]:
    """The labels of the series of a name."""
    return {label for of_series, _ in samples.get(name, ()) for label in of_series}
