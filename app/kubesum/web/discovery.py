"""Routes of discovery, and of everything that nothing else serves."""

from http import HTTPMethod
from typing import Final

import msgspec
from fastapi import APIRouter, Request, Response

from kubesum.api import discovery
from kubesum.api.representations.status import UNKNOWN_METHOD, UNKNOWN_PATH
from kubesum.api.requests.negotiation import discovery_wanted, document_encoding
from kubesum.vocabulary.errors import MethodNotAllowed, NotFound, StatusDetails
from kubesum.web.dependencies import Group, Info, Name, Server, Version
from kubesum.web.resources import collection_of
from kubesum.web.responses import JSON, READ_METHODS, accepted, document, is_indented

router: Final = APIRouter(redirect_slashes=False)
catch_all: Final = APIRouter(redirect_slashes=False)


@router.api_route("/", methods=READ_METHODS)
async def root(request: Request, info: Info, server: Server) -> Response:
    """The paths that are served."""
    encoding = document_encoding(accepted(request))
    content = msgspec.json.encode({"paths": discovery.paths(server.catalogue())}) + b"\n"
    return document(content, encoding, is_indented(info, request.headers))


@router.api_route("/apis", methods=READ_METHODS)
async def groups(request: Request, info: Info, server: Server) -> Response:
    """Aggregated discovery if the client accepts it, else the list of groups."""
    encoding, version = discovery_wanted(accepted(request))
    indented = is_indented(info, request.headers)
    if version is None:
        return document(discovery.group_list(server.catalogue()), encoding, indented, {"Vary": "Accept"})
    content = discovery.aggregated(server.catalogue(), version)
    etag = discovery.etag(content)
    headers = {"ETag": etag, "Vary": "Accept", "Cache-Control": "public"}
    if request.headers.get("if-none-match") == etag:
        return Response(status_code=304, headers=headers)
    response = document(content, encoding, indented, headers)
    response.headers["Content-Type"] = f"{encoding.value};g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
    return response


@router.api_route("/apis/{group}", methods=READ_METHODS)
async def group(request: Request, group: Group, info: Info, server: Server) -> Response:
    """One group."""
    content = discovery.group(server.catalogue(), group)
    return document(content, document_encoding(accepted(request)), is_indented(info, request.headers))


@router.api_route("/apis/{group}/{version}", methods=READ_METHODS)
async def resources(request: Request, group: Group, version: Version, info: Info, server: Server) -> Response:
    """The resources of one group and version; never 304, which kube-aggregator does not expect here."""
    content = discovery.resource_list(server.catalogue(), group, version)
    return document(content, document_encoding(accepted(request)), is_indented(info, request.headers))


@router.api_route("/api/v1/namespaces/{name}", methods=READ_METHODS)
async def namespace(name: Name, server: Server) -> Response:
    """The name of a namespace if it exists.

    kubectl reads the namespace before it reports that an object in it is not found
    (cli-runtime/pkg/resource/visitor.go). Behind kube-apiserver, that server answers.
    """
    if not server.has_namespace(name):
        details = StatusDetails(name=name, kind="namespaces")
        raise NotFound(f'namespaces "{name}" not found', details)
    content = {"kind": "Namespace", "apiVersion": "v1", "metadata": {"name": name}}
    return JSON(msgspec.json.encode(content) + b"\n")


@catch_all.api_route("/{path:path}", methods=[method.value for method in HTTPMethod])
async def unknown(request: Request, info: Info, server: Server) -> Response:
    """404 for paths that are not served, 405 for methods that are not."""
    if request.method in READ_METHODS:
        raise NotFound(UNKNOWN_PATH)
    catalogue = server.catalogue()
    if info.is_resource_request:
        collection_of(info, catalogue)
    elif request.scope["path"] not in ("/", *discovery.paths(catalogue)):
        raise NotFound(UNKNOWN_PATH)
    raise MethodNotAllowed(UNKNOWN_METHOD)
