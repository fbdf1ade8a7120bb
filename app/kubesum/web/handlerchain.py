"""The entrance: sees every request first, asks who it is from and whether they may, and measures the answer.

Plain ASGI, because the middleware base class of Starlette buffers streams. Routing and handlers see the path
as it was read here, so no two readers of a path can disagree; and none of them sees who asks, so that nothing
behind here can decide by it. The order is kube-apiserver's: what is asked, who asks (401), is there room (429),
may they (403), and only then whether there is such a thing.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kubesum.api.representations.status import RETRY_SOON
from kubesum.api.requests.options import REQUEST_TIMEOUT_S
from kubesum.api.requests.requestinfo import RequestInfo, request_info
from kubesum.edge.authn.users import User
from kubesum.edge.delegation import Gate, refuse_impersonation
from kubesum.edge.http.protocol import ABORT, CHAIN
from kubesum.operations.metrics import REJECTED, REQUEST_DURATION, REQUESTS
from kubesum.rollups.catalogue import Catalogue
from kubesum.vocabulary.errors import ApiError, Timeout, TooManyRequests
from kubesum.web.responses import failure
from kubesum.web.watch import LASTING, PERMIT

MOST_WATCHES: Final = 5_000
"""Each costs some 50 KiB: a client that opens them without end must not take the memory of all others."""

# There are few, and to look one up in Prometheus' way takes longer than to count.
_counted, _timed = cache(REQUESTS.labels), cache(REQUEST_DURATION.labels)
_VERBS: Final = frozenset({"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"})


@dataclass(frozen=True, slots=True)
class Admission:
    """Who is let in: `gate` tells callers apart, `max_requests_inflight` bounds the requests that are being answered.

    While `is_leaving`, connections are ended with their next answer, so that clients find another server.
    """

    gate: Gate
    max_requests_inflight: int
    is_leaving: Callable[[], bool]


class HandlerChain:
    """The outermost application."""

    def __init__(self, app: ASGIApp, catalogue: Callable[[], Catalogue], admission: Admission) -> None:
        """`catalogue` tells which resources may label a measurement."""
        self._app = app
        self._catalogue = catalogue
        self._admission = admission
        self._at_once = {"watch": 0, "other": 0}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request, or passes the lifespan on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.perf_counter()
        code: int | None = None

        async def observed(message: Message) -> None:
            nonlocal code
            if message["type"] == "http.response.start":
                code = message["status"]
                if self._admission.is_leaving():
                    message["headers"] = [*message["headers"], (b"connection", b"close")]
            await send(message)

        info: RequestInfo | None = None
        try:
            info = request_info(scope["method"], scope["raw_path"], scope["query_string"])
            await self._answer_in_time(info, scope, receive, observed)
        except ApiError as error:
            if code is None:
                await failure(error)(scope, receive, observed)
            else:
                # What was sent already must not look whole.
                scope["state"][ABORT]()
        finally:
            self._measure(info, code or 500, time.perf_counter() - started)

    async def _answer_in_time(self, info: RequestInfo, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers whoever may ask; raises ApiError, also when the answer is not made and taken in time.

        Who asks for more than they read would keep their place among those that are answered for ever.
        """
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S) as deadline:
                await self._answer(info, scope, receive, send, partial(deadline.reschedule, None))
        except TimeoutError as error:
            if not deadline.expired():
                raise
            raise Timeout("Timeout: request did not complete within the allotted timeout") from error

    async def _answer(
        self, info: RequestInfo, scope: Scope, receive: Receive, send: Send, may_last: Callable[[], None]
    ) -> None:
        gate, state = self._admission.gate, scope.setdefault("state", {})
        user = await gate.caller(state.get(CHAIN, ()), scope["headers"])
        refuse_impersonation(user, scope["headers"])
        scope["headers"] = gate.stripped(scope["headers"])
        with self._room(user, info):
            await gate.permit(user, info)
            state["request_info"] = info
            state[PERMIT] = partial(gate.permit, user, info)
            # `/x/` is `/x`, as for kube-apiserver.
            scope["path"] = info.path.rstrip("/") or "/"
            await self._app(scope, receive, send)
            if (lasting := state.get(LASTING)) is not None:
                may_last()
                await lasting(scope, receive, send)

    @contextmanager
    def _room(self, user: User, info: RequestInfo) -> Iterator[None]:
        """Takes a place among the requests that are being answered; raises TooManyRequests if there is none.

        Whoever needs no review always finds one: kube-apiserver, which would count the whole API out, and the
        kubelet, which would start the process anew, while all places are taken by those who wait for reviews.
        """
        kind, most = (
            ("watch", MOST_WATCHES) if info.verb == "watch" else ("other", self._admission.max_requests_inflight)
        )
        if self._at_once[kind] >= most and not self._admission.gate.is_open(user, info):
            REJECTED.labels(kind).inc()
            raise TooManyRequests("Too many requests, please try again later.", RETRY_SOON)
        self._at_once[kind] += 1
        try:
            yield
        finally:
            self._at_once[kind] -= 1

    def _measure(self, info: RequestInfo | None, code: int, seconds: float) -> None:
        # Only what is served becomes a label: clients must not be able to make up time series.
        verb, resource = "", ""
        if info is not None:
            verb = info.verb if info.verb in _VERBS else ""
            served = self._catalogue().find(info.group, info.version, info.resource)
            resource = served.resource.resource_group if served else ""
        _counted(verb, resource, str(code)).inc()
        # A watch is meant to last: it would drown the answers that are not.
        if verb != "watch":
            _timed(verb, resource).observe(seconds)
