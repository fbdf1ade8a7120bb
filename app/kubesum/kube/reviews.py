"""Reviews: kube-apiserver says who holds a token and who may do what.

A review is created, answered at once and stored nowhere. One that fails for a reason that may pass is tried
again within a deadline, since a person waits for the answer; k8s.io/apiserver/pkg/util/webhook does so too.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal, TypeVar

import msgspec

from kubesum.kube.client import Upstream
from kubesum.kube.decoding import MALFORMED
from kubesum.kube.failures import StatusError
from kubesum.operations import metrics
from kubesum.vocabulary.errors import UpstreamError

DEADLINE_S: Final = 10.0
"""For an answer, all attempts together."""
ATTEMPTS: Final = 4
_FIRST_PAUSE_S: Final = 0.2
_GROWTH: Final = 2.0

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
    """authorization/v1.SubjectAccessReviewStatus: allowed only if that is said, and denial is not."""

    allowed: bool = False
    denied: bool = False
    reason: str = ""

    @property
    def is_granted(self) -> bool:
        """Whether it may be done."""
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
    """Who holds a bearer token; raises UpstreamError when nobody can be asked."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    with _counted("tokenreviews"):
        body = await _created(upstream, "/apis/authentication.k8s.io/v1/tokenreviews", msgspec.json.encode(review))
        return _decoded(_TOKEN_REVIEWS, body).status


async def access_review(upstream: Upstream, spec: bytes) -> AccessStatus:
    """Whether a SubjectAccessReviewSpec (JSON) is granted; raises UpstreamError when nobody can be asked."""
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": msgspec.Raw(spec),
    }
    with _counted("subjectaccessreviews"):
        path = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
        body = await _created(upstream, path, msgspec.json.encode(review))
        return _decoded(_ACCESS_REVIEWS, body).status


@contextmanager
def _counted(resource: str) -> Iterator[None]:
    try:
        yield
    except UpstreamError:
        metrics.REVIEWS.labels(resource, "error").inc()
        raise
    metrics.REVIEWS.labels(resource, "success").inc()


async def _created(upstream: Upstream, path: str, review: bytes) -> bytes:
    """The answer to a review; raises UpstreamError after the last attempt, or when no other can help."""
    pause_s = _FIRST_PAUSE_S
    clock = asyncio.get_running_loop().time
    ends = clock() + DEADLINE_S
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return await upstream.post(path, review, max(ends - clock(), _FIRST_PAUSE_S))
        except UpstreamError as error:
            if attempt == ATTEMPTS or clock() + pause_s >= ends or not _may_pass(error):
                raise
        await asyncio.sleep(pause_s)
        pause_s *= _GROWTH
    raise AssertionError("the last attempt returns or raises")


def _may_pass(error: UpstreamError) -> bool:
    return not isinstance(error, StatusError) or error.code == 429 or error.code >= 500


def _decoded(decoder: msgspec.json.Decoder[Review], body: bytes) -> Review:
    try:
        return decoder.decode(body)
    except MALFORMED as error:
        raise UpstreamError(f"the answer to a review cannot be read: {error}") from error
