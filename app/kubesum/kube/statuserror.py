"""The error that an answer other than 2xx is; it needs no client, so that code without one can raise and read it."""

from typing import Final

from kubesum.kube.objects.meta import Status
from kubesum.vocabulary.errors import UpstreamError


class StatusError(UpstreamError):
    """An answer of the API server other than 2xx; k8s.io/apimachinery/pkg/api/errors, StatusError.

    `retry_after_s` is its Retry-After header, None if it has none.
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
        """Whether retries keep failing until a right is granted or an API installed."""
        return self.code in (401, 403, 404, 405)
