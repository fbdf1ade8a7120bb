"""What each request to the simulated API server passes, in the order of kube-apiserver.

Authentication (401), parsing into a RequestInfo, impersonation and authorization (403) come first; only then does a
handler look up the path or resource (404, 405) and check the options (400, 422).
"""

import asyncio
from dataclasses import dataclass
from typing import Final
from uuid import uuid4

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kubesim.access import websockettokens
from kubesim.access.authentication import Authenticator
from kubesim.access.impersonation import impersonated
from kubesim.access.rbac import RbacAuthorizer
from kubesim.access.reviews import Reviewer, review_of
from kubesim.aggregation.aggregator import Aggregator
from kubesim.aggregation.podproxy import PodProxy
from kubesim.apierrors import ApiError
from kubesim.apiserver.documents import Documents
from kubesim.apiserver.metrics import MetricsServer
from kubesim.apiserver.resourcehandlers import ResourceHandlers, media_type
from kubesim.requests import protobuf
from kubesim.requests.requestinfo import request_info
from kubesim.responses.httpresponses import error_response, json_response
from kubesim.store.apiresources import METRICS_GROUP


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """What responds to authorized requests."""

    aggregator: Aggregator
    documents: Documents
    metrics: MetricsServer
    reviewer: Reviewer
    pod_proxy: PodProxy
    resources: ResourceHandlers


class HandlerChain:
    """The ASGI application: authentication, authorization, then the handler of the path or resource."""

    def __init__(self, authenticator: Authenticator, rbac: RbacAuthorizer, handlers: Handlers) -> None:
        self._authenticator: Final = authenticator
        self._rbac: Final = rbac
        self._handlers: Final = handlers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Responds to one request."""
        audit_id = _audit_id(scope)
        request = Request(scope, receive)
        try:
            response = await self._response(request)
        except ApiError as error:
            response = error_response(error)
        except asyncio.CancelledError:
            # Only a stopping server cancels requests, and it has closed their connections.
            return
        response.raw_headers += [(b"audit-id", audit_id), (b"cache-control", b"no-cache, private")]
        await response(scope, receive, send)

    async def _response(self, request: Request) -> Response:
        authorization = request.headers.get("authorization", "") or websockettokens.authorization(request.headers)
        user = self._authenticator.authenticate(request.state.peer_certificate, authorization)
        query = _first_values(request)
        info = request_info(request.method, request.scope["path"], query)
        user = impersonated(user, request.headers, self._rbac)
        self._rbac.authorize(user, info)
        handlers = self._handlers
        if handlers.aggregator.serves(info.path):
            return await handlers.aggregator.proxy(request, info, user)
        if not info.resource:
            return await handlers.documents.response(info.path, request)
        if info.group == METRICS_GROUP:
            return await handlers.metrics.response(request, info, query)
        if (review := review_of(info)) is not None and info.verb == "create":
            is_protobuf = media_type(request) == protobuf.MEDIA_TYPE
            return json_response(handlers.reviewer.reviewed(review, await request.body(), is_protobuf, user), 201)
        if (info.group, info.resource, info.subresource) == ("", "pods", "proxy"):
            return await handlers.pod_proxy.response(request, info)
        return await handlers.resources.response(request, info, query)


def _audit_id(scope: Scope) -> bytes:
    """The audit ID of a request; one without gets a new one, as a header that the aggregator forwards."""
    for name, value in scope["headers"]:
        if name == b"audit-id":
            return bytes(value)
    audit_id = str(uuid4()).encode()
    scope["headers"] = [*scope["headers"], (b"audit-id", audit_id)]
    return audit_id


def _first_values(request: Request) -> dict[str, str]:
    return {name: request.query_params.getlist(name)[0] for name in request.query_params}
