"""The responses that leave here: JSON and plain text, never HTML, never a redirect.

kube-apiserver rewrites HTML and refuses redirects of the servers behind it.
"""

from collections.abc import Mapping
from typing import Final

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from kubesum.api.representations.status import retry_after_s, status_body
from kubesum.vocabulary.errors import ApiError, MethodNotAllowed

READ_METHODS: Final = ["GET", "HEAD"]

_SLICE_BYTES: Final = 256 * 1024


class JSON(Response):
    """Encoded JSON, sent in slices so that a slow reader of a long list holds little of it in buffers."""

    media_type = "application/json"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Sends the head, and the body as the connection takes it."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body = memoryview(self.body)
        for start in range(0, max(1, len(body)), _SLICE_BYTES):
            end = start + _SLICE_BYTES
            await send({"type": "http.response.body", "body": body[start:end], "more_body": end < len(body)})


def text(content: str, status_code: int = 200) -> Response:
    """A line or a few for a person or a probe."""
    headers = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-cache, private"}
    return Response(content, status_code, headers, "text/plain; charset=utf-8")


def failure(error: ApiError) -> Response:
    """An error as metav1.Status."""
    return JSON(status_body(error), error.code, _headers(error))


def _headers(error: ApiError) -> Mapping[str, str]:
    headers = {"X-Content-Type-Options": "nosniff"}
    if isinstance(error, MethodNotAllowed):
        headers["Allow"] = ", ".join(READ_METHODS)
    if retry_after := retry_after_s(error):
        headers["Retry-After"] = str(retry_after)
    return headers
