"""Routes of the OpenAPI documents, which kube-apiserver merges into its own and `kubectl explain` reads."""

from email.utils import formatdate
from typing import Final

from fastapi import APIRouter, Request, Response

from kubesum.api.discovery import VERBS
from kubesum.api.openapi.documents import Document, Documents, documents
from kubesum.api.representations.status import UNKNOWN_PATH
from kubesum.api.requests.negotiation import accepts_gzip, require_json
from kubesum.vocabulary.errors import NotFound
from kubesum.web.dependencies import Group, Info, Server, Version
from kubesum.web.responses import JSON, READ_METHODS, accepted
from kubesum.web.state import ServerState

router: Final = APIRouter(redirect_slashes=False)

_YEAR_S: Final = 365 * 24 * 3600
# Go clients accept a media type with an @, which is not valid (RFC 6838); the response has the valid form of it.
_PROTOBUF_ACCEPTED: Final = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_PROTOBUF: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


@router.api_route("/openapi/v2", methods=READ_METHODS)
async def v2(request: Request, server: Server) -> Response:
    """OpenAPI 2.0 of all groups: JSON for kube-apiserver, protobuf for kubectl, which accepts nothing else."""
    if accepted(request) == _PROTOBUF_ACCEPTED:
        return response(request, current(server).v2_protobuf, {"Content-Type": _PROTOBUF})
    require_json(accepted(request))
    return response(request, current(server).v2, {})


@router.api_route("/openapi/v3", methods=READ_METHODS)
async def index(request: Request, server: Server) -> Response:
    """The paths of the OpenAPI 3.0 documents, with their hashes."""
    require_json(accepted(request))
    return response(request, current(server).index, {})


@router.api_route("/openapi/v3/apis/{group}/{version}", methods=READ_METHODS)
async def v3(request: Request, group: Group, version: Version, info: Info, server: Server) -> Response:
    """One group and version as OpenAPI 3.0.

    With the hash of the index as a parameter, the response may be cached for good. With another hash, a server in
    Go redirects to the current one; kube-apiserver rejects redirects of extension servers, so that here the
    response is the current document.
    """
    document = current(server).v3.get((group, version))
    if document is None:
        raise NotFound(UNKNOWN_PATH)
    require_json(accepted(request))
    if info.query.get("hash") != document.digest:
        return response(request, document, {})
    expires = formatdate(server.now() + _YEAR_S, usegmt=True)
    return response(request, document, {"Cache-Control": "public, immutable", "Expires": expires})


def current(server: ServerState) -> Documents:
    """The documents of the resources in the current catalogue."""
    catalogue = server.catalogue()
    return documents(tuple(store.resource for store in catalogue.stores), VERBS, catalogue.group_versions())


def response(request: Request, document: Document, extra: dict[str, str]) -> Response:
    """The response with a document, compressed if the client accepts that; 304 if the client has it already."""
    headers = {"ETag": document.etag, "Vary": "Accept, Accept-Encoding", **extra}
    if document.matches(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    if accepts_gzip(request.headers.get("accept-encoding", "")):
        return JSON(document.gzipped, headers={**headers, "Content-Encoding": "gzip"})
    return JSON(document.content, headers=headers)
