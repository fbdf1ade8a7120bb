"""The table columns that several resources share."""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final

from msgspec import UNSET

from kubesum.vocabulary.quantity import CPU, MEMORY, rounded
from kubesum.vocabulary.resource import Ago, Cell, Column, RowView

NONE: Final = "<none>"

NAME: Final = Column("NAME", "Name of the object.", lambda row: row.name, format="name")


def age(explained: str) -> Column:
    """The column of the time since the watched object of a row was created."""
    return Column("AGE", explained, lambda row: Ago(row.created), type="date")


AGE: Final = age("Time since the object that this one describes was created, `<unknown>` where there is none.")


def value(name: str, path: str, explained: str, wide: bool = False) -> Column:
    """A column of one string field of the status, `<none>` if it is empty."""
    read = attrgetter(path)
    return Column(name, explained, lambda row: read(row.status) or NONE, wide=wide)


def number(name: str, path: str, explained: str, wide: bool = False) -> Column:
    """A column of one integer field of the status."""
    read = attrgetter(path)
    return Column(name, explained, lambda row: read(row.status), type="integer", wide=wide)


def share(name: str, part: str, whole: str, explained: str, wide: bool = False) -> Column:
    """A column of two integer fields of the status, written as part/whole."""
    read = attrgetter(part, whole)
    return Column(name, explained, lambda row: "{}/{}".format(*read(row.status)), wide=wide)


def amount(name: str, path: str, resource: str, explained: str, wide: bool = False) -> Column:
    """A column of one resource of a ResourceList of the status, 0 if it is absent."""
    read: Callable[[Any], Mapping[str, int]] = attrgetter(path)
    return Column(name, explained, lambda row: rounded(resource, read(row.status).get(resource, 0)), wide=wide)


def percentage(name: str, path: str, resource: str, explained: str, wide: bool = False) -> Column:
    """A column of one percentage of the status, `<none>` if it is absent."""
    read: Callable[[Any], Mapping[str, int]] = attrgetter(path)
    return Column(name, explained, lambda row: read(row.status).get(resource, NONE), wide=wide)


def used(name: str, resource: str, explained: str) -> Column:
    """A column of the usage of one resource, `<none>` without measurements."""

    def cell(row: RowView) -> Cell:
        usage = row.status.usage
        return NONE if usage is UNSET else rounded(resource, usage[resource])

    return Column(name, explained, cell)


def gpu(part: str = "requests", whole: str | None = None, wide: bool = False) -> Column:
    """A column of the sum of all resources named `*/gpu` in `part`, as part/whole with `whole`; empty without any."""

    def cell(row: RowView) -> Cell:
        taken, found = devices(getattr(row.status, part))
        if whole is None:
            return str(taken) if found else ""
        there, known = devices(getattr(row.status, whole))
        return f"{taken}/{there}" if found or known else ""

    explained = "GPUs requested (all resources whose name ends in /gpu)."
    if whole is not None:
        explained = "GPUs requested and allocatable (all resources whose name ends in /gpu)."
    return Column("GPU", explained, cell, wide=wide)


def devices(amounts: Mapping[str, int]) -> tuple[int, bool]:
    """The sum of all resources named `*/gpu`, and whether there is any."""
    found = [value for name, value in amounts.items() if name.endswith("/gpu")]
    return sum(found), any(found)


CPU_REQUESTS: Final = amount("CPU-REQ", "requests", CPU, "Cpu requested, in cores or millicores (m).")
MEMORY_REQUESTS: Final = amount("MEM-REQ", "requests", MEMORY, "Memory requested, in bytes.")


def cpu_limits(wide: bool) -> Column:
    """The column of cpu limits."""
    return amount("CPU-LIM", "limits", CPU, "Sum of the cpu limits, in cores or millicores (m).", wide)


def memory_limits(wide: bool) -> Column:
    """The column of memory limits."""
    return amount("MEM-LIM", "limits", MEMORY, "Sum of the memory limits, in bytes.", wide)


CPU_PERCENT: Final = percentage("CPU%", "requests_percent", CPU, "Cpu requested, in percent of allocatable.")
MEMORY_PERCENT: Final = percentage("MEM%", "requests_percent", MEMORY, "Memory requested, in percent of allocatable.")

CPU_USAGE: Final = used("CPU-USE", CPU, "Cpu in use, in cores or millicores (m); `<none>` while it is not measured.")
MEMORY_USAGE: Final = used("MEM-USE", MEMORY, "Memory in use, in bytes; `<none>` while it is not measured.")
