"""The page's server as an ASGI application: files for everyone, data for the session.

The files are those of the package and hold no data, so a link to a view works from anywhere; what it shows is read by
requests of the page itself, which have the cookie.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from kubesum.clients.page.files import content_security_policy, page_files
from kubesum.clients.page.forwarding import forward, is_forwarded, status
from kubesum.clients.page.requestchecks import objection
from kubesum.clients.page.session import Session
from kubesum.clients.page.viewsdocument import Cluster, views_document
from kubesum.kube.client import Upstream

VIEWS_PATH: Final = "/views.json"
SIGN_IN: Final = "this browser has no session: open the address that kubesum printed, or start it again for a new one"

Respond = Callable[[Request], Awaitable[Response]]

_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


def application(upstream: Upstream, cluster: Cluster, session: Session, port: int) -> ASGIApp:
    """The application that serves one context on a port of loopback."""
    files = page_files()
    headers = _HEADERS | {"Content-Security-Policy": content_security_policy(files["/"].content)}
    views = msgspec.json.encode(views_document(cluster))

    async def respond(request: Request) -> Response:
        if refusal := objection(request, port):
            return status(*refusal)
        path = request.url.path
        if file := files.get(path):
            response = Response(file.content, media_type=file.media_type)
            if path == "/":
                session.redeem(request, response)
            return response
        if path != VIEWS_PATH and not is_forwarded(request):
            return status(404, "not found: only kubesum's own API groups are forwarded", "NotFound")
        if not session.is_authenticated(request):
            return status(401, SIGN_IN, "Unauthorized")
        if path == VIEWS_PATH:
            return Response(views, media_type="application/json")
        return await forward(upstream, request)

    return _with_headers(respond, headers)


def _with_headers(respond: Respond, headers: Mapping[str, str]) -> ASGIApp:
    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        response = await respond(Request(scope, receive))
        response.headers.update(headers)
        await response(scope, receive, send)

    return app
