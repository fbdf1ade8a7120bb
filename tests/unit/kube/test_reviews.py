"""TokenReviews and SubjectAccessReviews: requests, responses and retries."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import kubeconfig
from kubesum.kube.reviews import AccessStatus, access_review, token_review
from kubesum.operations.metrics import ACCESS_REVIEWS, TOKEN_REVIEWS
from kubesum.vocabulary.errors import UpstreamError
from tests.leaping import leaping
from tests.unit.kube.kubeconfigs import written_kubeconfig
from tests.unit.kube.scriptedserver import Answer, Script, body, cut, failure, playing

SPEC = b'{"user":"jane","nonResourceAttributes":{"path":"/metrics","verb":"get"}}'


def answered(kind: str, status: Any) -> bytes:
    return json.dumps({"kind": kind, "apiVersion": "v1", "metadata": {}, "spec": {}, "status": status}).encode()


async def test_a_token_review_gives_the_user_of_a_token(script: Script, upstream: Upstream) -> None:
    user = {"username": "jane", "uid": "1", "groups": ["a", "b"], "extra": {"x/y": ["1", "2"]}}
    script.answers = [body(answered("TokenReview", {"authenticated": True, "user": user}), 201)]

    status = await token_review(upstream, "secret")

    assert (status.authenticated, status.user.username, status.user.uid) == (True, "jane", "1")
    assert (status.user.groups, status.user.extra) == (("a", "b"), {"x/y": ("1", "2")})
    request = script.requests[0]
    assert (request.method, request.path) == ("POST", "/apis/authentication.k8s.io/v1/tokenreviews")
    assert json.loads(request.body) == {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "spec": {"token": "secret"},
    }


async def test_a_subject_access_review_gives_its_status(script: Script, upstream: Upstream) -> None:
    script.answers = [body(answered("SubjectAccessReview", {"allowed": True, "reason": "RBAC"}), 201)]

    status = await access_review(upstream, SPEC)

    assert (status.allowed, status.denied, status.reason) == (True, False, "RBAC")
    request = script.requests[0]
    assert (request.method, request.path) == ("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews")
    assert json.loads(request.body) == {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SubjectAccessReview",
        "spec": json.loads(SPEC),
    }


async def test_ten_thousand_groups_are_kept(script: Script, upstream: Upstream) -> None:
    groups = [f"cn=team-{number},ou=groups,dc=example,dc=org" for number in range(10_000)]
    user = {"username": "jane", "groups": groups}
    script.answers = [body(answered("TokenReview", {"authenticated": True, "user": user}))]

    assert (await token_review(upstream, "secret")).user.groups == tuple(groups)


MALFORMED = {
    "another kind": answered("TokenReview", {"allowed": True}),
    "no kind": b'{"status":{"allowed":true}}',
    "no status": b'{"kind":"SubjectAccessReview"}',
    "a status of null": answered("SubjectAccessReview", None),
    "yes as a word": answered("SubjectAccessReview", {"allowed": "true"}),
    "yes as a number": answered("SubjectAccessReview", {"allowed": 1}),
    "an empty body": b"",
    "half of it": b'{"kind":"SubjectAccessReview","status":{"allowed":true',
    "a list": b"[]",
    "nested without end": b"[" * 100_000,
}


@pytest.mark.parametrize("content", MALFORMED.values(), ids=MALFORMED)
async def test_a_malformed_response_allows_nothing(script: Script, upstream: Upstream, content: bytes) -> None:
    script.answers = [body(content)]

    with pytest.raises(UpstreamError, match="the response to a review cannot be decoded"):
        await access_review(upstream, SPEC)


Review = Callable[[Upstream], Coroutine[Any, Any, Any]]


def of_access(upstream: Upstream) -> Coroutine[Any, Any, AccessStatus]:
    return access_review(upstream, SPEC)


def repeated(home: Path, review: Review, *answers: Answer) -> tuple[Any, int]:
    """The status or error of a review with simulated time, and how many requests it sent."""
    outcome: list[Any] = []

    async def main() -> None:
        async with playing(Script(list(answers))) as script:
            async with await connect(kubeconfig(written_kubeconfig(home / "config", script.url), None)) as upstream:
                try:
                    outcome.append(await review(upstream))
                except UpstreamError as error:
                    outcome.append(str(error))
            outcome.append(len(script.requests))

    leaping(main())
    return outcome[0], outcome[1]


def test_an_html_page_allows_nothing(tmp_path: Path) -> None:
    page = body(answered("SubjectAccessReview", {"allowed": True}), media_type="text/html")

    error, _ = repeated(tmp_path, of_access, *[page] * 4)

    assert error.endswith("answers text/html: it is no Kubernetes API server")


def test_a_response_that_is_too_large_is_an_error(tmp_path: Path) -> None:
    error, _ = repeated(tmp_path, of_access, *[body(b" " * (8 * 1024 * 1024 + 1))] * 4)

    assert error.endswith("answers more than 8388608 bytes")


def test_a_transient_error_is_retried(tmp_path: Path) -> None:
    allowed = body(answered("SubjectAccessReview", {"allowed": True}))
    before = ACCESS_REVIEWS.requests.labels("201")._value.get()

    status, attempts = repeated(tmp_path, of_access, failure(500), failure(429), cut(b"", 10), allowed)

    assert (status.allowed, attempts) == (True, 4)
    assert ACCESS_REVIEWS.requests.labels("201")._value.get() == before + 1


def test_a_connection_that_was_closed_while_it_was_idle_is_replaced(tmp_path: Path) -> None:
    """kube-apiserver, or what is in between, closes it as the next request is sent."""
    allowed = body(answered("SubjectAccessReview", {"allowed": True}))

    async def closed(_writer: asyncio.StreamWriter) -> None:
        raise ConnectionAbortedError

    async def two_reviews(upstream: Upstream) -> AccessStatus:
        await of_access(upstream)
        return await of_access(upstream)

    status, attempts = repeated(tmp_path, two_reviews, allowed, closed, allowed)

    assert (status.allowed, attempts) == (True, 3)


def test_the_fourth_error_is_final(tmp_path: Path) -> None:
    before = TOKEN_REVIEWS.requests.labels("503")._value.get()

    error, attempts = repeated(tmp_path, lambda upstream: token_review(upstream, "secret"), *[failure(503)] * 9)

    assert "answers 503" in error
    assert attempts == 4
    assert TOKEN_REVIEWS.requests.labels("503")._value.get() == before + 1


def test_all_attempts_together_take_ten_seconds_at_most(tmp_path: Path) -> None:
    """The second attempt gets no answer, and only what the first one left of the ten seconds."""
    took: list[float] = []

    async def review(upstream: Upstream) -> None:
        began = asyncio.get_running_loop().time()
        try:
            await access_review(upstream, SPEC)
        finally:
            took.append(asyncio.get_running_loop().time() - began)

    error, attempts = repeated(tmp_path, review, failure(500))

    assert "does not answer in time" in error
    assert attempts == 2
    assert 9.9 <= took[0] < 11


@pytest.mark.parametrize("code", [400, 403, 404, 422])
async def test_a_client_error_is_not_retried(script: Script, upstream: Upstream, code: int) -> None:
    script.answers = [failure(code)] * 2

    with pytest.raises(UpstreamError):
        await access_review(upstream, SPEC)

    assert len(script.requests) == 1


async def test_no_error_contains_the_token(script: Script, upstream: Upstream) -> None:
    script.answers = [failure(403, "Forbidden", "no")]

    with pytest.raises(UpstreamError) as caught:
        await token_review(upstream, "very-secret")

    assert "very-secret" not in str(caught.value)
