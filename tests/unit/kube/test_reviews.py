"""Reviews: what is asked, and which answers are believed."""

import asyncio
import json
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import kubeconfig
from kubesum.kube.reviews import AccessStatus, access_review, token_review
from kubesum.operations.metrics import REVIEWS
from kubesum.vocabulary.errors import UpstreamError
from tests.leaping import leaping
from tests.unit.kube.kubeconfigs import written
from tests.unit.kube.scriptedserver import Answer, Script, body, cut, playing, refusal

SPEC = b'{"user":"jane","nonResourceAttributes":{"path":"/metrics","verb":"get"}}'


def answered(kind: str, status: Any) -> bytes:
    return json.dumps({"kind": kind, "apiVersion": "v1", "metadata": {}, "spec": {}, "status": status}).encode()


async def test_a_token_is_asked_about_and_its_holder_told(script: Script, upstream: Upstream) -> None:
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


async def test_access_is_asked_about(script: Script, upstream: Upstream) -> None:
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


async def test_ten_thousand_groups_are_as_good_as_one(script: Script, upstream: Upstream) -> None:
    groups = [f"cn=team-{number},ou=groups,dc=example,dc=org" for number in range(10_000)]
    user = {"username": "jane", "groups": groups}
    script.answers = [body(answered("TokenReview", {"authenticated": True, "user": user}))]

    assert (await token_review(upstream, "secret")).user.groups == tuple(groups)


NONSENSE = {
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


@pytest.mark.parametrize("content", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_allows_nothing(script: Script, upstream: Upstream, content: bytes) -> None:
    script.answers = [body(content)]

    with pytest.raises(UpstreamError, match="the answer to a review cannot be read"):
        await access_review(upstream, SPEC)


Review = Callable[[Upstream], Coroutine[Any, Any, Any]]


def of_access(upstream: Upstream) -> Coroutine[Any, Any, AccessStatus]:
    return access_review(upstream, SPEC)


def repeated(home: Path, review: Review, *answers: Answer) -> tuple[Any, int]:
    """The outcome of a review that is tried again without the pauses between, and how often it was asked."""
    outcome: list[Any] = []

    async def main() -> None:
        async with playing(Script(list(answers))) as script:
            async with await connect(kubeconfig(written(home / "config", script.url), None)) as upstream:
                try:
                    outcome.append(await review(upstream))
                except UpstreamError as error:
                    outcome.append(str(error))
            outcome.append(len(script.requests))

    leaping(main())
    return outcome[0], outcome[1]


def test_the_page_of_a_proxy_allows_nothing(tmp_path: Path) -> None:
    page = body(answered("SubjectAccessReview", {"allowed": True}), media_type="text/html")

    said, _ = repeated(tmp_path, of_access, *[page] * 4)

    assert said.endswith("answers text/html: it is no Kubernetes API server")


def test_an_answer_without_end_is_not_read_to_its_end(tmp_path: Path) -> None:
    said, _ = repeated(tmp_path, of_access, *[body(b" " * (8 * 1024 * 1024 + 1))] * 4)

    assert said.endswith("answers more than 8388608 bytes")


def test_what_may_pass_is_asked_again(tmp_path: Path) -> None:
    allowed = body(answered("SubjectAccessReview", {"allowed": True}))
    before = REVIEWS.labels("subjectaccessreviews", "success")._value.get()

    status, asked = repeated(tmp_path, of_access, refusal(500), refusal(429), cut(b"", 10), allowed)

    assert (status.allowed, asked) == (True, 4)
    assert REVIEWS.labels("subjectaccessreviews", "success")._value.get() == before + 1


def test_it_is_not_asked_for_ever(tmp_path: Path) -> None:
    before = REVIEWS.labels("tokenreviews", "error")._value.get()

    said, asked = repeated(tmp_path, lambda upstream: token_review(upstream, "secret"), *[refusal(503)] * 9)

    assert "answers 503" in said
    assert asked == 4
    assert REVIEWS.labels("tokenreviews", "error")._value.get() == before + 1


def test_silence_is_waited_for_ten_seconds_altogether(tmp_path: Path) -> None:
    """Also where it follows an attempt that failed late."""
    took: list[float] = []

    async def review(upstream: Upstream) -> None:
        began = asyncio.get_running_loop().time()
        try:
            await access_review(upstream, SPEC)
        finally:
            took.append(asyncio.get_running_loop().time() - began)

    said, asked = repeated(tmp_path, review, refusal(500))

    assert "does not answer in time" in said
    assert asked == 2
    assert 9.9 <= took[0] < 11


@pytest.mark.parametrize("code", [400, 403, 404, 422])
async def test_a_refusal_is_not_asked_again(script: Script, upstream: Upstream, code: int) -> None:
    script.answers = [refusal(code)] * 2

    with pytest.raises(UpstreamError):
        await access_review(upstream, SPEC)

    assert len(script.requests) == 1


async def test_a_token_is_in_no_error(script: Script, upstream: Upstream) -> None:
    script.answers = [refusal(403, "Forbidden", "no")]

    with pytest.raises(UpstreamError) as caught:
        await token_review(upstream, "very-secret")

    assert "very-secret" not in str(caught.value)
