"""Responses to non-resource requests: version, health, discovery, OpenAPI."""

from hashlib import sha512
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from kubesim.aggregation.aggregator import Aggregator
from kubesim.apierrors import no_such_path
from kubesim.apiserver.metrics import MetricsServer
from kubesim.responses import discovery
from kubesim.responses.discovery import DISCOVERY_GROUP, GROUP_DISCOVERY_LIST
from kubesim.responses.httpresponses import JSON, json_response, text_response
from kubesim.responses.representations import Transformation, negotiated
from kubesim.store.apiresources import METRICS_GROUP
from kubesim.store.store import JsonObject

_OFFERED: Final = frozenset(
    Transformation(GROUP_DISCOVERY_LIST, DISCOVERY_GROUP, version) for version in ("v2", "v2beta1")
)
_VERSION: Final = {
    "major": "1",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2026-01-01T00:00:00Z",
    "goVersion": "",
    "compiler": "",
    "platform": "linux/amd64",
}
_OPENAPI_V2: Final = {"swagger": "2.0", "info": {"title": "Kubernetes", "version": "v1"}, "paths": {}}


class Documents:
    """Responds to non-resource requests."""

    def __init__(self, url: str, aggregator: Aggregator, metrics: MetricsServer, minor_version: int) -> None:
        self._url: Final = url
        self._metrics: Final = metrics
        self._version: Final = {**_VERSION, "minor": str(minor_version), "gitVersion": f"v1.{minor_version}.2"}
        self._aggregator: Final = aggregator

    async def response(self, path: str, request: Request) -> Response:
        """The document at `path`; raises NotFound."""
        if path in ("/healthz", "/livez", "/readyz"):
            return text_response("ok")
        if path in ("/api", "/apis") and (groups := self._groups(path, request)) is not None:
            return groups
        if path == "/openapi/v2" and (merged := await self._aggregator.openapi_v2(request.headers.get("accept", ""))):
            return merged
        document = await self._openapi(path) if path.startswith("/openapi/") else self._plain(path)
        if document is None:
            raise no_such_path()
        return json_response(document)

    def _groups(self, path: str, request: Request) -> Response | None:
        """Aggregated discovery, None for a client that does not accept it."""
        transformation = negotiated(request.headers.get("accept", ""), _OFFERED)
        if not transformation.form:
            return None
        is_core = path == "/api"
        extension = (*discovery.items(self._metrics.group_versions), *self._aggregator.group_items)
        document = discovery.aggregated(transformation.version, is_core, () if is_core else extension)
        body = msgspec.json.encode(document)
        media_type = f"{JSON};g={transformation.group};v={transformation.version};as={transformation.form}"
        headers = {"ETag": f'"{sha512(body).hexdigest().upper()}"', "Vary": "Accept", "Content-Type": media_type}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers)

    def _plain(self, path: str) -> JsonObject | None:
        extension = (*self._metrics.group_versions, *self._aggregator.group_versions)
        document: JsonObject | None = None
        match path.strip("/").split("/"):
            case [""]:
                document = discovery.paths(extension)
            case ["version"]:
                document = self._version
            case ["api"]:
                document = discovery.core_versions(self._url)
            case ["apis"]:
                document = discovery.group_list(extension)
            case ["apis", name]:
                document = discovery.group(name, extension)
            case ["api", version]:
                document = discovery.resource_list("", version)
            case ["apis", name, version]:
                document = self._resource_list(name, version)
        return document

    def _resource_list(self, group: str, version: str) -> JsonObject | None:
        is_metrics = group == METRICS_GROUP
        return self._metrics.resource_list(version) if is_metrics else discovery.resource_list(group, version)

    async def _openapi(self, path: str) -> JsonObject | None:
        match path.strip("/").split("/")[1:]:
            case ["v2"]:
                return _OPENAPI_V2
            case ["v3"]:
                index = discovery.openapi_index()
                return {"paths": {**index["paths"], **await self._aggregator.openapi_paths()}}
            case ["v3", "api", version]:
                return discovery.openapi_document("", version)
            case ["v3", "apis", name, version]:
                return discovery.openapi_document(name, version)
        return None
