"""The subresource pods/proxy: requests that the API server makes to a pod for a client.

It connects to whatever address and port it is told, believes any certificate, and does not say who asks; so a
pod answers it as it answers strangers. Follows kubernetes/pkg/registry/core/pod/rest/subresources.go and
strategy.go, ResourceLocation, for GET and HEAD. Of all containers of a simulated cluster only kubesum listens,
and all its pods are the one process that serves.
"""

from collections.abc import Callable
from typing import Final

import aiohttp
from starlette.requests import Request
from starlette.responses import Response
from yarl import URL

from kubesim.aggregation import forwarding
from kubesim.aggregation.goerrors import go_error
from kubesim.apierrors import BadRequest, MethodNotAllowed, NotFound, ServiceUnavailable, StatusDetails
from kubesim.installation import Installation
from kubesim.requests.requestinfo import RequestInfo
from kubesim.responses.httpresponses import error_response
from kubesim.store.store import JsonObject, Store

_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)
_HTTP_PORT: Final = "80"


class PodProxy:
    """Makes such requests; `backend` tells the host:port where kubesum listens."""

    def __init__(self, store: Store, installation: Installation, backend: Callable[[], str]) -> None:
        self._store: Final = store
        self._installation: Final = installation
        self._backend: Final = backend

    async def answer(self, request: Request, info: RequestInfo) -> Response:
        """The pod's answer; raises NotFound, BadRequest, MethodNotAllowed."""
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed("the server does not allow this method on the requested resource")
        scheme, name, port = _target(info.name)
        pod = self._pod(info.namespace, name)
        address = pod.get("status", {}).get("podIP", "")
        if not address:
            raise BadRequest("address not allowed")
        service_address = f"{address}:{port or _HTTP_PORT}"
        if not self._backend() or not self._listens(pod) or port != str(self._installation.container_port):
            return _unreached(await go_error(ConnectionRefusedError(), service_address, "", ""))
        if scheme != "https":
            return _unreached("EOF")
        # /api/v1/namespaces/NAMESPACE/pods/NAME/proxy/PATH
        path = "/".join(request.scope["raw_path"].decode("ascii").split("/")[8:])
        target = f"/{path}?{forwarding.query(request.url.query)}".rstrip("?")
        try:
            return await self._fetched(request, target)
        except (aiohttp.ClientError, OSError) as error:
            return _unreached(await go_error(error, service_address, "", ""))

    async def _fetched(self, request: Request, target: str) -> Response:
        url = URL(f"https://{self._backend()}{target}", encoded=True)
        async with (
            aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(request.method, url, ssl=False, allow_redirects=False, timeout=_TIMEOUT) as answer,
        ):
            relayed = Response(await answer.read(), answer.status)
            relayed.raw_headers = forwarding.response_headers(answer.raw_headers)
            return relayed

    def _pod(self, namespace: str, name: str) -> JsonObject:
        stored = self._store.get("pods", namespace, name)
        if stored is None:
            raise NotFound(f'pods "{name}" not found', StatusDetails(name=name, kind="pods"))
        return stored.decoded()

    def _listens(self, pod: JsonObject) -> bool:
        """Whether a pod belongs to the extension server and has a running container."""
        is_selected = self._installation.selector.items() <= dict(pod["metadata"].get("labels", {})).items()
        return is_selected and any("running" in one["state"] for one in pod["status"].get("containerStatuses", ()))


def _target(text: str) -> tuple[str, str, str]:
    """Scheme, name and port of `name`, `name:port` or `scheme:name:port`; raises BadRequest."""
    match text.split(":"):
        case [name]:
            return "", name, ""
        case [name, port]:
            return "", name, port
        case [scheme, name, port] if scheme in ("", "http", "https"):
            return scheme, name, port
        case _:
            raise BadRequest(f'invalid pod request "{text}"')


def _unreached(reason: str) -> Response:
    return error_response(ServiceUnavailable(f"error trying to reach service: {reason}"))
