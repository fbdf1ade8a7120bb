"""TokenReviews and SubjectAccessReviews: kube-apiserver authenticates a token and authorizes a request.

The response to creating a review holds its result; reviews are not stored. Transient errors are retried until a
deadline, as k8s.io/apiserver/pkg/util/webhook does, because a client waits for the result.
"""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal, TypeVar

import msgspec

from kubesum.kube.client import Upstream
from kubesum.kube.decoding import MALFORMED
from kubesum.kube.statuserror import StatusError
from kubesum.operations import metrics
from kubesum.vocabulary.errors import UpstreamError

TIMEOUT_S: Final = 10.0
"""Of all attempts together."""
ATTEMPTS: Final = 4
CREATED: Final = "201"
ERROR: Final = "<error>"
"""The code of reviews without a valid response; k8s.io/apiserver/pkg/authentication/authenticatorfactory."""
_INITIAL_BACKOFF_S: Final = 0.2
_BACKOFF_FACTOR: Final = 2.0

Review = TypeVar("Review")


class UserInfo(msgspec.Struct, frozen=True, gc=False):
    """authentication/v1.UserInfo."""

    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] | None = None
    extra: dict[str, tuple[str, ...]] | None = None


class TokenStatus(msgspec.Struct, frozen=True, gc=False):
    """authentication/v1.TokenReviewStatus."""

    authenticated: bool = False
    user: UserInfo = UserInfo()
    error: str = ""


class AccessStatus(msgspec.Struct, frozen=True, gc=False):
    """authorization/v1.SubjectAccessReviewStatus; `denied` counts more than `allowed`."""

    allowed: bool = False
    denied: bool = False
    reason: str = ""

    @property
    def is_granted(self) -> bool:
        """Whether the request is authorized."""
        return self.allowed and not self.denied


class _TokenReview(msgspec.Struct, frozen=True, gc=False):
    kind: Literal["TokenReview"]
    status: TokenStatus


class _AccessReview(msgspec.Struct, frozen=True, gc=False):
    kind: Literal["SubjectAccessReview"]
    status: AccessStatus


_TOKEN_REVIEWS: Final = msgspec.json.Decoder(_TokenReview)
_ACCESS_REVIEWS: Final = msgspec.json.Decoder(_AccessReview)


async def token_review(upstream: Upstream, token: str) -> TokenStatus:
    """The user of a bearer token; raises UpstreamError if the review cannot be made."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    with _counted(metrics.TOKEN_REVIEWS):
        body = await _created(upstream, "/apis/authentication.k8s.io/v1/tokenreviews", msgspec.json.encode(review))
        return _decoded(_TOKEN_REVIEWS, body).status


async def access_review(upstream: Upstream, spec: bytes) -> AccessStatus:
    """Whether a SubjectAccessReviewSpec (JSON) is granted; raises UpstreamError if the review cannot be made."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": msgspec.Raw(spec),
    }
    with _counted(metrics.ACCESS_REVIEWS):
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        body = await _created(upstream, path, msgspec.json.encode(review))
        return _decoded(_ACCESS_REVIEWS, body).status


@contextmanager
def _counted(counted: metrics.ReviewMetrics) -> Iterator[None]:
    began, code = time.perf_counter(), ERROR
    try:
        yield
        code = CREATED
    except StatusError as error:
        code = str(error.code)
        raise
    finally:
        counted.requests.labels(code).inc()
        counted.durations.labels(code).observe(time.perf_counter() - began)


async def _created(upstream: Upstream, path: str, review: bytes) -> bytes:
    """The response to a review; raises UpstreamError after the last attempt or a permanent error."""
    pause_s = _INITIAL_BACKOFF_S
    now = asyncio.get_running_loop().time
    deadline = now() + TIMEOUT_S
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return await upstream.post(path, review, max(deadline - now(), _INITIAL_BACKOFF_S))
        except UpstreamError as error:
            if attempt == ATTEMPTS or now() + pause_s >= deadline or not _is_transient(error):
                raise
        await asyncio.sleep(pause_s)
        pause_s *= _BACKOFF_FACTOR
    raise AssertionError("the last attempt returns or raises")


def _is_transient(error: UpstreamError) -> bool:
    return not isinstance(error, StatusError) or error.code == 429 or error.code >= 500


def _decoded(decoder: msgspec.json.Decoder[Review], body: bytes) -> Review:
    try:
        return decoder.decode(body)
    except MALFORMED as error:
        raise UpstreamError(f"the response to a review cannot be decoded: {error}") from error
