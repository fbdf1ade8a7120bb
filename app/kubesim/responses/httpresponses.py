"""Answers of the simulated API server: JSON, metav1.Status, plain text, and streams that end with their client."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final

import msgspec
from starlette.responses import Response, StreamingResponse
from starlette.types import Send

from kubesim.apierrors import ApiError, status

JSON: Final = "application/json"


def json_response(document: object, code: int = 200) -> Response:
    """A JSON document as kube-apiserver ends it: compact, with a newline."""
    return Response(msgspec.json.encode(document) + b"\n", code, media_type=JSON)


def text_response(text: str, code: int = 200) -> Response:
    """Plain text as Go's http.Error sends it."""
    return Response(text, code, {"X-Content-Type-Options": "nosniff"}, "text/plain; charset=utf-8")


def error_response(error: ApiError) -> Response:
    """An error as HTTP: its code, its Status, and Retry-After where the details name seconds."""
    answer = json_response(status(error), error.code)
    if error.details is not None and error.details.retry_after_seconds:
        answer.headers["Retry-After"] = str(error.details.retry_after_seconds)
    if error.code == 403:
        answer.headers["X-Content-Type-Options"] = "nosniff"
    return answer


class StreamAborted(Exception):
    """A stream cannot go on: the client must see a broken connection, not a short answer."""


class StreamedResponse(StreamingResponse):
    """A streamed answer whose source is closed as soon as the client is gone; headers go out before it starts.

    Starlette leaves a suspended generator to the garbage collector, and with it what the generator holds open.
    """

    def __init__(self, source: AsyncGenerator[bytes, None], code: int = 200, media_type: str = JSON) -> None:
        super().__init__(source, code, media_type=media_type)
        self._source: Final = source

    async def stream_response(self, send: Send) -> None:
        """Sends headers, then each chunk as it comes; an answer that is cut never gets its end."""
        async with aclosing(self._source):
            try:
                await super().stream_response(send)
            except StreamAborted:
                return
