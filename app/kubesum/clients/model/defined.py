"""Views of the kinds that RollupDefinitions make, by any name of the kind: the Table that the server makes of them.

Which kinds there are is known from discovery, and their columns from a Table, which has them even without rows.
"""

from collections.abc import Sequence
from dataclasses import replace
from http import HTTPStatus
from typing import Final

import msgspec

from kubesum.clients.model import columns
from kubesum.clients.model.cells import Column
from kubesum.clients.model.explanations import explanation
from kubesum.clients.model.tablerows import ColumnDefinition, TableObject, row_text, table_column
from kubesum.clients.model.views import BY_NAME, Resource, Scope, View
from kubesum.kube.client import TABLE, Upstream
from kubesum.kube.decoding import decoded
from kubesum.kube.statuserror import StatusError
from kubesum.vocabulary.errors import UpstreamError, UsageError
from kubesum.vocabulary.resource import ROLLUP_GROUP, VERSION

ROOT: Final = f"/apis/{ROLLUP_GROUP}/{VERSION}"
DEFINITIONS: Final = "/apis/kubesum.dev/v1alpha1/rollupdefinitions"
ROLE: Final = "kubesum:rollups"
_TIMEOUT_S: Final = 10.0
_NAME_WIDTH: Final = 20


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


class _Table(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    column_definitions: tuple[ColumnDefinition, ...] = ()


async def defined_view(upstream: Upstream, name: str, namespace: str) -> View:
    """The view of the kind that is called `name`, for somebody who reads it in `namespace`, empty for all.

    Raises UsageError if there is no such kind, and UpstreamError.
    """
    try:
        found = decoded(await upstream.get(ROOT, {}, _TIMEOUT_S), _ApiResourceList, ROOT).resources
    except StatusError as error:
        if error.code != HTTPStatus.NOT_FOUND:
            raise
        found = ()
    kind = next((one for one in found if one.is_called(name)), None)
    if kind is None:
        names = ", ".join([*BY_NAME, *(one.name for one in found)])
        raise UsageError(f"there is no view {name!r}: choose one of {names}, or create a RollupDefinition")
    view = View(
        name=kind.name,
        description=f"groups of {kind.kind}",
        resource=defined_resource(kind.name, kind.kind, namespaced=kind.namespaced),
        sorted_by="NAME",
        filter_text=row_text,
        read_columns=_read_columns,
    )
    scope = Scope(view, namespace)
    try:
        return replace(view, columns=await _read_columns(upstream, scope))
    except UpstreamError as error:
        raise UpstreamError(explanation(error, scope, upstream.host)) from error


def defined_resource(plural: str, kind: str, *, namespaced: bool) -> Resource:
    """The resource of a kind that a RollupDefinition makes."""
    return Resource(plural, kind, TableObject, ROLE, namespaced, ROLLUP_GROUP, is_table=True)


async def _read_columns(upstream: Upstream, scope: Scope) -> tuple[Column, ...]:
    path = scope.watched.path
    table = decoded(await upstream.get(path, {"limit": "1"}, _TIMEOUT_S, accept=TABLE), _Table, path)
    return _columns(table.column_definitions, namespaced=scope.resource.namespaced)


def _columns(definitions: Sequence[ColumnDefinition], *, namespaced: bool) -> tuple[Column, ...]:
    """The columns in their order; where there is little room the last are left out first, wide ones before others."""
    made = []
    for position, one in enumerate(definitions):
        is_name = one.format == "name"
        column = table_column(one, position, 0 if is_name else position + one.priority * len(definitions))
        made.append(replace(column, width=_NAME_WIDTH, max_width=2 * _NAME_WIDTH) if is_name else column)
    return (*((columns.NAMESPACE,) if namespaced else ()), *made)
