"""The simulated kube-apiserver: HTTPS on loopback over one store, with kubesum behind its aggregator.

Every request passes the same gates in kube-apiserver's order: who asks (401), what is asked for, may they
(403), and only then whether there is such a thing (404, 405), whether the options make sense (400, 422), and the
answer. What gates and answers consist of lives in the modules next to this one.
"""

import asyncio
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Final
from uuid import uuid4

import uvicorn
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from kubesim.access.accounts import TENANT_NAMESPACE, Authenticator
from kubesim.access.impersonation import impersonated
from kubesim.access.pki import Pki
from kubesim.access.rbac import RbacAuthorizer
from kubesim.access.reviews import Reviewer, review_of
from kubesim.aggregation.aggregator import Aggregator
from kubesim.aggregation.podproxy import PodProxy
from kubesim.apierrors import ApiError, MethodNotAllowed, no_such_path
from kubesim.apiserver.bootstrap import bootstrap
from kubesim.apiserver.documents import Documents
from kubesim.apiserver.listing import BLOCK_TIMEOUT_S, Lister, streamed, too_large_resource_version
from kubesim.apiserver.metrics import MetricsServer
from kubesim.apiserver.throttle import Throttle
from kubesim.apiserver.watching import Watch, Watcher
from kubesim.apiserver.writing import Writer
from kubesim.installation import Installation
from kubesim.requests import protobuf
from kubesim.requests.options import list_options
from kubesim.requests.requestinfo import RequestInfo, is_true, request_info
from kubesim.responses.httpresponses import JSON, StreamedResponse, error_response, json_response
from kubesim.responses.representations import LIST_FORMS, OBJECT_FORMS, Rendering, requested_rendering
from kubesim.store.apiresources import BY_PLURAL, METRICS_GROUP, METRICS_VERSION, ApiResource
from kubesim.store.store import Store, StoredObject

_KEEP_ALIVE_S: Final = 180
_LONGEST_STOP_S: Final = 0.2


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerOptions:
    """How one simulated API server is set up.

    `port` 0: any free one. `bytes_per_s` limits lists and the beginning of watches, None: no limit.
    `refuses_watch_lists`: as a server whose etcd cannot report progress. The tenant may view one namespace.
    """

    port: int = 0
    bytes_per_s: float | None = None
    refuses_watch_lists: bool = False
    tenant_namespace: str = TENANT_NAMESPACE


class ApiServer:
    """Listens from its construction on, answers while it runs; `aggregator` takes the extension server."""

    def __init__(self, store: Store, pki: Pki, installation: Installation, options: ServerOptions) -> None:
        bootstrap(store, pki, installation, options.tenant_namespace)
        self._socket: Final = socket.create_server(("127.0.0.1", options.port), backlog=1024)
        # Accepted connections inherit it; Nagle's algorithm would cost each small answer 40 ms.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.address: Final = f"127.0.0.1:{self._socket.getsockname()[1]}"
        """host:port."""
        self._pki: Final = pki
        self.aggregator: Final = Aggregator(store, installation, self.address, pki.front_proxy_files)
        self._app: Final = _App(store, pki, options, Documents(self.url, self.aggregator), self.aggregator)

    @property
    def url(self) -> str:
        """Where clients find it."""
        return f"https://{self.address}"

    async def run(self) -> None:
        """Answers until cancelled, and then stops at once: connections are cut."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.aggregator.run())
            tasks.create_task(self._serve())

    async def _serve(self) -> None:
        config = uvicorn.Config(
            self._app,
            http=_ClientCertificateProtocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_keep_alive=_KEEP_ALIVE_S,
        )
        config.load()
        config.ssl = _tls(self._pki)
        server = _Server(config)
        try:
            await server.serve(sockets=[self._socket])
        finally:
            await _stop(server)
            self._socket.close()


class _App:
    """The ASGI application: gates, then the answer."""

    def __init__(
        self, store: Store, pki: Pki, options: ServerOptions, documents: Documents, aggregator: Aggregator
    ) -> None:
        throttle = Throttle(options.bytes_per_s)
        self._authenticator: Final = Authenticator(pki.tokens)
        self._rbac: Final = RbacAuthorizer(store)
        self._reviewer: Final = Reviewer(self._authenticator, self._rbac)
        self._documents: Final = documents
        self._aggregator: Final = aggregator
        self._pod_proxy: Final = PodProxy(store, aggregator.installation, lambda: aggregator.backend)
        self._metrics: Final = MetricsServer(store, throttle)
        self._resources: Final = _ResourceHandlers(store, throttle, options.refuses_watch_lists)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        audit_id = _audit_id(scope)
        request = Request(scope, receive)
        try:
            answer = await self._answer(request)
        except ApiError as error:
            answer = error_response(error)
        except asyncio.CancelledError:
            # Only a stopping server cancels a request, after it has cut the connection: nobody is left to tell.
            return
        answer.raw_headers += [(b"audit-id", audit_id), (b"cache-control", b"no-cache, private")]
        await answer(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        user = self._authenticator.authenticate(
            request.state.peer_certificate, request.headers.get("authorization", "")
        )
        query = _first_values(request)
        info = request_info(request.method, request.scope["path"], query)
        user = impersonated(user, request.headers, self._rbac)
        self._rbac.authorize(user, info)
        if self._aggregator.serves(info.path):
            return await self._aggregator.proxy(request, info, user)
        if not info.resource:
            return await self._documents.answer(info.path, request)
        if (info.group, info.version) == (METRICS_GROUP, METRICS_VERSION):
            return await self._metrics.answer(request, info, query)
        if (review := review_of(info)) is not None and info.verb == "create":
            is_protobuf = _media_type(request) == protobuf.MEDIA_TYPE
            return json_response(self._reviewer.answer(review, await request.body(), is_protobuf, user), 201)
        if (info.group, info.resource, info.subresource) == ("", "pods", "proxy"):
            return await self._pod_proxy.answer(request, info)
        return await self._resources.answer(request, info, query)


class _ResourceHandlers:
    """Reads, watches and writes of the stored kinds."""

    def __init__(self, store: Store, throttle: Throttle, refuses_watch_lists: bool) -> None:
        self._store: Final = store
        self._throttle: Final = throttle
        self._lister: Final = Lister(store)
        self._watcher: Final = Watcher(store, throttle, refuses_watch_lists)
        self._writer: Final = Writer(store)
        self._reading: Final = {"get": self._get, "list": self._list, "watch": self._watch}

    async def answer(self, request: Request, info: RequestInfo, query: Mapping[str, str]) -> Response:
        """The answer to a request for a resource; raises ApiError."""
        resource = _kind(info)
        if not resource.namespaced:
            info = replace(info, namespace="")
        if (read := self._reading.get(info.verb)) is not None:
            return await read(request, resource, info, query)
        return self._write(request, resource, info, await request.body())

    async def _get(
        self, request: Request, resource: ApiResource, info: RequestInfo, query: Mapping[str, str]
    ) -> Response:
        rendering = requested_rendering(request.headers, resource, OBJECT_FORMS, query)
        await self._reach(list_options(resource, query).version)
        return Response(rendering.document(self._writer.current(resource, info)), media_type=JSON)

    async def _list(
        self, request: Request, resource: ApiResource, info: RequestInfo, query: Mapping[str, str]
    ) -> Response:
        options = list_options(resource, query)
        rendering = requested_rendering(request.headers, resource, LIST_FORMS, query)
        await self._reach(options.version)
        page = self._lister.page(resource.plural, info.namespace, options)
        return StreamedResponse(streamed(page, rendering, self._throttle))

    async def _watch(
        self, request: Request, resource: ApiResource, info: RequestInfo, query: Mapping[str, str]
    ) -> Response:
        if not is_true(query.get("watch")):
            raise no_such_path()
        options = list_options(resource, query)
        rendering = requested_rendering(request.headers, resource, OBJECT_FORMS, query)
        await self._reach(options.version)
        watch = Watch(resource.plural, info.namespace, rendering, options)
        return StreamedResponse(self._watcher.frames(watch))

    def _write(self, request: Request, resource: ApiResource, info: RequestInfo, body: bytes) -> Response:
        rendering = requested_rendering(request.headers, resource, OBJECT_FORMS, {})
        if info.verb == "create" and not info.name:
            return _written(rendering, self._writer.create(resource, info, body), 201)
        if info.verb == "update" and info.name:
            return _written(rendering, self._writer.update(resource, info, body), 200)
        if info.verb == "patch" and info.name:
            return _written(rendering, self._writer.patch(resource, info, body, _media_type(request)), 200)
        if info.verb == "delete" and not info.subresource:
            return json_response(_deleted(resource, self._writer.delete(resource, info)))
        raise MethodNotAllowed("the server does not allow this method on the requested resource")

    async def _reach(self, version: int | None) -> None:
        """Waits a little for a version of the future; raises Timeout."""
        try:
            async with asyncio.timeout(BLOCK_TIMEOUT_S):
                await self._store.wait_for(version or 0)
        except TimeoutError:
            raise too_large_resource_version(version or 0, self._store.version) from None


class _ClientCertificateProtocol(HttpToolsProtocol):
    """Hands the client's certificate, verified in the handshake, to the application: `state.peer_certificate`."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Reads the certificate once for all requests of the connection; None if there is none."""
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        self.app_state = {**self.app_state, "peer_certificate": tls.getpeercert(binary_form=True)}


class _Server(uvicorn.Server):
    """A server that leaves signals to whoever runs it."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Captures none."""
        yield


async def _stop(server: uvicorn.Server) -> None:
    """Cuts every connection; requests end by seeing that, or are cancelled."""
    if not server.started:
        return
    for listener in server.servers:
        listener.close()
    for connection in list(server.server_state.connections):
        connection.transport.abort()
    if tasks := set(server.server_state.tasks):
        _, late = await asyncio.wait(tasks, timeout=_LONGEST_STOP_S)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)


def _tls(pki: Pki) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pki.server_files)
    context.load_verify_locations(cadata=pki.authority.certificate.decode())
    context.verify_mode = ssl.CERT_OPTIONAL
    context.set_alpn_protocols(["http/1.1"])
    return context


def _audit_id(scope: Scope) -> bytes:
    """The request's audit ID, given to it here if the client named none."""
    for name, value in scope["headers"]:
        if name == b"audit-id":
            return bytes(value)
    audit_id = str(uuid4()).encode()
    scope["headers"] = [*scope["headers"], (b"audit-id", audit_id)]
    return audit_id


def _first_values(request: Request) -> dict[str, str]:
    return {name: request.query_params.getlist(name)[0] for name in request.query_params}


def _media_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip()


def _kind(info: RequestInfo) -> ApiResource:
    resource = BY_PLURAL.get(info.resource)
    if resource is None or (resource.group, resource.version) != (info.group, info.version):
        raise no_such_path()
    is_misplaced = bool(info.namespace) and not resource.namespaced and resource.plural != "namespaces"
    if is_misplaced or (info.subresource and info.subresource not in resource.subresources):
        raise no_such_path()
    return resource


def _written(rendering: Rendering, stored: StoredObject, code: int) -> Response:
    return Response(rendering.document(stored), code, media_type=JSON)


def _deleted(resource: ApiResource, last: StoredObject) -> dict[str, object]:
    details = {"name": last.name, "kind": resource.plural, "uid": last.decoded()["metadata"]["uid"]}
    if resource.group:
        details["group"] = resource.group
    return {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details}
