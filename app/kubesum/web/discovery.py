"""Routes of discovery and of the computed resources.

Paths are parametric over the catalogue, so a resource that appears or goes while the server runs needs no
route. Handlers don't read path parameters: what is asked for was read once, at the entrance.
"""

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPMethod
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response

from kubesum.api import discovery
from kubesum.api.lists.freshness import exactly, not_older_than
from kubesum.api.lists.listing import ListRequest, encode_object
from kubesum.api.representations.jsontext import pretty_document
from kubesum.api.representations.status import RETRY_SOON, UNKNOWN_METHOD, UNKNOWN_PATH
from kubesum.api.representations.warnings import warnings
from kubesum.api.representations.yamltext import yaml_document
from kubesum.api.requests.negotiation import (
    JSON_ALONE,
    Encoding,
    Form,
    Representation,
    accepts_gzip,
    discovery_wanted,
    document_encoding,
    representation,
)
from kubesum.api.requests.options import (
    Include,
    included,
    is_pretty,
    list_options,
    object_version,
    timeout_s,
    watch_options,
)
from kubesum.api.requests.query import Query
from kubesum.api.requests.requestinfo import RequestInfo
from kubesum.api.watch.watching import WatchRequest
from kubesum.rollups.store import Store
from kubesum.vocabulary.errors import MethodNotAllowed, NotFound, ServiceUnavailable, StatusDetails, Timeout
from kubesum.web.dependencies import Asked, Service, Serving, collection_of, of_collection
from kubesum.web.responses import JSON, READ_METHODS
from kubesum.web.watch import WatchResponse

router: Final = APIRouter(redirect_slashes=False)
catch_all: Final = APIRouter(redirect_slashes=False)


async def one_object(request: Request) -> Response:
    """One object."""
    asked, chosen, serving = of_collection(request)
    if not asked.name:
        raise NotFound(UNKNOWN_PATH)
    resource = chosen.resource
    version = object_version(asked.query, resource, asked.name)
    deadline_s = timeout_s(asked.query)
    form = representation(accepted(request), resource.kind, is_list=False)
    include = included_in(form, asked.query)
    require_data(chosen)
    if version:
        with answered_within():
            async with asyncio.timeout(deadline_s):
                await not_older_than(version, chosen, serving.now)
    row = chosen.get((asked.namespace, asked.name))
    if row is None:
        details = StatusDetails(name=asked.name, group=resource.group, kind=resource.plural)
        raise NotFound(f'{resource.resource_group} "{asked.name}" not found', details)
    content = encode_object(resource, row, form, include, serving.now())
    return written(request, content, form.encoding, warned(chosen, serving))


async def objects(request: Request) -> Response:
    """The objects of a resource, of one namespace or of all: as they are, or as they change."""
    asked, chosen, serving = of_collection(request)
    if asked.verb == "watch":
        return await watched(request, asked, chosen, serving)
    options = list_options(asked.query, chosen.resource)
    deadline_s = timeout_s(asked.query)
    form = representation(accepted(request), chosen.resource.kind, is_list=True)
    listed = ListRequest(chosen, asked.namespace, options, form, included_in(form, asked.query), pretty(request))
    require_data(chosen)
    with answered_within():
        async with asyncio.timeout(deadline_s):
            if options.exact:
                exactly(options.version, chosen.snapshot().version)
            elif options.version:
                await not_older_than(options.version, chosen, serving.now)
            gzip = accepts_gzip(request.headers.get("accept-encoding", ""))
            encoded = await serving.lists.encoded(listed, gzip)
    headers = {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"} if encoded.gzipped else {}
    return JSON(encoded.content, headers=headers | warned(chosen, serving), media_type=form.encoding.value)


# What is asked for most does without FastAPI's dependencies: solving them takes as long as the rest of an answer.
for path, handler in {
    "/apis/{group}/{version}/{resource}/{name}": one_object,
    "/apis/{group}/{version}/namespaces/{namespace}/{resource}/{name}": one_object,
    "/apis/{group}/{version}/{resource}": objects,
    "/apis/{group}/{version}/namespaces/{namespace}/{resource}": objects,
}.items():
    router.add_route(path, handler, READ_METHODS)


async def watched(request: Request, asked: RequestInfo, chosen: Store, serving: Service) -> Response:
    """The changes of a resource's objects, in one namespace or in all."""
    options = watch_options(asked.query, chosen.resource)
    form = representation(accepted(request), chosen.resource.kind, is_list=False, served=JSON_ALONE)
    watch = WatchRequest(chosen, asked.namespace, options, form, included_in(form, asked.query))
    require_data(chosen)
    lines = await serving.watches.open(watch)
    return WatchResponse(lines, chosen.resource.resource_group, warned(chosen, serving))


@router.api_route("/", methods=READ_METHODS)
async def root(request: Request, serving: Serving) -> Response:
    """The paths that are served."""
    encoding = document_encoding(accepted(request))
    content = msgspec.json.encode({"paths": discovery.paths(serving.catalogue())}) + b"\n"
    return written(request, content, encoding)


@router.api_route("/apis", methods=READ_METHODS)
async def groups(request: Request, serving: Serving) -> Response:
    """Aggregated discovery for those who ask for it, the list of groups for others."""
    encoding, version = discovery_wanted(accepted(request))
    if version is None:
        return written(request, discovery.group_list(serving.catalogue()), encoding, {"Vary": "Accept"})
    document = discovery.aggregated(serving.catalogue(), version)
    etag = discovery.etag(document)
    headers = {"ETag": etag, "Vary": "Accept", "Cache-Control": "public"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    answer = written(request, document, encoding, headers)
    answer.headers["Content-Type"] = f"{encoding.value};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    return answer


@router.api_route("/apis/{group}", methods=READ_METHODS)
async def group(request: Request, group: str, serving: Serving) -> Response:
    """One group."""
    document = discovery.group(serving.catalogue(), group)
    return written(request, document, document_encoding(accepted(request)))


@router.api_route("/apis/{group}/{version}", methods=READ_METHODS)
async def resources(request: Request, group: str, version: str, serving: Serving) -> Response:
    """The resources of one group and version. kube-aggregator probes it: no cache is asked, no 304 given."""
    document = discovery.resource_list(serving.catalogue(), group, version)
    return written(request, document, document_encoding(accepted(request)))


@router.api_route("/api/v1/namespaces/{name}", methods=READ_METHODS)
async def namespace(name: str, serving: Serving) -> Response:
    """Whether there is a namespace, and nothing else about it.

    kubectl asks before it says that an object in a namespace is not found (cli-runtime/pkg/resource/visitor.go);
    behind an API server it asks that one.
    """
    if not serving.has_namespace(name):
        details = StatusDetails(name=name, kind="namespaces")
        raise NotFound(f'namespaces "{name}" not found', details)
    document = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}}
    return JSON(msgspec.json.encode(document) + b"\n")


@catch_all.api_route("/{path:path}", methods=[method.value for method in HTTPMethod])
async def unknown(request: Request, asked: Asked, serving: Serving) -> Response:
    """Everything else: paths that are not served, and methods that are not."""
    if request.method in READ_METHODS:
        raise NotFound(UNKNOWN_PATH)
    catalogue = serving.catalogue()
    if asked.resource:
        collection_of(asked, catalogue)
    elif request.scope["path"] not in ("/", *discovery.paths(catalogue)):
        raise NotFound(UNKNOWN_PATH)
    raise MethodNotAllowed(UNKNOWN_METHOD)


def accepted(request: Request) -> str:
    """What the client accepts; empty for anything."""
    return request.headers.get("accept", "")


def pretty(request: Request) -> bool:
    """Whether the answer is indented for a person."""
    asked: RequestInfo = request.scope["state"]["request_info"]
    return is_pretty(asked.query, request.headers.get("user-agent", ""))


def written(
    request: Request, content: bytes, encoding: Encoding, headers: Mapping[str, str] | None = None
) -> Response:
    """A small document, given as JSON, as the client reads it best."""
    if encoding is Encoding.YAML:
        content = yaml_document(content)
    elif pretty(request):
        content = pretty_document(content)
    return JSON(content, headers=headers, media_type=encoding.value)


def warned(chosen: Store, serving: Service) -> dict[str, str]:
    """The header that tells which of what an answer is computed from is out of step, if anything is."""
    told = warnings(chosen.stale(), serving.now())
    return {"Warning": told} if told else {}


def included_in(form: Representation, query: Query) -> Include:
    """What rows carry of their objects; only a Table has rows, so only there can it be asked wrongly."""
    return included(query) if form.form is Form.TABLE else Include.METADATA


def require_data(chosen: Store) -> None:
    """Raises ServiceUnavailable while there is nothing to answer from: an empty list would be a lie."""
    if (unavailable := chosen.unavailable()) is not None:
        # Clients that are told when to come back wait: no use where only a person can help.
        raise ServiceUnavailable(unavailable.reason, RETRY_SOON if unavailable.transient else None)


@contextmanager
def answered_within() -> Iterator[None]:
    """Turns a deadline that passed into the answer that says so."""
    try:
        yield
    except TimeoutError as error:
        raise Timeout("Timeout: request did not complete within the allotted timeout") from error
