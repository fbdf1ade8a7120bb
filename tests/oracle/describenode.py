"""Parses the pods, requests and limits in the output of `kubectl describe node`."""

import re
from dataclasses import dataclass

from kubesum.vocabulary.quantity import amount
from kubesum.vocabulary.resource import Key

_COLUMNS = re.compile(r" {2,}")
_AMOUNT = re.compile(r"(?P<quantity>[^ ]+)(?: \((?P<percent>-?[0-9]+)%\))?")


Row = tuple[dict[str, int], dict[str, int]]
"""Requests and limits of a pod: cpu and memory."""


@dataclass(frozen=True)
class Share:
    """An amount and its percentage of allocatable, None if kubectl prints none."""

    amount: int
    percent: int | None


@dataclass(frozen=True)
class Described:
    """One node: `pods` and `rows` are those that have not finished.

    `totals` are (requests, limits) of "Allocated resources", which lists allocatable resources only.
    """

    name: str
    pods: int
    rows: dict[Key, Row]
    totals: dict[str, tuple[Share, Share]]


def described(text: str) -> list[Described]:
    """The nodes of an output of `kubectl describe nodes`."""
    return [_node(section) for section in re.split(r"\n(?=Name: )", text)]


def _node(section: str) -> Described:
    lines = section.splitlines()
    head = next(number for number, line in enumerate(lines) if line.startswith("Non-terminated Pods:"))
    totals = lines.index("Allocated resources:")
    return Described(
        lines[0].removeprefix("Name:").strip(),
        int(lines[head].split("(")[1].split()[0]),
        dict(_row(_cells(line)) for line in lines[head + 3 : totals]),
        dict(_total(_cells(line)) for line in _indented(lines[totals + 4 :])),
    )


def _indented(lines: list[str]) -> list[str]:
    end = next((number for number, line in enumerate(lines) if not line.startswith("  ")), len(lines))
    return lines[:end]


def _cells(line: str) -> list[str]:
    return _COLUMNS.split(line.strip())


def _row(cells: list[str]) -> tuple[Key, Row]:
    namespace, name, cpu_requests, cpu_limits, memory_requests, memory_limits, _age = cells
    requests = {"cpu": _share("cpu", cpu_requests).amount, "memory": _share("memory", memory_requests).amount}
    limits = {"cpu": _share("cpu", cpu_limits).amount, "memory": _share("memory", memory_limits).amount}
    return (namespace, name), (requests, limits)


def _total(cells: list[str]) -> tuple[str, tuple[Share, Share]]:
    name, requests, limits = cells
    return name, (_share(name, requests), _share(name, limits))


def _share(name: str, cell: str) -> Share:
    found = _AMOUNT.fullmatch(cell)
    assert found is not None, cell
    percent = found["percent"]
    return Share(amount(name, found["quantity"]), None if percent is None else int(percent))
