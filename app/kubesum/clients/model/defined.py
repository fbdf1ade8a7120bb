"""Views of the kinds that RollupDefinitions make: a table of their keys and measures, by any name of the kind.

What a kind measures is known at run time only, from discovery and from its first objects.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import msgspec

from kubesum.clients.model import cells, columns
from kubesum.clients.model.cells import ABSENT, Cell, Column
from kubesum.clients.model.objects import Metadata
from kubesum.clients.model.views import BY_NAME, Resource, View
from kubesum.kube.client import Upstream
from kubesum.kube.statuserror import StatusError
from kubesum.vocabulary.errors import QuantityError, UsageError
from kubesum.vocabulary.quantity import nanos
from kubesum.vocabulary.resource import ROLLUP_GROUP, VERSION

ROOT: Final = f"/apis/{ROLLUP_GROUP}/{VERSION}"
ROLE: Final = "kubesum:rollups"
SAMPLE: Final = 100
"""So many objects tell which measures there are: one that does not apply to a group is absent from it."""
_TIMEOUT_S: Final = 10.0
_HUMP: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_NUMBER_WIDTH: Final = 8
_NAME_WIDTH: Final = 20


class Group(msgspec.Struct, frozen=True, gc=False):
    """An object of such a kind."""

    metadata: Metadata
    key: dict[str, str] = {}
    status: dict[str, Any] = {}


class _ApiResource(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    name: str
    kind: str
    namespaced: bool = False
    singular_name: str = ""
    short_names: tuple[str, ...] = ()

    def is_called(self, name: str) -> bool:
        return name in (self.name, self.singular_name, self.kind, self.kind.lower(), *self.short_names)


class _ApiResourceList(msgspec.Struct, frozen=True, gc=False):
    resources: tuple[_ApiResource, ...] = ()


class _Groups(msgspec.Struct, frozen=True, gc=False):
    items: tuple[Group, ...] = ()


async def defined_view(upstream: Upstream, name: str) -> View:
    """The view of the kind that is called `name`; raises UsageError without one, and UpstreamError."""
    try:
        found = msgspec.json.decode(await upstream.get(ROOT, {}, _TIMEOUT_S), type=_ApiResourceList).resources
    except StatusError as error:
        if error.code != 404:
            raise
        found = ()
    kind = next((one for one in found if one.is_called(name)), None)
    if kind is None:
        names = ", ".join([*BY_NAME, *(one.name for one in found)])
        raise UsageError(f"there is no view {name!r}: choose one of {names}, or create a RollupDefinition")
    resource = Resource(kind.name, kind.kind, Group, ROLE, kind.namespaced, ROLLUP_GROUP)
    sample = msgspec.json.decode(
        await upstream.get(f"{ROOT}/{kind.name}", {"limit": str(SAMPLE)}, _TIMEOUT_S), type=_Groups
    )
    return View(
        name=kind.name,
        description=f"groups of {kind.kind}",
        resource=resource,
        columns=_columns(sample.items, namespaced=kind.namespaced),
        sorted_by="NAME",
        filter_text=lambda group: " ".join((columns.name_of(group), *group.key.values())),
    )


def _columns(groups: Sequence[Group], *, namespaced: bool) -> tuple[Column, ...]:
    measures = dict.fromkeys(name for group in groups for name in group.status)
    keys = dict.fromkeys(name for group in groups for name in group.key)
    return (
        *((columns.NAMESPACE,) if namespaced else ()),
        cells.words("NAME", columns.name_of, _NAME_WIDTH, 2 * _NAME_WIDTH),
        *(_measure(name, position) for position, name in enumerate(measures)),
        *(_key(name, len(measures) + position) for position, name in enumerate(keys)),
    )


def _measure(name: str, priority: int) -> Column:
    def cell(group: Any, _now: float) -> Cell:
        value = group.status.get(name)
        return Cell(ABSENT if value is None else str(value))

    header = _header(name)
    return Column(
        name=header,
        cell=cell,
        sort_key=lambda group: _amount(group.status.get(name)),
        width=max(len(header), _NUMBER_WIDTH),
        priority=priority,
        right=True,
        descending=True,
    )


def _key(name: str, priority: int) -> Column:
    made = cells.words(_header(name), lambda group: group.key.get(name, ""), 12, 24)
    return replace(made, priority=priority)


def _header(name: str) -> str:
    return _HUMP.sub("-", name).upper()


def _amount(value: object) -> tuple[int, str]:
    """What a value is sorted by: quantities and numbers by their size, times by their text, absent ones last."""
    if isinstance(value, int):
        return value * 10**9, ""
    if isinstance(value, str):
        try:
            return nanos(value), ""
        except QuantityError:
            return 0, value
    return -(10**40), ""
