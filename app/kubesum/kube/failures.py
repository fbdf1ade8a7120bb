"""What can fail between kubesum and the API server, each failure as one plain sentence.

Errors of aiohttp, OpenSSL and the operating system name Python classes and memory addresses; `cause` replaces them.
"""

import os
import re
import ssl
from collections.abc import Iterable
from typing import Final

import aiohttp
import msgspec

from kubesum.kube.lines import begin_of
from kubesum.kube.objects.meta import Status
from kubesum.kube.statuserror import StatusError
from kubesum.vocabulary.errors import UpstreamError

_MAX_STATUS_BYTES: Final = 64 * 1024

_SENTENCES: Final[tuple[tuple[type[Exception], str], ...]] = (
    (aiohttp.ServerDisconnectedError, "it closed the connection without an answer"),
    (aiohttp.ClientPayloadError, "the answer broke off"),
    (aiohttp.ClientResponseError, "it does not speak HTTP"),
    (TimeoutError, "it does not answer in time"),
)
_TLS_ALERT: Final = re.compile(r"\[SSL: (\w+)\]")


class Stalled(UpstreamError):
    """No byte of a stream arrived within the timeout: the server or the network is gone."""


class Unreachable(UpstreamError):
    """There is no connection to the server: it has received nothing of the request."""


class TooLarge(UpstreamError):
    """A response has more bytes than are read; `head` are the first of them."""

    def __init__(self, message: str, parts: Iterable[bytes]) -> None:
        super().__init__(message)
        self.head: Final = begin_of(parts)


async def status_error(response: aiohttp.ClientResponse) -> StatusError:
    """The error of a response other than 2xx, with the metav1.Status of its body if there is one."""
    if 300 <= response.status < 400:
        found = Status(message=f"it redirects to {response.headers.get('Location')}, which is not followed")
    else:
        found = _status(await response.content.read(_MAX_STATUS_BYTES), response.reason or "")
    where = f"{response.url.origin()}{response.url.path}"
    status = Status(code=response.status, reason=found.reason, message=found.message)
    return StatusError(where, status, _seconds(response.headers.get("Retry-After")))


def cause(error: Exception) -> str:
    """Why a connection failed, without names of Python classes and addresses of SSL contexts."""
    for kind, sentence in _SENTENCES:
        if isinstance(error, kind):
            return sentence
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"the name {error.host} does not resolve"
        case aiohttp.ClientConnectorCertificateError():
            return f"its certificate is not trusted: {cause(error.certificate_error)}"
        case ssl.SSLCertVerificationError():
            return error.verify_message
    return _system_error(error)


def without_frames(error: Exception) -> Exception:
    """The error, without the frames that it and those that led to it passed through.

    aiohttp keeps the error of a connection with its reader, which these frames hold: a cycle for each watch that is
    cut, which only the garbage collector would free.
    """
    found: list[BaseException | None] = [error]
    while found:
        if (one := found.pop()) is not None:
            one.__traceback__ = None
            found += (one.__cause__, one.__context__)
    return error


def _system_error(error: Exception) -> str:
    """The error in the words of OpenSSL or the operating system."""
    if alert := _TLS_ALERT.search(str(error)):
        return f"TLS fails: {alert[1].replace('_', ' ').lower()}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


def _status(body: bytes, default: str) -> Status:
    try:
        return msgspec.json.decode(body, type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Status(message=default)


def _seconds(retry_after: str | None) -> float | None:
    # kube-apiserver sends seconds; the other form of the header, a date, is ignored.
    return float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
