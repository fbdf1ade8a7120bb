"""Whether watches can be resumed: what tells one history of a server from another."""

import asyncio
import json

import pytest

from kubesum.kube.client import Upstream
from kubesum.kube.serverhistory import ServerHistory
from kubesum.vocabulary.errors import UpstreamError
from tests.unit.kube.scriptedserver import Answer, Script, body, failure, status


def namespaces(version: str, uid: str = "first") -> Answer:
    """The list of kube-system alone; of none with an empty uid."""
    items = [{"metadata": {"name": "kube-system", "uid": uid}}] if uid else []
    listed = {"kind": "NamespaceList", "metadata": {"resourceVersion": version}, "items": items}
    return body(json.dumps(listed).encode())


async def numbers(script: Script, upstream: Upstream, *answers: Answer, seen: str = "100") -> list[int]:
    """The number of the history after each answer; `seen` is seen after the first one."""
    script.answers += answers
    history, found = ServerHistory(upstream), []
    for _ in answers:
        await history.check(since=asyncio.get_running_loop().time())
        history.saw(seen)
        found.append(history.number)
    return found


async def test_a_later_version_of_the_same_cluster_is_the_same_history(script: Script, upstream: Upstream) -> None:
    assert await numbers(script, upstream, namespaces("90"), namespaces("100"), namespaces("2000")) == [0, 0, 0]
    assert script.requests[0].path == "/api/v1/namespaces"
    assert script.requests[0].query == {"fieldSelector": "metadata.name=kube-system"}


async def test_an_earlier_version_is_another_history(script: Script, upstream: Upstream) -> None:
    assert await numbers(script, upstream, namespaces("90"), namespaces("99"), namespaces("100")) == [0, 1, 1]


async def test_another_uid_is_another_history(script: Script, upstream: Upstream) -> None:
    assert await numbers(script, upstream, namespaces("90"), namespaces("101", "second")) == [0, 1]


@pytest.mark.parametrize("unknown", [namespaces("101", ""), namespaces("a"), failure(403), failure(404)])
async def test_what_says_nothing_changes_nothing(script: Script, upstream: Upstream, unknown: Answer) -> None:
    """A kubesum that may not list namespaces, and a server whose versions are no numbers."""
    assert await numbers(script, upstream, namespaces("90"), unknown, namespaces("102"), seen="") == [0, 0, 0]


@pytest.mark.parametrize(
    ("answer", "is_known"),
    [
        (namespaces("90"), True),
        (namespaces("101", ""), False),
        (namespaces("a"), False),
        (failure(403), False),
        (failure(404), False),
    ],
)
async def test_what_is_not_said_is_not_known(
    script: Script, upstream: Upstream, answer: Answer, is_known: bool
) -> None:
    script.answers = [answer]

    assert await ServerHistory(upstream).check(since=asyncio.get_running_loop().time()) is is_known


@pytest.mark.parametrize("broken", [failure(500), body(b"{}"), body(json.dumps(status(500)).encode())])
async def test_a_server_that_does_not_say_it_is_asked_again(
    script: Script, upstream: Upstream, broken: Answer
) -> None:
    script.answers += [broken, namespaces("100")]
    history = ServerHistory(upstream)

    with pytest.raises(UpstreamError):
        await history.check(since=0.0)
    await history.check(since=asyncio.get_running_loop().time())

    assert len(script.requests) == 2


async def test_all_who_ask_at_once_share_an_answer(script: Script, upstream: Upstream) -> None:
    script.answers += [namespaces("100"), failure(500)]
    history = ServerHistory(upstream)
    now = asyncio.get_running_loop().time()

    await asyncio.gather(*(history.check(since=now) for _ in range(9)))
    later = asyncio.get_running_loop().time()
    failures = await asyncio.gather(*(history.check(since=later) for _ in range(9)), return_exceptions=True)

    assert len(script.requests) == 2
    assert {type(failure).__name__ for failure in failures} == {"StatusError"}
