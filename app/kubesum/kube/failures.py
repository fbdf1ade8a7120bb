"""What can go wrong between us and the API server, each as one sentence that a person understands."""

import os
import re
import ssl
from typing import Final

import aiohttp
import msgspec

from kubesum.kube.objects import Status
from kubesum.vocabulary.errors import UpstreamError

_LONGEST_REFUSAL: Final = 64 * 1024

_PLAIN: Final[tuple[tuple[type[Exception], str], ...]] = (
    (aiohttp.ServerDisconnectedError, "it closed the connection without an answer"),
    (aiohttp.ClientPayloadError, "the answer broke off"),
    (aiohttp.ClientResponseError, "it does not speak HTTP"),
    (TimeoutError, "it does not answer in time"),
)


_TLS_ALERT: Final = re.compile(r"\[SSL: (\w+)\]")


class StatusError(UpstreamError):
    """The server understood the request and answered something other than success.

    `retry_after_s` is what the server asked for, None where it did not.
    """

    def __init__(self, where: str, status: Status, retry_after_s: float | None = None) -> None:
        reason = f" {status.reason}" if status.reason else ""
        super().__init__(f"{where} answers {status.code}{reason}: {status.message or 'it does not say why'}")
        self.code: Final = status.code
        self.reason: Final = status.reason
        self.message: Final = status.message
        self.retry_after_s: Final = retry_after_s

    @property
    def is_permanent(self) -> bool:
        """Whether waiting does not help: a person has to grant a right, or install what is not there."""
        return self.code in (401, 403, 404, 405)


class Stalled(UpstreamError):
    """A stream was silent for too long: the server, or the way to it, is no longer there."""


async def refusal(answer: aiohttp.ClientResponse) -> StatusError:
    """The refusal that an answer other than 2xx is, with the metav1.Status in its body if there is one."""
    if 300 <= answer.status < 400:
        said = Status(message=f"it redirects to {answer.headers.get('Location')}, which is not followed")
    else:
        said = _status(await answer.content.read(_LONGEST_REFUSAL), answer.reason or "")
    where = f"{answer.url.origin()}{answer.url.path}"
    status = Status(code=answer.status, reason=said.reason, message=said.message)
    return StatusError(where, status, _seconds(answer.headers.get("Retry-After")))


def cause(error: Exception) -> str:
    """Why a connection failed, without the names of Python classes and the addresses of contexts."""
    for kind, sentence in _PLAIN:
        if isinstance(error, kind):
            return sentence
    match error:
        case aiohttp.ClientConnectorDNSError():
            return f"the name {error.host} does not resolve"
        case aiohttp.ClientConnectorCertificateError():
            return f"its certificate is not trusted: {cause(error.certificate_error)}"
        case ssl.SSLCertVerificationError():
            return error.verify_message
    return _of_the_system(error)


def _of_the_system(error: Exception) -> str:
    """What OpenSSL or the operating system call the error."""
    if alert := _TLS_ALERT.search(str(error)):
        return f"TLS fails: {alert[1].replace('_', ' ').lower()}"
    if isinstance(error, OSError) and error.errno:
        return os.strerror(error.errno).lower()
    return str(error) or type(error).__name__


def _status(body: bytes, otherwise: str) -> Status:
    try:
        return msgspec.json.decode(body, type=Status)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return Status(message=otherwise)


def _seconds(retry_after: str | None) -> float | None:
    # The other form, a date, is one that kube-apiserver never sends.
    return float(retry_after) if retry_after and retry_after.isascii() and retry_after.isdigit() else None
