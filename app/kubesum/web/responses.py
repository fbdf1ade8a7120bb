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
from kubesum.edge.http.requestcontext import request_context
from kubesum.operations.metrics import LISTS_CUT
from kubesum.vocabulary.errors import ApiError, MethodNotAllowed, Timeout
from kubesum.web.writes import Writes, WriteTimeout

READ_METHODS: Final = ["GET", "HEAD"]


class JSON(Response):
    """A small encoded document."""

    media_type = "application/json"


class Chunks(Response):
    """An encoded list in chunks, each drawn when the one before is written: a slow reader holds few joined bytes."""

    def __init__(self, encoded: EncodedList, headers: Mapping[str, str], media_type: str, writes: Writes) -> None:
        super().__init__(headers={"Content-Length": str(encoded.size_bytes), **headers}, media_type=media_type)
        self._encoded = encoded
        self._writes = writes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the head and the chunks; raises Timeout, which ends the connection, if the client does not read."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        is_closing, left = request_context(scope).is_closing, self._encoded.size_bytes
        for chunk in self._encoded.chunks:
            left -= len(chunk)
            await self._write(send, chunk, more=left > 0)
            if is_closing() and left > 0:
                # The rest is not made. uvicorn takes it for a defect until it knows that the client has gone.
                while (await receive())["type"] != "http.disconnect":
                    pass
                return
            if left > 0:
                # Encryption takes as long as joining; many clients may have made room at the same time.
                await self._encoded.pacer.pause()

    async def _write(self, send: Send, chunk: bytes, *, more: bool) -> None:
        try:
            await self._writes.write(send, chunk, more=more)
        except WriteTimeout as error:
            LISTS_CUT.inc()
            raise Timeout("Timeout: the client did not read the response in time") from error


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
