"""The web application: routes, and errors as metav1.Status.

FastAPI's own documentation pages, redirects and error bodies are off: clients of a Kubernetes API know none
of them. The application holds no state but what it is made from.
"""

from collections.abc import Callable

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from kubesum.api.lists.listing import Lists
from kubesum.api.representations.status import UNKNOWN_METHOD, UNKNOWN_PATH
from kubesum.api.watch.watching import Watches
from kubesum.rollups.catalogue import Catalogue
from kubesum.vocabulary.errors import ApiError, BadRequest, InternalError, MethodNotAllowed, NotFound
from kubesum.web import discovery, openapi, probes
from kubesum.web.dependencies import Readiness, Service
from kubesum.web.handlerchain import Admission, HandlerChain
from kubesum.web.responses import failure


def create_app(
    catalogue: Callable[[], Catalogue],
    readiness: Readiness,
    has_namespace: Callable[[str], bool],
    now: Callable[[], float],
    admission: Admission,
) -> ASGIApp:
    """The application that serves what `catalogue` gives at the time of each request, to whom `admission` lets in.

    `readiness` tells the checks of /readyz, `has_namespace` which namespaces exist; `now` tells seconds since 1970.
    """
    app = FastAPI(openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False)
    app.state.service = Service(catalogue, readiness, has_namespace, now, Lists(now), Watches(now))
    # In the order in which they are tried: what is asked for most comes first.
    for router in (discovery.router, openapi.router, probes.router, discovery.catch_all):
        app.include_router(router)
    for kind in (ApiError, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, refused)
    return HandlerChain(app, catalogue, admission)


async def refused(_request: Request, error: Exception) -> Response:
    """Answers with an error. One that is a defect of ours is raised again by Starlette, and so logged."""
    return failure(api_error(error))


def api_error(error: Exception) -> ApiError:
    """What to tell a client of an error."""
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
            return InternalError(f"Internal error occurred: {type(error).__name__}")
