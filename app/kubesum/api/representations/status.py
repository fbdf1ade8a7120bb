"""Errors as metav1.Status."""

from typing import Final

import msgspec

from kubesum.operations.metrics import REQUESTS_REFUSED
from kubesum.vocabulary.errors import ApiError, Expired, StatusDetails, TooManyRequests

UNKNOWN_PATH: Final = "the server could not find the requested resource"
UNKNOWN_METHOD: Final = "the server does not allow this method on the requested resource"
RETRY_SOON: Final = StatusDetails(retry_after_seconds=1)
"""For temporary errors: client-go repeats a GET after this many seconds, up to ten times."""
_RETRY_WITH_MEMORY: Final = StatusDetails(retry_after_seconds=5)
"""By then caches are dropped, and responses in progress have ended."""


def out_of_memory() -> TooManyRequests:
    """The error of a request that takes more memory than there is."""
    REQUESTS_REFUSED.labels("memory").inc()
    return TooManyRequests("The server is short of memory, please try again later.", _RETRY_WITH_MEMORY)


class Status(msgspec.Struct, frozen=True, gc=False, kw_only=True, rename="camel"):
    """metav1.Status of a failure."""

    kind: str = "Status"
    api_version: str = "v1"
    metadata: dict[str, str] = {}
    status: str = "Failure"
    message: str
    reason: str
    details: StatusDetails | msgspec.UnsetType = msgspec.UNSET
    code: int


def status_body(error: ApiError) -> bytes:
    """The JSON body of an error response."""
    details = msgspec.UNSET if error.details is None else error.details
    token = error.continue_ if isinstance(error, Expired) else ""
    status = Status(
        metadata={"continue": token} if token else {},
        message=error.message,
        reason=error.reason,
        details=details,
        code=error.code,
    )
    return msgspec.json.encode(status) + b"\n"


def retry_after_s(error: ApiError) -> int:
    """The value of Retry-After; 0 for none."""
    return error.details.retry_after_seconds if error.details else 0
