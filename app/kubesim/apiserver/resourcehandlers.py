"""The handlers of the stored resources: which verb of which resource is answered by what."""

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from kubesim.apierrors import MethodNotAllowed, no_such_path
from kubesim.apiserver.customresources import definition_of
from kubesim.apiserver.listing import BLOCK_TIMEOUT_S, Lister, streamed, too_large_resource_version
from kubesim.apiserver.throttle import Throttle
from kubesim.apiserver.watching import Watch, Watcher
from kubesim.apiserver.writing import Writer
from kubesim.requests.options import list_options
from kubesim.requests.requestinfo import RequestInfo, is_true
from kubesim.responses.httpresponses import JSON, StreamedResponse, json_response
from kubesim.responses.representations import LIST_FORMS, OBJECT_FORMS, Rendering, requested_rendering
from kubesim.store.apiresources import BY_PLURAL, ApiResource
from kubesim.store.store import Store, StoredObject


class ResourceHandlers:
    """Get, list, watch and write the stored resources."""

    def __init__(self, store: Store, throttle: Throttle, refuses_watch_lists: bool) -> None:
        self._store: Final = store
        self._throttle: Final = throttle
        self._lister: Final = Lister(store)
        self._watcher: Final = Watcher(store, throttle, refuses_watch_lists)
        self._writer: Final = Writer(store)
        self._readers: Final = {"get": self._get, "list": self._list, "watch": self._watch}

    async def response(self, request: Request, info: RequestInfo, query: Mapping[str, str]) -> Response:
        """The response to a request for a stored resource; raises ApiError."""
        resource = _resource(info)
        if resource.is_custom:
            definition_of(self._store, resource)
        if not resource.namespaced:
            info = replace(info, namespace="")
        if (read := self._readers.get(info.verb)) is not None:
            return await read(request, resource, info, query)
        return self._write(request, resource, info, await request.body())

    async def _get(
        self, request: Request, resource: ApiResource, info: RequestInfo, query: Mapping[str, str]
    ) -> Response:
        rendering = requested_rendering(request.headers, resource, OBJECT_FORMS, query)
        await self._wait_for(list_options(resource, query).version)
        return Response(rendering.document(self._writer.current(resource, info)), media_type=JSON)

    async def _list(
        self, request: Request, resource: ApiResource, info: RequestInfo, query: Mapping[str, str]
    ) -> Response:
        options = list_options(resource, query)
        rendering = requested_rendering(request.headers, resource, LIST_FORMS, query)
        await self._wait_for(options.version)
        page = self._lister.page(resource.plural, info.namespace, options)
        return StreamedResponse(streamed(page, rendering, self._throttle))

    async def _watch(
        self, request: Request, resource: ApiResource, info: RequestInfo, query: Mapping[str, str]
    ) -> Response:
        if not is_true(query.get("watch")):
            raise no_such_path()
        options = list_options(resource, query)
        rendering = requested_rendering(request.headers, resource, OBJECT_FORMS, query)
        await self._wait_for(options.version)
        watch = Watch(resource.plural, info.namespace, rendering, options)
        return StreamedResponse(self._watcher.stream(watch))

    def _write(self, request: Request, resource: ApiResource, info: RequestInfo, body: bytes) -> Response:
        rendering = requested_rendering(request.headers, resource, OBJECT_FORMS, {})
        if info.verb == "create" and not info.name:
            return _written(rendering, self._writer.create(resource, info, body), 201)
        if info.verb == "update" and info.name:
            return _written(rendering, self._writer.update(resource, info, body), 200)
        if info.verb == "patch" and info.name:
            return _written(rendering, self._writer.patch(resource, info, body, media_type(request)), 200)
        if info.verb == "delete" and not info.subresource:
            return json_response(_deleted(resource, self._writer.delete(resource, info)))
        raise MethodNotAllowed("the server does not allow this method on the requested resource")

    async def _wait_for(self, version: int | None) -> None:
        """Waits until the store has reached a version; raises Timeout after BLOCK_TIMEOUT_S."""
        try:
            async with asyncio.timeout(BLOCK_TIMEOUT_S):
                await self._store.wait_for(version or 0)
        except TimeoutError:
            raise too_large_resource_version(version or 0, self._store.version) from None


def media_type(request: Request) -> str:
    """The media type of the request body, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip()


def _resource(info: RequestInfo) -> ApiResource:
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
