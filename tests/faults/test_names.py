"""The name of kube-apiserver does not resolve, or to another address; the event loop of the test is the resolver."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.faults.scenes import WITHIN_S, reads_pods
from tests.faults.stage import API_NAME, PROBES, Stage, on_stage, witnessed
from tests.leaping import LeapingLoop
from tests.serving.runningserver import V, eventually

HERE, ELSEWHERE = "127.0.0.1", "127.0.0.2"
OUTAGE_S = 200


def resolver() -> LeapingLoop:
    """What resolves the names in this test."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, LeapingLoop)
    return loop


def with_a_name(home: Path, test: Callable[[Stage], Coroutine[Any, Any, None]]) -> None:
    """Runs a test with a kubesum that reads from an API server by its name."""

    async def once_it_follows(stage: Stage) -> None:
        resolver().names[API_NAME] = HERE
        stage.start_cluster()
        await stage.relay.up()
        await eventually(lambda: stage.answers("/readyz", 200))
        await stage.follows()
        await test(stage)

    on_stage(home, once_it_follows, is_up=False, api_host=API_NAME)


@pytest.mark.parametrize("answers", [True, False], ids=["unknown", "no answer"])
def test_a_start_with_a_name_that_does_not_resolve_waits_for_it(
    tmp_path: Path, answers: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(stage: Stage) -> None:
        if not answers:
            resolver().names_are_answered.clear()
        stage.start_cluster()
        await stage.relay.up()
        await eventually(lambda: stage.answers("/livez", 200))
        await asyncio.sleep(OUTAGE_S)

        codes = {path: await stage.code(path) for path in (*PROBES, f"{V}/podsummaries")}
        assert codes == {"/livez": 200, "/readyz": 500, "/apis": 200, V: 200, f"{V}/podsummaries": 503}
        assert stage.relay.requests == []

        resolver().names[API_NAME] = HERE
        resolver().names_are_answered.set()
        await eventually(lambda: stage.answers("/readyz", 200), within_s=60)
        await stage.follows()

    on_stage(tmp_path, test, is_up=False, api_host=API_NAME)
    reason = f"the name {API_NAME} does not resolve" if answers else "it does not answer in time"
    assert [record for record in caplog.records if reason in vars(record).get("reason", "")]


@pytest.mark.parametrize("answers", [True, False], ids=["unknown", "no answer"])
def test_a_name_that_resolves_no_longer_changes_nothing(tmp_path: Path, answers: bool) -> None:
    """Open connections stay, and what they send is served; new ones fail, until the name is known again."""

    async def test(stage: Stage) -> None:
        del resolver().names[API_NAME]
        if not answers:
            resolver().names_are_answered.clear()
        async with witnessed(stage):
            await stage.change()
            await asyncio.sleep(60)
            await stage.follows()

            before = await stage.served()
            stage.relay.cut(reads_pods)
            await stage.change()
            await asyncio.sleep(OUTAGE_S)
            assert (await stage.served())["podsummaries"] == before["podsummaries"]

            resolver().names[API_NAME] = HERE
            resolver().names_are_answered.set()
            await stage.follows(WITHIN_S)

    with_a_name(tmp_path, test)


def test_a_name_that_moves_to_another_address_is_followed(tmp_path: Path) -> None:
    async def test(stage: Stage) -> None:
        async with witnessed(stage):
            stage.relay.down()
            stage.relay.address = ELSEWHERE
            await stage.relay.up()
            await stage.change()
            resolver().names[API_NAME] = ELSEWHERE
            await stage.follows()

    with_a_name(tmp_path, test)
