"""Responses: JSON, YAML and plain text; never HTML or redirects, which kube-aggregator rewrites and refuses."""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kubesum.api.lists.listing import EncodedList
from kubesum.api.representations.jsontext import pretty_document
from kubesum.api.representations.status import retry_after_s, status_body
from kubesum.api.representations.yamltext import yaml_document
from kubesum.api.requests.negotiation import Encoding
from kubesum.api.requests.options import is_pretty
from kubesum.api.requests.requestinfo import RequestInfo
from kubesum.vocabulary.errors import ApiError, MethodNotAllowed

READ_METHODS: Final = ["GET", "HEAD"]


class JSON(Response):
    """A small encoded document."""

    media_type = "application/json"


class Chunks(Response):
    """An encoded list in chunks, each drawn when the one before is written: a slow reader holds few joined bytes."""

    def __init__(self, encoded: EncodedList, headers: Mapping[str, str], media_type: str) -> None:
        super().__init__(headers={"Content-Length": str(encoded.size_bytes), **headers}, media_type=media_type)
        self._encoded = encoded

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the head and the chunks."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        chunks = iter(self._encoded.chunks)
        chunk = next(chunks, b"")
        for following in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
            chunk = following
            # Encryption takes as long as joining; many clients may have made room at the same time.
            await self._encoded.pacer.pause()
        await send({"type": "http.response.body", "body": chunk, "more_body": False})


def text(content: str, status_code: int = 200) -> Response:
    """A response in plain text, for probes and people."""
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache, private"}
    return Response(content, status_code, headers, "text/plain; charset=utf-8")


def accepted(request: Request) -> str:
    """The Accept header; empty for any media type."""
    return request.headers.get("accept", "")


def is_indented(info: RequestInfo, headers: Headers) -> bool:
    """Whether JSON is indented, for a person."""
    return is_pretty(info.query, headers.get("user-agent", ""))


def document(
    content: bytes, encoding: Encoding, indented: bool, headers: Mapping[str, str] | None = None
) -> Response:
    """A small JSON document, in the encoding that the client accepts."""
    if encoding is Encoding.YAML:
        content = yaml_document(content)
    elif indented:
        content = pretty_document(content)
    return JSON(content, headers=headers, media_type=encoding.value)


def failure(error: ApiError) -> Response:
    """The metav1.Status of an error."""
    return JSON(status_body(error), error.code, _headers(error))


def _headers(error: ApiError) -> Mapping[str, str]:
    headers = {"X-Content-Type-Options": "nosniff"}
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(READ_METHODS)
    if retry_after := retry_after_s(error):
        headers["Retry-After"] = str(retry_after)
    return headers
