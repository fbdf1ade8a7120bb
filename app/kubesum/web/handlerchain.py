"""The handler chain: what happens to every request before and after a handler answers it.

The order is kube-apiserver's (k8s.io/apiserver/pkg/server/config.go, DefaultBuildHandlerChain): request info,
authentication (401), limit of requests in flight (429), authorization (403), and only then whether the resource
exists (404). It is plain ASGI, because the middleware base class of Starlette buffers streams. Handlers use the path
and the attributes that are read here, so that authorization and handlers cannot read a path differently.
"""

import asyncio
from functools import partial

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kubesum.api.requests.options import REQUEST_TIMEOUT_S
from kubesum.api.requests.requestinfo import RequestInfo, request_info
from kubesum.edge.authn.users import User
from kubesum.edge.authz.impersonation import refuse_impersonation
from kubesum.edge.http.requestcontext import request_context
from kubesum.edge.interfaces import Authenticator, Authorizer
from kubesum.operations.logs import log_defect
from kubesum.vocabulary.errors import ApiError, InternalError, Timeout
from kubesum.web.accesslog import AccessLog, Exchange, exchange
from kubesum.web.inflight import InFlight, RequestLimits
from kubesum.web.requestmetrics import Labels, labels_of, long_running, observe, observe_termination
from kubesum.web.responses import failure
from kubesum.web.state import ServerState


class HandlerChain:
    """The outermost ASGI application."""

    def __init__(
        self,
        handler: ASGIApp,
        server: ServerState,
        authenticator: Authenticator,
        authorizer: Authorizer,
        limits: RequestLimits,
    ) -> None:
        """`handler` answers the requests that are authorized."""
        self._access_log = AccessLog(limits.access_log)
        self._handler = handler
        self._server = server
        self._authenticator = authenticator
        self._authorizer = authorizer
        self._in_flight = InFlight(limits, authorizer.always_allowed, server.memory_pressure)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        done = exchange(scope["headers"])

        async def observed_send(message: Message) -> None:
            done.observe(message)
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self._added_headers(done)]
            await send(message)

        try:
            await self._handle_in_time(done, scope, receive, observed_send)
        except ApiError as error:
            await self._fail(error, done, scope, receive, observed_send)
        except Exception as error:  # noqa: BLE001 - it is logged with its place
            log_defect(error, audit_id=done.audit_id)
            await self._fail(internal_error(error), done, scope, receive, observed_send)
        finally:
            observe(self._labels(done.info), done.code or 500, done.seconds, done.sent_bytes)
            self._access_log.write(done, scope)

    def _added_headers(self, done: Exchange) -> list[tuple[bytes, bytes]]:
        added = [(b"audit-id", audit_id.encode())] if (audit_id := done.returned_audit_id) else []
        return [*added, (b"connection", b"close")] if self._server.shutting_down() else added

    @staticmethod
    async def _fail(error: ApiError, done: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        if done.code is None:
            await failure(error)(scope, receive, send)
        else:
            # A response that has begun must not look complete.
            request_context(scope).abort()
            while (await receive())["type"] != "http.disconnect":
                pass

    async def _handle_in_time(self, done: Exchange, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers the request within the request timeout, which ends for long-running ones; raises ApiError.

        The timeout includes the time that the client takes to read, so that slow readers cannot take up all places
        of the requests in flight for good.
        """
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_S) as deadline:
                await self._handle(done, scope, receive, send, deadline)
        except TimeoutError as error:
            if not deadline.expired():
                raise
            observe_termination(self._labels(done.info), Timeout.code)
            raise Timeout("Timeout: request did not complete within the allotted timeout") from error

    async def _handle(
        self, done: Exchange, scope: Scope, receive: Receive, send: Send, deadline: asyncio.Timeout
    ) -> None:
        info = done.info = request_info(scope["method"], scope["raw_path"], scope["query_string"])
        context = request_context(scope)
        user = done.user = await self._authenticator.authenticate(context.client_chain, scope["headers"])
        refuse_impersonation(user, scope["headers"])
        scope["headers"] = self._authenticator.without_identity_headers(scope["headers"])
        self._require_place(user, info)
        with self._in_flight.counted(user, info):
            await self._authorizer.authorize(user, info)
            context.request_info = info
            context.authorize = partial(self._authorizer.authorize, user, info)
            # `/x/` is answered as `/x`, as by kube-apiserver.
            scope["path"] = info.path.rstrip("/") or "/"
            await self._handler(scope, receive, send)
            if context.long_running is not None:
                deadline.reschedule(None)
                with long_running(self._labels(info)):
                    await context.long_running(scope, receive, send)

    def _require_place(self, user: User, info: RequestInfo) -> None:
        refusal = self._in_flight.refusal(user, info)
        if refusal is None:
            return
        observe_termination(self._labels(info), refusal.code)
        try:
            raise refusal
        finally:
            # Its traceback holds this frame: with the variable that would be a cycle.
            del refusal

    def _labels(self, info: RequestInfo | None) -> Labels:
        return labels_of(info, self._server.catalogue())


def internal_error(error: Exception) -> InternalError:
    """The API error that a client gets for an unexpected exception."""
    return InternalError(f"Internal error occurred: {type(error).__name__}")
