"""The entrance: sees every request first, reads what it asks for, and measures how it is answered.

Plain ASGI, because the middleware base class of Starlette buffers streams. Routing and handlers see the path
as it was read here, so no two readers of a path can disagree.
"""

import time
from collections.abc import Callable
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.requestinfo import RequestInfo, request_info
from app.rollups.catalogue import Catalogue
from app.telemetry import REQUEST_DURATION, REQUESTS
from app.vocabulary.errors import ApiError
from app.web.responses import failure
from app.web.watch import LASTING

_VERBS: Final = frozenset({"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"})


class Entrance:
    """The outermost application."""

    def __init__(self, app: ASGIApp, catalogue: Callable[[], Catalogue]) -> None:
        """`catalogue` tells which resources may label a measurement."""
        self._app = app
        self._catalogue = catalogue

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or passes the lifespan on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        code = 500

        async def observed(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
            await send(message)

        info: RequestInfo | None = None
        try:
            info = request_info(scope["method"], scope["raw_path"], scope["query_string"])
            scope.setdefault("state", {})["request_info"] = info
            # `/x/` is `/x`, as for kube-apiserver.
            scope["path"] = info.path.rstrip("/") or "/"
            await self._app(scope, receive, observed)
            if (lasting := scope["state"].get(LASTING)) is not None:
                await lasting(scope, receive, observed)
        except ApiError as error:
            await failure(error)(scope, receive, observed)
        finally:
            self._measure(info, code, time.perf_counter() - started)

    def _measure(self, info: RequestInfo | None, code: int, seconds: float) -> None:
        # Only what is served becomes a label: clients must not be able to make up time series.
        verb, resource = "", ""
        if info is not None:
            verb = info.verb if info.verb in _VERBS else ""
            served = self._catalogue().find(info.group, info.version, info.resource)
            resource = served.resource.resource_group if served else ""
        REQUESTS.labels(verb, resource, str(code)).inc()
        # A watch is meant to last: it would drown the answers that are not.
        if verb != "watch":
            REQUEST_DURATION.labels(verb, resource).observe(seconds)
