"""Lists in pages of which one is too large to be read at once."""

import json

import pytest

from kubesum.kube.client import MAX_LIST_BYTES, Upstream
from kubesum.kube.decoding import Decoder
from kubesum.kube.reflector import reflect
from kubesum.vocabulary.errors import UpstreamError
from tests.unit.kube.reflectorsteps import PODS, SHORT_TIMING, Step, steps
from tests.unit.kube.scriptedserver import Answer, Script, body, failure, page, pod, silent_watch

NO_WATCH_LIST = failure(400)
PADDING = b"x" * MAX_LIST_BYTES


def large(token: str) -> Answer:
    """A page, or the begin of one, as Go writes it, which is larger than what is read."""
    metadata = {"resourceVersion": "100"} | ({"continue": token} if token else {})
    begin = json.dumps({"kind": "PodList", "apiVersion": "v1", "metadata": metadata}, separators=(",", ":"))
    name = b'{"metadata":{"name":"large","namespace":"shop","resourceVersion":"7","annotations":{"a":"'
    return body(begin[:-1].encode() + b',"items":[' + name + PADDING + b'"}}}]}')


async def listed(script: Script, upstream: Upstream) -> list[Step]:
    """The steps to the end of a list, or to an error."""
    seen = []
    async for step in steps(reflect(upstream, PODS, SHORT_TIMING)):
        seen.append(step)
        if step == "synced" or not isinstance(step, str | tuple):
            break
    return seen


def limits(script: Script) -> list[tuple[str, str]]:
    """The limit and the token of each page that was asked for."""
    return [(it.query["limit"], it.query.get("continue", "")) for it in script.requests if "limit" in it.query]


async def test_a_page_that_is_too_large_is_asked_for_again_with_fewer_objects(
    script: Script, upstream: Upstream
) -> None:
    script.answers = [NO_WATCH_LIST, large("later"), page(pod("a"), token="next"), page(pod("b")), silent_watch()]

    assert await listed(script, upstream) == ["list started"] * 2 + [("a", "Running"), ("b", "Running"), "synced"]
    assert limits(script) == [("500", ""), ("125", ""), ("125", "next")]


async def test_an_object_that_is_too_large_is_absent_and_the_list_goes_on_after_it(
    script: Script, upstream: Upstream, caplog: pytest.LogCaptureFixture
) -> None:
    too_large = [large("later")] * 4
    script.answers = [
        NO_WATCH_LIST,
        *too_large,
        page(pod("a"), token="2"),
        large("3"),
        page(pod("b")),
        silent_watch(),
    ]

    found = await listed(script, upstream)

    assert found == ["list started"] * 2 + [("a", "Running"), ("large", None), ("b", "Running"), "synced"]
    assert limits(script)[-4:] == [("7", ""), ("1", ""), ("1", "2"), ("500", "3")]
    named = [vars(record) for record in caplog.records if record.message == "object cannot be read"]
    assert [(one["object"], one["reason"]) for one in named] == [("shop/large", "it has more than 67108864 bytes")]


async def test_the_last_object_may_be_too_large(script: Script, upstream: Upstream) -> None:
    script.answers = [NO_WATCH_LIST, page(pod("a"), token="2"), *[large("")] * 5, silent_watch()]

    assert (await listed(script, upstream))[2:] == [("a", "Running"), ("large", None), "synced"]


async def test_what_may_be_more_than_one_object_is_no_list(script: Script, upstream: Upstream) -> None:
    """A server that ignores limits: all of its objects are in what is not read."""
    script.answers = [NO_WATCH_LIST, *[large("")] * 5]

    *before, error = await listed(script, upstream)

    assert not isinstance(error, str | tuple)
    assert isinstance(error.error, UpstreamError)
    assert "synced" not in before


@pytest.mark.parametrize(
    "head",
    [
        b'{"kind":"NodeList","metadata":{"resourceVersion":"9","continue":"2"},"items":[{"metadata":{',
        b'{"kind":"PodList","metadata":{"continue":"2"},"items":[{"metadata":{',
        b'{"kind":"PodList","metadata":{"resourceVersion":"9","continue":"2"},"items":[',
        b'{"kind":"PodList","items":null,"metadata":{"resourceVersion":"9","continue":"2"',
        b"<html>",
        b"",
    ],
)
def test_what_begins_as_no_list_is_none(head: bytes) -> None:
    with pytest.raises(UpstreamError, match="the response for /api/v1/pods cannot be decoded"):
        Decoder(PODS).page_begin(head)
