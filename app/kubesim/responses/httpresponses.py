"""HTTP responses: JSON, metav1.Status, plain text, and streams that end when their client disconnects."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import msgspec
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from kubesim.apierrors import ApiError, status

JSON: Final = "application/json"


def json_response(document: object, code: int = 200) -> Response:
    """A JSON document in the form of kube-apiserver: compact, with a newline at the end."""
    return Response(msgspec.json.encode(document) + b"\n", code, media_type=JSON)


def text_response(text: str, code: int = 200) -> Response:
    """Plain text in the form of Go's http.Error."""
    return Response(text, code, {"X-Content-Type-Options": "nosniff"}, "text/plain; charset=utf-8")


def error_response(error: ApiError) -> Response:
    """An error as HTTP: its code, its Status, and Retry-After where the details name seconds."""
    response = json_response(status(error), error.code)
    if error.details is not None and error.details.retry_after_seconds:
        response.headers["Retry-After"] = str(error.details.retry_after_seconds)
    if error.code == 403:
        response.headers["X-Content-Type-Options"] = "nosniff"
    return response


class StreamAborted(Exception):
    """A stream cannot continue: its connection is closed without the end of the body."""


class StreamedResponse(StreamingResponse):
    """A streamed response that closes its source when the client disconnects; headers are sent before it starts.

    Starlette leaves a suspended generator, and the connections it holds, to the garbage collector.
    """

    def __init__(self, source: AsyncGenerator[bytes, None], code: int = 200, media_type: str = JSON) -> None:
        super().__init__(source, code, media_type=media_type)
        self._source: Final = source

    async def stream_response(self, send: Send) -> None:
        """Sends the headers, then each chunk; after StreamAborted the body is left incomplete."""
        async with aclosing(self._source):
            try:
                await super().stream_response(send)
            except StreamAborted:
                return
