"""Responses: JSON, YAML and plain text; never HTML or redirects, which kube-aggregator rewrites and refuses."""

from collections.abc import Mapping
from typing import Final

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kubesum.api.representations.jsontext import pretty_document
from kubesum.api.representations.status import retry_after_s, status_body
from kubesum.api.representations.yamltext import yaml_document
from kubesum.api.requests.negotiation import Encoding
from kubesum.api.requests.options import is_pretty
from kubesum.api.requests.requestinfo import RequestInfo
from kubesum.vocabulary.errors import ApiError, MethodNotAllowed

READ_METHODS: Final = ["GET", "HEAD"]

_SLICE_BYTES: Final = 256 * 1024


class JSON(Response):
    """An encoded body, sent in slices, so that few bytes of a long list are buffered for a slow reader."""

    media_type = "application/json"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the head, and each slice of the body when the one before is written."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = memoryview(self.body)
        for start in range(0, max(1, len(body)), _SLICE_BYTES):
            end = start + _SLICE_BYTES
            await send({"type": "http.response.body", "body": body[start:end], "more_body": end < len(body)})


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
