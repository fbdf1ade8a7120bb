"""Which cluster kubesum is connected to again: the question gets no answer, or the answer proves nothing."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.faults.faults import failure
from tests.faults.relay import Fault, Request
from tests.faults.scenes import WITHIN_S, reads_pods
from tests.faults.stage import Stage, on_stage, witnessed
from tests.faults.test_answers import during
from tests.faults.test_outages import OTHER, SAME

FAILS = {"429": failure(429, "TooManyRequests"), "503": failure(503, "ServiceUnavailable")}
FORBIDS = {"403": failure(403, "Forbidden"), "404": failure(404, "NotFound")}
AWAY_S = 120
"""Longer than a watch may be without a line to be resumed."""


def asks_for_the_cluster(request: Request) -> bool:
    """Whether it is the question which cluster it is, which is asked before a watch is resumed."""
    return request.path == "/api/v1/namespaces" and "fieldSelector" in request.query


@pytest.mark.parametrize("answers", [FAILS, FORBIDS], ids=["fails", "forbids"])
def test_watches_go_on_while_nobody_says_which_cluster_it_is(tmp_path: Path, answers: Mapping[str, Fault]) -> None:
    """It was asked for ever, and no kind was followed, although all of them could be read."""

    async def test(stage: Stage) -> None:
        for name, fault in answers.items():
            with during(name), stage.relay.fault(fault, asks_for_the_cluster) as rule:
                async with witnessed(stage):
                    stage.relay.cut(reads_pods)
                    await stage.change()
                    await rule.has_struck()
                    await stage.follows(WITHIN_S)

    on_stage(tmp_path, test)


@pytest.mark.parametrize("fault", [FAILS["503"], FORBIDS["403"]], ids=["fails", "forbids"])
def test_an_empty_etcd_is_noticed_by_who_cannot_ask(tmp_path: Path, fault: Fault) -> None:
    async def test(stage: Stage) -> None:
        for _ in range(10):
            await stage.change()
        await stage.follows()
        with stage.relay.fault(fault, asks_for_the_cluster):
            async with witnessed(stage):
                await stage.stop_cluster()
                stage.replace_etcd(OTHER)
                stage.start_cluster()
                await stage.note()
                await stage.relay.up()
                await stage.follows(WITHIN_S)

    on_stage(tmp_path, test)


def test_a_restored_etcd_that_has_passed_what_was_seen_is_noticed(tmp_path: Path) -> None:
    """The same uid, and a later resourceVersion: the watches were resumed there, and lacked what was changed before.

    For kubesum alone it was away: kube-apiserver worked on meanwhile.
    """

    async def test(stage: Stage) -> None:
        await stage.change()
        await stage.follows()
        async with witnessed(stage):
            await stage.stop_cluster()
            version, uid = stage.store.version, cluster_uid(stage)
            stage.replace_etcd(SAME)
            await stage.note()
            while stage.store.version <= version:
                await stage.change()
            assert cluster_uid(stage) == uid
            stage.start_cluster()
            await asyncio.sleep(AWAY_S)
            await stage.relay.up()
            await stage.follows()

    on_stage(tmp_path, test)


def cluster_uid(stage: Stage) -> str:
    """What identifies the cluster."""
    found = stage.store.get("namespaces", "", "kube-system")
    assert found is not None
    return str(found.decoded()["metadata"]["uid"])
