"""Get, list and watch of the computed resources.

There is no route for each resource: the catalogue at the time of the request decides what is served, so that a
resource can be added or removed while the server runs. The path is not parsed again, handlers use `RequestInfo`.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kubesum.api.lists.freshness import exactly, not_older_than
from kubesum.api.lists.listing import ListRequest, Lists
from kubesum.api.lists.objecttexts import ObjectTexts
from kubesum.api.representations.status import RETRY_SOON, UNKNOWN_PATH
from kubesum.api.representations.warnings import warnings
from kubesum.api.requests.negotiation import JSON_ALONE, Form, Representation, accepts_gzip, representation
from kubesum.api.requests.options import Include, included, list_options, object_version, timeout_s, watch_options
from kubesum.api.requests.query import Query
from kubesum.api.requests.requestinfo import RequestInfo
from kubesum.api.watch.watching import Watches, WatchRequest
from kubesum.edge.http.requestcontext import request_context
from kubesum.rollups.catalogue import Catalogue
from kubesum.rollups.store import Store
from kubesum.vocabulary.errors import NotFound, ServiceUnavailable, StatusDetails, Timeout
from kubesum.web.responses import Chunks, document, is_indented
from kubesum.web.state import ServerState
from kubesum.web.watch import WatchResponse
from kubesum.web.writes import Writes


class ResourceHandler:
    """An ASGI application that answers GET and HEAD of computed resources."""

    def __init__(self, server: ServerState) -> None:
        self._server = server
        self._lists = Lists(server.now, server.memory_pressure)
        self._objects = ObjectTexts(server.now)
        self._watches = Watches(server.now)
        self._writes = Writes(server.memory_pressure)

    def drop_caches(self) -> None:
        """Drops what only saves time."""
        self._lists.drop_caches()
        self._objects.drop()
        self._watches.drop_caches()

    def end_slow_responses(self, waited_s: float) -> None:
        """Ends the responses whose clients have not read for so long."""
        self._writes.expire(waited_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the response; raises ApiError before it has sent anything."""
        response = await self._response(request_context(scope).request_info, Headers(scope=scope))
        await response(scope, receive, send)

    async def _response(self, info: RequestInfo, headers: Headers) -> Response:
        collection = collection_of(info, self._server.catalogue())
        if not info.has_special_verb:
            match info.verb:
                case "get":
                    return await self._get(info, collection, headers)
                case "list":
                    return await self._list(info, collection, headers)
                case "watch":
                    return await self._watch(info, collection, headers)
        raise NotFound(UNKNOWN_PATH)

    async def _get(self, info: RequestInfo, collection: Store, headers: Headers) -> Response:
        resource = collection.resource
        version = object_version(info.query, resource, info.name)
        deadline_s = timeout_s(info.query)
        form = representation(headers.get("accept", ""), resource.kind, is_list=False)
        include = included_in(form, info.query)
        await require_data(collection)
        if version:
            with timeout_as_status():
                async with asyncio.timeout(deadline_s):
                    await not_older_than(version, collection, self._server.now)
        row = collection.get((info.namespace, info.name))
        if row is None:
            details = StatusDetails(name=info.name, group=resource.group, kind=resource.plural)
            raise NotFound(f'{resource.resource_group} "{info.name}" not found', details)
        content = self._objects.text(resource, row, collection.floor, form, include)
        return document(content, form.encoding, is_indented(info, headers), self._warning(collection))

    async def _list(self, info: RequestInfo, collection: Store, headers: Headers) -> Response:
        options = list_options(info.query, collection.resource)
        deadline_s = timeout_s(info.query)
        form = representation(headers.get("accept", ""), collection.resource.kind, is_list=True)
        include = included_in(form, info.query)
        request = ListRequest(collection, info.namespace, options, form, include, is_indented(info, headers))
        await require_data(collection)
        with timeout_as_status():
            async with asyncio.timeout(deadline_s):
                if options.exact:
                    exactly(options.version, collection.snapshot().version)
                elif options.version:
                    await not_older_than(options.version, collection, self._server.now)
                encoded = await self._lists.encoded(request, accepts_gzip(headers.get("accept-encoding", "")))
        gzip = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"} if encoded.gzipped else {}
        sent = gzip | self._warning(collection)
        return Chunks(encoded, sent, form.encoding.value, self._writes)

    async def _watch(self, info: RequestInfo, collection: Store, headers: Headers) -> Response:
        options = watch_options(info.query, collection.resource)
        form = representation(headers.get("accept", ""), collection.resource.kind, is_list=False, served=JSON_ALONE)
        watch = WatchRequest(collection, info.namespace, options, form, included_in(form, info.query))
        await require_data(collection)
        lines = await self._watches.open(watch)
        turns = self._watches.turns
        return WatchResponse(lines, collection.resource, turns, self._warning(collection), self._writes)

    def _warning(self, collection: Store) -> dict[str, str]:
        """The header that names stale input of a collection; nothing if all of it is fresh."""
        value = warnings(collection.stale())
        return {"Warning": value} if value else {}


def collection_of(info: RequestInfo, catalogue: Catalogue) -> Store:
    """The collection that a request is for; raises NotFound for a path at which none is served."""
    found = catalogue.find(info.group, info.version, info.resource)
    if found is None or info.subresource:
        raise NotFound(UNKNOWN_PATH)
    if info.namespace and not found.resource.namespaced:
        raise NotFound(UNKNOWN_PATH)
    # Without a namespace, the name of a namespaced object is not unique.
    if info.name and found.resource.namespaced and not info.namespace:
        raise NotFound(UNKNOWN_PATH)
    return found


def included_in(form: Representation, query: Query) -> Include:
    """What rows of a Table carry of their objects; the parameter is validated for Tables only."""
    return included(query) if form.form is Form.TABLE else Include.METADATA


async def require_data(collection: Store) -> None:
    """Makes the rows of a collection current; raises ServiceUnavailable until its input is synced."""
    await collection.catch_up()
    if (unavailable := collection.unavailable()) is not None:
        # No Retry-After where only an operator can help: clients would wait without an error message.
        raise ServiceUnavailable(unavailable.reason, RETRY_SOON if unavailable.transient else None)


@contextmanager
def timeout_as_status() -> Iterator[None]:
    """Raises Timeout (504) in place of TimeoutError."""
    try:
        yield
    except TimeoutError as error:
        raise Timeout("Timeout: request did not complete within the allotted timeout") from error
