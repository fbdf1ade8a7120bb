"""The web application: the handler chain, and behind it the resources and a FastAPI application.

Reads of computed resources are dispatched on `RequestInfo`, as kube-apiserver's NonGoRestfulMux dispatches them.
FastAPI serves everything else: discovery, OpenAPI, probes, metrics, and 404 and 405. Its own documentation pages,
redirects and error bodies are off, because clients of a Kubernetes API do not expect them.
"""

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Receive, Scope, Send

from kubesum.api.representations.status import UNKNOWN_METHOD, UNKNOWN_PATH
from kubesum.edge.http.requestcontext import request_context
from kubesum.edge.interfaces import Authenticator, Authorizer
from kubesum.vocabulary.errors import ApiError, BadRequest, MethodNotAllowed, NotFound
from kubesum.web import discovery, openapi, probes
from kubesum.web.handlerchain import HandlerChain, internal_error
from kubesum.web.inflight import RequestLimits
from kubesum.web.readinesslog import ReadinessLog
from kubesum.web.resources import ResourceHandler
from kubesum.web.responses import READ_METHODS, failure
from kubesum.web.rollupmetrics import RollupMetrics
from kubesum.web.state import ServerState


def create_app(
    resources: ResourceHandler,
    server: ServerState,
    authenticator: Authenticator,
    authorizer: Authorizer,
    limits: RequestLimits,
) -> ASGIApp:
    """The application that serves `server` and its `resources`, as one ASGI application."""
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.server = server
    app.state.readiness_log = ReadinessLog()
    app.state.rollup_metrics = RollupMetrics(server.catalogue, server.rollup_metrics)
    # Routes are tried in this order.
    for router in (discovery.router, openapi.router, probes.router, discovery.catch_all):
        app.include_router(router)
    for kind in (ApiError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, error_response)
    return HandlerChain(director(resources, app), server, authenticator, authorizer, limits)


def director(resources: ASGIApp, others: ASGIApp) -> ASGIApp:
    """Sends reads of resources to `resources` and everything else to `others`.

    k8s.io/apiserver/pkg/server/handler.go, director.
    """

    async def direct(scope: Scope, receive: Receive, send: Send) -> None:
        # Resources without a group are kube-apiserver's own.
        reads = request_context(scope).request_info.group and scope["method"] in READ_METHODS
        await (resources if reads else others)(scope, receive, send)

    return direct


async def error_response(_request: Request, error: Exception) -> Response:
    """The response to an error. Starlette raises one that is a defect again, and uvicorn logs it."""
    return failure(api_error(error))


def api_error(error: Exception) -> ApiError:
    """The API error that a client gets for `error`."""
    match error:
        case ApiError():
            return error
        case HTTPException(status_code=404):
            return NotFound(UNKNOWN_PATH)
        case HTTPException(status_code=405):
            return MethodNotAllowed(UNKNOWN_METHOD)
        case RequestValidationError() | HTTPException():
            return BadRequest("the request cannot be understood")
        case _:
            return internal_error(error)
