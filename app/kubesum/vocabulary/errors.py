"""Every error that somebody can act on.

    KubesumError                 one sentence for a person: what, where, what to do
    ├── UsageError               flags, files, kubeconfigs: the command ends, non-zero
    ├── UpstreamError            the cluster does not answer, refuses, or answers nonsense
    ├── ObjectError              one watched object cannot be understood: it is counted and skipped
    │   └── QuantityError        text that is no Kubernetes quantity
    └── ApiError                 an answer to an API client; each class is a code and reason of metav1.Status
        ├── BadRequest           400
        ├── Unauthorized         401
        ├── Forbidden            403
        ├── NotFound             404
        ├── MethodNotAllowed     405
        ├── NotAcceptable        406
        ├── RequestTimeout          408
        ├── Expired              410
        ├── Invalid              422
        ├── TooManyRequests      429  (Retry-After)
        ├── HeadersTooLarge      431
        ├── InternalError        500
        ├── ServiceUnavailable   503  (Retry-After)
        ├── Timeout              504
        └── HTTPVersionNotSupported   505

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
    """metav1.StatusDetails; `kind` is the plural resource name, as kube-apiserver has it."""

    name: str = ""
    group: str = ""
    kind: str = ""
    causes: tuple[StatusCause, ...] = ()
    retry_after_seconds: int = 0


class KubesumError(Exception):
    """One clear sentence about what went wrong, where, and what to do."""


class UsageError(KubesumError):
    """The command cannot do what it was asked: a flag, a file or a kubeconfig is wrong."""


class UpstreamError(KubesumError):
    """The cluster does not answer, refuses, or answers something that is no Kubernetes answer."""


class ObjectError(KubesumError):
    """One watched object cannot be understood; the others can."""


class QuantityError(ObjectError):
    """A text that is no Kubernetes quantity, or an amount that cannot be."""


class ApiError(KubesumError):
    """An answer to an API client other than success; carries what metav1.Status needs."""

    code: ClassVar[int]
    reason: ClassVar[str]

    def __init__(self, message: str, details: StatusDetails | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.details = details


class BadRequest(ApiError):
    """400: the request cannot be understood."""

    code, reason = 400, "BadRequest"


class Unauthorized(ApiError):
    """401: nobody vouches for the caller."""

    code, reason = 401, "Unauthorized"


class Forbidden(ApiError):
    """403: the caller is known and may not."""

    code, reason = 403, "Forbidden"


class NotFound(ApiError):
    """404: no such object, resource or path."""

    code, reason = 404, "NotFound"


class MethodNotAllowed(ApiError):
    """405: the path exists, the verb does not."""

    code, reason = 405, "MethodNotAllowed"


class NotAcceptable(ApiError):
    """406: no clause of Accept can be served."""

    code, reason = 406, "NotAcceptable"


class RequestTimeout(ApiError):
    """408: the request did not arrive in time."""

    code, reason = 408, ""


class Expired(ApiError):
    """410: the version asked for is no longer kept; the client must list again."""

    code, reason = 410, "Expired"


class Invalid(ApiError):
    """422: options that are each valid but not together."""

    code, reason = 422, "Invalid"


class TooManyRequests(ApiError):
    """429: come back after `details.retryAfterSeconds`."""

    code, reason = 429, "TooManyRequests"


class HeadersTooLarge(ApiError):
    """431: the head of the request is larger than any that makes sense."""

    code, reason = 431, ""


class InternalError(ApiError):
    """500: a defect of ours."""

    code, reason = 500, "InternalError"


class ServiceUnavailable(ApiError):
    """503: not able to answer yet; come back after `details.retryAfterSeconds`."""

    code, reason = 503, "ServiceUnavailable"


class Timeout(ApiError):
    """504: what was asked for did not come about in time."""

    code, reason = 504, "Timeout"


class HTTPVersionNotSupported(ApiError):
    """505: another version of HTTP."""

    code, reason = 505, ""
