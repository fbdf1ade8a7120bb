"""The errors that the simulated API server responds with, each with a code and reason of metav1.Status.

Raised wherever a request is handled and turned into an HTTP response in one place. Codes and reasons:
k8s.io/apimachinery/pkg/apis/meta/v1/types.go, StatusReason; texts: k8s.io/apimachinery/pkg/api/errors/errors.go.
"""

from typing import ClassVar

import msgspec


class StatusCause(msgspec.Struct, frozen=True, omit_defaults=True):
    """One entry of metav1.StatusDetails.causes."""

    reason: str = ""
    message: str = ""
    field: str = ""


class StatusDetails(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """metav1.StatusDetails; `kind` is the plural name of the resource, as in kube-apiserver."""

    name: str = ""
    group: str = ""
    kind: str = ""
    causes: tuple[StatusCause, ...] = ()
    retry_after_seconds: int = 0


class ApiError(Exception):
    """An unsuccessful response; each class has one HTTP code and one reason."""

    code: ClassVar[int]
    reason: ClassVar[str]

    def __init__(self, message: str, details: StatusDetails | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class BadRequest(ApiError):
    """400: the request is malformed."""

    code, reason = 400, "BadRequest"


class Unauthorized(ApiError):
    """401: the credentials of the request are invalid."""

    code, reason = 401, "Unauthorized"


class Forbidden(ApiError):
    """403: no role of the user allows the request."""

    code, reason = 403, "Forbidden"


class NotFound(ApiError):
    """404: there is no such object, resource or path."""

    code, reason = 404, "NotFound"


class MethodNotAllowed(ApiError):
    """405: the resource does not have this verb."""

    code, reason = 405, "MethodNotAllowed"


class NotAcceptable(ApiError):
    """406: none of the media types in Accept is served."""

    code, reason = 406, "NotAcceptable"


class AlreadyExists(ApiError):
    """409: an object of this name exists."""

    code, reason = 409, "AlreadyExists"


class Conflict(ApiError):
    """409: the resourceVersion of the request is not that of the stored object."""

    code, reason = 409, "Conflict"


class Expired(ApiError):
    """410: the requested resourceVersion is no longer kept; the client has to list again."""

    code, reason = 410, "Expired"


class UnsupportedMediaType(ApiError):
    """415: the Content-Type of the request is not supported."""

    code, reason = 415, "UnsupportedMediaType"


class Invalid(ApiError):
    """422: the request is well formed, but its values contradict each other or the schema."""

    code, reason = 422, "Invalid"


class InternalError(ApiError):
    """500: the server failed."""

    code, reason = 500, "InternalError"


class ServiceUnavailable(ApiError):
    """503: the server, or the backend that the request is proxied to, does not respond."""

    code, reason = 503, "ServiceUnavailable"


class Timeout(ApiError):
    """504: the response was not ready in time."""

    code, reason = 504, "Timeout"


def no_such_path() -> NotFound:
    """404 for a path or resource that is not served."""
    return NotFound("the server could not find the requested resource")


def status(error: ApiError) -> dict[str, object]:
    """The metav1.Status of an error, as the response body and as the object of a watch event of type ERROR."""
    document: dict[str, object] = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": error.message,
        "reason": error.reason,
    }
    if error.details is not None:
        document["details"] = error.details
    return {**document, "code": error.code}
