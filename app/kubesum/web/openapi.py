"""Routes of the OpenAPI documents, which kube-apiserver merges into its own and `kubectl explain` reads."""

from email.utils import formatdate
from typing import Final

from fastapi import APIRouter, Request, Response

from kubesum.api.discovery import VERBS
from kubesum.api.openapi.documents import Document, Documents, documents
from kubesum.api.representations.status import UNKNOWN_PATH
from kubesum.api.requests.negotiation import accepts_gzip, require_json
from kubesum.vocabulary.errors import NotFound
from kubesum.web.dependencies import Asked, Service, Serving
from kubesum.web.discovery import accepted
from kubesum.web.responses import JSON, READ_METHODS

router: Final = APIRouter(redirect_slashes=False)

_YEAR_S: Final = 365 * 24 * 3600
# A media type must not have an @ (RFC 6838), so that the answer has another one than was asked for.
_PROTOBUF_ASKED: Final = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
_PROTOBUF: Final = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"


@router.api_route("/openapi/v2", methods=READ_METHODS)
async def v2(request: Request, serving: Serving) -> Response:
    """Everything that is served, as OpenAPI 2.0: JSON for kube-apiserver, protobuf for kubectl, which insists."""
    if accepted(request) == _PROTOBUF_ASKED:
        return answered(request, served(serving).v2_protobuf, {"Content-Type": _PROTOBUF})
    require_json(accepted(request))
    return answered(request, served(serving).v2, {})


@router.api_route("/openapi/v3", methods=READ_METHODS)
async def index(request: Request, serving: Serving) -> Response:
    """Where the documents of OpenAPI 3.0 are."""
    require_json(accepted(request))
    return answered(request, served(serving).index, {})


@router.api_route("/openapi/v3/apis/{group}/{version}", methods=READ_METHODS)
async def v3(request: Request, group: str, version: str, asked: Asked, serving: Serving) -> Response:
    """One group and version as OpenAPI 3.0.

    A client that asks by the hash of the index may keep the answer for good. Asked by another hash, a server
    written in Go redirects; kube-apiserver refuses to pass that on, so here the answer is the document as it is.
    """
    document = served(serving).v3.get((group, version))
    if document is None:
        raise NotFound(UNKNOWN_PATH)
    require_json(accepted(request))
    if asked.query.get("hash") != document.digest:
        return answered(request, document, {})
    expires = formatdate(serving.now() + _YEAR_S, usegmt=True)
    return answered(request, document, {"Cache-Control": "public, immutable", "Expires": expires})


def served(serving: Service) -> Documents:
    """The documents of what is served now."""
    return documents(tuple(collection.resource for collection in serving.catalogue().stores), VERBS)


def answered(request: Request, document: Document, more: dict[str, str]) -> Response:
    """A document, compressed if the client takes that, or that the client has it; `more` are further headers."""
    headers = {"ETag": document.etag, "Vary": "Accept, Accept-Encoding", **more}
    if document.is_known(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    if accepts_gzip(request.headers.get("accept-encoding", "")):
        return JSON(document.gzipped, headers={**headers, "Content-Encoding": "gzip"})
    return JSON(document.content, headers=headers)
