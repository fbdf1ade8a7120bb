"""What the state of a table means to the user: how fresh it is, why it is empty, what went wrong and what to do.

A 403 is explained with the ClusterRole that grants the resource. It says nothing about whether kubesum is installed,
because authorization comes before the resource is looked up: discovery, which every user may read, does.
"""

import time
from collections.abc import Iterator
from typing import Final

from kubesum.clients.model.cells import Tone
from kubesum.clients.model.objects import Cluster
from kubesum.clients.model.table import Table
from kubesum.clients.model.views import Scope
from kubesum.kube.client import Upstream
from kubesum.kube.statuserror import StatusError
from kubesum.vocabulary.errors import UpstreamError
from kubesum.vocabulary.resource import GROUP, ROLLUP_GROUP, VERSION

ROOT: Final = f"/apis/{GROUP}/{VERSION}"
DISCOVERY_TIMEOUT_S: Final = 10.0


async def check_served(upstream: Upstream) -> None:
    """Checks that kubesum's API is served; raises UpstreamError with what to do if it is not."""
    try:
        await upstream.get(ROOT, {}, DISCOVERY_TIMEOUT_S)
    except StatusError as refusal:
        raise UpstreamError(_without_scope(refusal, upstream.host)) from refusal


def freshness(last_event_at: float | None, has_error: bool, now: float) -> tuple[Tone, str]:
    """How fresh an informer's objects are; times are in seconds since 1970."""
    if not has_error:
        return (Tone.IDLE, "loading") if last_event_at is None else (Tone.GOOD, "live")
    if last_event_at is None:
        return Tone.BAD, "no data"
    clock = time.strftime("%H:%M:%S", time.localtime(last_event_at))
    return Tone.BAD, f"as of {clock}, {int(now - last_event_at)}s ago"


def empty_reason(table: Table, host: str) -> tuple[str, Tone | None]:
    """Why a table has no rows, with a tone if it should have some."""
    informer = table.informer
    if informer.error is not None:
        return explanation(informer.error, informer.scope, host), Tone.BAD
    if not informer.has_synced:
        return "loading", None
    if table.filter:
        return f"none of {len(informer.objects)} rows contains {table.filter!r}", None
    return "nothing to show", None


def warnings(table: Table, cluster: Cluster | None, host: str) -> Iterator[tuple[Tone, str]]:
    """Why the rows of a table may be old: its watch is broken, or kubesum's own are."""
    informer = table.informer
    if informer.error is not None and table.rows:
        yield Tone.BAD, explanation(informer.error, informer.scope, host)
    for condition in cluster.status.conditions if cluster is not None else ():
        if condition.type == "Synced" and condition.status != "True":
            yield Tone.WARNING, f"kubesum's own data is old: {condition.message}"


def explanation(error: UpstreamError, scope: Scope, host: str) -> str:
    """What an error means for a scope, and what to do; `host` is the URL of the API server."""
    if not isinstance(error, StatusError):
        return str(error)
    if error.code == 403:
        return _forbidden(scope)
    if error.code == 503 and error.reason:
        # kubesum's own 503 has a reason; that of the aggregation layer has none.
        return f"kubesum cannot serve {scope.resource.plural} now: {error.message}"
    if error.code == 400:
        return f"the API server cannot select by {scope.label_selector or scope.field_selector!r}: {error.message}"
    if error.code == 404 and scope.resource.group == ROLLUP_GROUP:
        return (
            f"{scope.resource.plural} are not served: no RollupDefinition that is Established makes them; "
            "see kubectl get rollupdefinitions"
        )
    return _without_scope(error, host, scope.resource.group)


def _without_scope(refusal: StatusError, host: str, group: str = GROUP) -> str:
    match refusal.code:
        case 401:
            return f"{host} does not accept the credentials of this context: log in again"
        case 404:
            return (
                f"kubesum is not installed at {host}: install its chart with helm install, or start it here with "
                "kubesum local or kubesum demo and name the kubeconfig that it prints with --kubeconfig"
            )
        case 503:
            return (
                f"kubesum does not answer behind {host} ({refusal.message}): "
                f"see kubectl get apiservice {VERSION}.{group}"
            )
    return str(refusal)


def _forbidden(scope: Scope) -> str:
    resource = scope.resource
    if not resource.namespaced:
        return f"not allowed to list {resource.plural}: the ClusterRole {resource.role} grants it"
    if scope.namespace:
        where = f"in namespace {scope.namespace}"
        return (
            f"not allowed to list {resource.plural} {where}: the ClusterRole {resource.role}, bound there, grants it"
        )
    return (
        f"not allowed to list {resource.plural} in all namespaces: choose one, "
        f"or bind the ClusterRole {resource.role} in all"
    )
