"""Forwards the page's requests to the API server: those for kubesum's two API groups and single RollupDefinitions.

One group has the summaries, the other the kinds that RollupDefinitions make. No other path is forwarded. Requests
are sent with the credentials of the kubeconfig, so the user sees what kubectl would show. Responses are passed on in
chunks as they arrive, lists and watches alike. An error is explained as `clients.model.explanations` does.
"""

import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from kubesum.clients.model.defined import DEFINITIONS, defined_resource
from kubesum.clients.model.explanations import explanation
from kubesum.clients.model.views import RESOURCES, Resource, Scope, View
from kubesum.kube.client import JSON, TABLE, Upstream
from kubesum.kube.statuserror import StatusError
from kubesum.vocabulary.errors import UpstreamError
from kubesum.vocabulary.resource import GROUP, ROLLUP_GROUP

IDLE_S: Final = 150.0
"""Without a byte, after which a watch is given up: kubesum sends a bookmark every minute."""
PARAMETERS: Final = frozenset(
    {
        "allowWatchBookmarks",
        "continue",
        "fieldSelector",
        "includeObject",
        "labelSelector",
        "limit",
        "resourceVersion",
        "timeoutSeconds",
        "watch",
    }
)
BAD_GATEWAY: Final = 502

# No segment begins with a dot or holds an escape: the path means the same to every server.
_GROUPS: Final = "|".join(map(re.escape, (GROUP, ROLLUP_GROUP)))
_PATH: Final = re.compile(
    rf"/apis(/({_GROUPS})(/[A-Za-z0-9][A-Za-z0-9.:_-]*){{0,5}})?|{DEFINITIONS}/[A-Za-z0-9][A-Za-z0-9.-]*"
)
_COLLECTION: Final = re.compile(r"/apis/(?P<group>[^/]+)/[^/]+(/namespaces/(?P<namespace>[^/]+))?/(?P<plural>[^/]+)")


def is_forwarded(request: Request) -> bool:
    """Whether a request is for kubesum's groups, one definition or discovery, with parameters of a list or watch."""
    path = request.scope["raw_path"].decode("latin-1")
    names = [name for name, _ in request.query_params.multi_items()]
    return bool(_PATH.fullmatch(path)) and PARAMETERS.issuperset(names) and len(names) == len(set(names))


async def forward(upstream: Upstream, request: Request) -> Response:
    """The response of the API server, or why there is none."""
    path, params = request.url.path, dict(request.query_params)
    accept = TABLE if request.headers.get("accept") == TABLE else JSON
    chunks = upstream.stream(path, params, IDLE_S, accept=accept)
    try:
        await anext(chunks)
    except UpstreamError as error:
        return failure(error, _scope(path, params), upstream.host)
    return StreamingResponse(_body(chunks), media_type="application/json")


def failure(error: UpstreamError, scope: Scope | None, host: str) -> Response:
    """An error as metav1.Status, with a sentence that says what to do; 502 if the API server did not answer."""
    message = str(error) if scope is None else explanation(error, scope, host)
    if isinstance(error, StatusError):
        return status(error.code, message, error.reason)
    return status(BAD_GATEWAY, message)


def status(code: int, message: str, reason: str = "") -> Response:
    """A metav1.Status."""
    body = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
    return Response(msgspec.json.encode({**body, "message": message}), code, media_type="application/json")


async def _body(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(chunks):
        try:
            async for chunk in chunks:
                yield chunk
        except UpstreamError:
            # The page resumes a watch that ends, and repeats a list that is cut; then the error has a status.
            return


def _scope(path: str, params: dict[str, str]) -> Scope | None:
    """What a list or watch is about, None for discovery and for resources without a view."""
    match = _COLLECTION.fullmatch(path)
    resource = None if match is None else _resource(match["group"], match["plural"], match["namespace"])
    if match is None or resource is None:
        return None
    view = View(name=resource.plural, description="", resource=resource)
    selectors = params.get("labelSelector", ""), params.get("fieldSelector", "")
    return Scope(view, match["namespace"] or "", *selectors)


def _resource(group: str, plural: str, namespace: str | None) -> Resource | None:
    if group == ROLLUP_GROUP:
        return defined_resource(plural, "", namespaced=namespace is not None)
    return RESOURCES.get(plural)
