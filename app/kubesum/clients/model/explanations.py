"""What goes wrong between this client and kubesum, as one sentence that says what to do.

A refusal means one thing for any Kubernetes API and more for this one: which ClusterRole grants the right, and
whether there is a kubesum at all. The latter only discovery tells, which everybody may read: who has no rights
is refused before it is known whether there is anything to have rights on.
"""

from typing import Final

from kubesum.clients.model.views import Scope
from kubesum.kube.client import Upstream
from kubesum.kube.failures import StatusError
from kubesum.vocabulary.errors import UpstreamError
from kubesum.vocabulary.resource import GROUP, VERSION

ROOT: Final = f"/apis/{GROUP}/{VERSION}"
GREETING_S: Final = 10.0
"""So long a server may take to answer the first request."""


async def check_presence(upstream: Upstream) -> None:
    """Makes sure that the cluster serves kubesum's API; raises UpstreamError with what to do if it does not."""
    try:
        await upstream.get(ROOT, {}, GREETING_S)
    except StatusError as refusal:
        raise UpstreamError(_without_scope(refusal, upstream.host)) from refusal


def sentence(error: UpstreamError, scope: Scope, host: str) -> str:
    """What an error means for somebody who looks at a scope."""
    if not isinstance(error, StatusError):
        return str(error)
    if error.code == 403:
        return _forbidden(scope)
    if error.code == 503 and error.reason:
        # The aggregation layer in front of kubesum gives none: this is its own answer.
        return f"kubesum cannot serve {scope.resource.plural} now: {error.message}"
    if error.code == 400:
        return f"the API server cannot select by {scope.labels or scope.fields!r}: {error.message}"
    return _without_scope(error, host)


def _without_scope(refusal: StatusError, host: str) -> str:
    match refusal.code:
        case 401:
            return f"{host} does not accept the credentials of this context: log in again"
        case 404:
            return (
                f"there is no kubesum at {host}: install its chart with helm install, or start one here with "
                "kubesum local or kubesum demo and name the kubeconfig that it prints with --kubeconfig"
            )
        case 503:
            return (
                f"kubesum does not answer behind {host} ({refusal.message}): "
                f"see kubectl get apiservice {VERSION}.{GROUP}"
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
        f"or have the ClusterRole {resource.role} bound in all"
    )
