"""The errors of kubesum, in one tree.

    KubesumError                 its message is one sentence: what, which, what to do
    ├── UsageError               a wrong flag, file or kubeconfig: the command ends with a non-zero code
    ├── UpstreamError            the API server is unreachable, answers an error, or sends an invalid response;
    │                            its kinds are in kube.failures and kube.statuserror
    ├── ObjectError              one watched object is invalid: it is named, counted and skipped
    │   └── QuantityError        text that is no Kubernetes quantity
    └── ApiError                 an error response to an API client; each class is a code and reason of metav1.Status
        ├── BadRequest           400
        ├── Unauthorized         401
        ├── Forbidden            403
        ├── NotFound             404
        ├── MethodNotAllowed     405
        ├── NotAcceptable        406
        ├── RequestTimeout       408
        ├── Expired              410
        ├── Invalid              422
        ├── TooManyRequests      429  (Retry-After)
        ├── HeadersTooLarge      431
        ├── InternalError        500
        ├── ServiceUnavailable   503  (Retry-After)
        ├── Timeout              504
        └── HTTPVersionNotSupported  505

Codes and reasons: k8s.io/apimachinery/pkg/apis/meta/v1/types.go, StatusReason.
"""

from typing import ClassVar

import msgspec


class StatusCause(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One entry of metav1.StatusDetails.causes."""

    reason: str = ""
    message: str = ""
    field: str = ""


class StatusDetails(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, rename="camel"):
    """metav1.StatusDetails; `kind` is the plural resource name, as in responses of kube-apiserver."""

    name: str = ""
    group: str = ""
    kind: str = ""
    causes: tuple[StatusCause, ...] = ()
    retry_after_seconds: int = 0


class KubesumError(Exception):
    """An error whose message is one sentence for a person: what went wrong, where, and what to do."""


class UsageError(KubesumError):
    """A flag, a file or a kubeconfig is wrong, so the command cannot run."""


class UpstreamError(KubesumError):
    """The API server is unreachable, answers an error, or sends an invalid response."""


class ObjectError(KubesumError):
    """One watched object is invalid, and why; others are not affected."""


class QuantityError(ObjectError):
    """Text that is no Kubernetes quantity, or an impossible amount."""


class ApiError(KubesumError):
    """An error response to an API client, with the fields of metav1.Status."""

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
    """401: the request has invalid credentials."""

    code, reason = 401, "Unauthorized"


class Forbidden(ApiError):
    """403: the user is authenticated and not authorized."""

    code, reason = 403, "Forbidden"


class NotFound(ApiError):
    """404: no such object, resource or path."""

    code, reason = 404, "NotFound"


class MethodNotAllowed(ApiError):
    """405: the path exists and does not support the verb."""

    code, reason = 405, "MethodNotAllowed"


class NotAcceptable(ApiError):
    """406: no media type of the Accept header is served."""

    code, reason = 406, "NotAcceptable"


class RequestTimeout(ApiError):
    """408: the request did not arrive in time."""

    code, reason = 408, ""


class Expired(ApiError):
    """410: the resourceVersion is too old or unknown here; the client must list again."""

    code, reason = 410, "Expired"

    def __init__(self, message: str, continue_: str = "") -> None:
        """`continue_` is a token with which a list in pages can go on, though not consistently; empty for none."""
        super().__init__(message)
        self.continue_ = continue_


class Invalid(ApiError):
    """422: the options are valid one by one, but not together."""

    code, reason = 422, "Invalid"


class TooManyRequests(ApiError):
    """429: too many requests; retry after `details.retryAfterSeconds`."""

    code, reason = 429, "TooManyRequests"


class HeadersTooLarge(ApiError):
    """431: the request line and headers are too large."""

    code, reason = 431, ""


class InternalError(ApiError):
    """500: a bug in kubesum."""

    code, reason = 500, "InternalError"


class ServiceUnavailable(ApiError):
    """503: not ready to answer; retry after `details.retryAfterSeconds`."""

    code, reason = 503, "ServiceUnavailable"


class Timeout(ApiError):
    """504: the request was not completed in time."""

    code, reason = 504, "Timeout"


class HTTPVersionNotSupported(ApiError):
    """505: only HTTP/1.0 and HTTP/1.1 are supported."""

    code, reason = 505, ""
