"""The subresource pods/proxy: requests that the API server sends to a pod for a client.

It verifies no certificate and sends no identity, so the pod sees an anonymous request. Only the pods of the extension
server listen; all of them are the one process that is registered. Follows kubernetes/pkg/registry/core/pod/rest/
subresources.go and pkg/registry/core/pod/strategy.go, ResourceLocation, for GET and HEAD.
"""

from typing import Final

import aiohttp
from starlette.requests import Request
from starlette.responses import Response
from yarl import URL

from kubesim.aggregation import forwarding
from kubesim.aggregation.aggregator import Aggregator
from kubesim.aggregation.goerrors import go_error
from kubesim.apierrors import BadRequest, MethodNotAllowed, NotFound, ServiceUnavailable, StatusDetails
from kubesim.requests.requestinfo import RequestInfo
from kubesim.responses.httpresponses import error_response
from kubesim.store.store import JsonObject, Store

_TIMEOUT: Final = aiohttp.ClientTimeout(total=30)
_HTTP_PORT: Final = "80"


class PodProxy:
    """Sends requests to the pods of one store."""

    def __init__(self, store: Store, aggregator: Aggregator) -> None:
        self._store: Final = store
        self._aggregator: Final = aggregator
        self._installation: Final = aggregator.installation

    async def response(self, request: Request, info: RequestInfo) -> Response:
        """The response of the pod; raises NotFound, BadRequest, MethodNotAllowed."""
        if request.method not in ("GET", "HEAD"):
            raise MethodNotAllowed("the server does not allow this method on the requested resource")
        scheme, name, port = _target(info.name)
        pod = self._pod(info.namespace, name)
        address = pod.get("status", {}).get("podIP", "")
        if not address:
            raise BadRequest("address not allowed")
        pod_address = f"{address}:{port or _HTTP_PORT}"
        if not self._aggregator.backend or not self._listens(pod) or port != str(self._installation.container_port):
            return _unreachable(await go_error(ConnectionRefusedError(), pod_address, "", ""))
        if scheme != "https":
            return _unreachable("EOF")
        # /api/v1/namespaces/NAMESPACE/pods/NAME/proxy/PATH
        path = "/".join(request.scope["raw_path"].decode("ascii").split("/")[8:])
        target = f"/{path}?{forwarding.query(request.url.query)}".rstrip("?")
        try:
            return await self._fetched(request, target)
        except (aiohttp.ClientError, OSError) as error:
            return _unreachable(await go_error(error, pod_address, "", ""))

    async def _fetched(self, request: Request, target: str) -> Response:
        url = URL(f"https://{self._aggregator.backend}{target}", encoded=True)
        async with (
            aiohttp.ClientSession(auto_decompress=False, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(request.method, url, ssl=False, allow_redirects=False, timeout=_TIMEOUT) as upstream,
        ):
            response = Response(await upstream.read(), upstream.status)
            response.raw_headers = forwarding.response_headers(upstream.raw_headers)
            return response

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


def _unreachable(reason: str) -> Response:
    return error_response(ServiceUnavailable(f"error trying to reach service: {reason}"))
