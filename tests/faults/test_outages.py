"""kube-apiserver is away, and comes back as it was, or as another one."""

import asyncio
from pathlib import Path

import pytest

from kubesim.apiserver.apiserver import ServerOptions
from tests.faults.scenes import outage
from tests.faults.stage import PROBES, Stage, on_stage, witnessed
from tests.serving.runningserver import V, eventually

SAME, OTHER = 1, 2
"""Seeds of clusters: the state that a stage begins with, and one with other pods and nodes."""


def test_a_start_without_kube_apiserver_waits_for_it(tmp_path: Path) -> None:
    """It lives and is not ready. Nobody can be authenticated: discovery is answered, and all else is 503."""

    async def test(stage: Stage) -> None:
        await eventually(lambda: stage.answers("/livez", 200))
        await asyncio.sleep(20)

        codes = {path: await stage.code(path) for path in (*PROBES, "/openapi/v2", f"{V}/podsummaries", "/metrics")}
        discovered = {"/apis": 200, V: 200, "/openapi/v2": 200}
        assert codes == {"/livez": 200, "/readyz": 500, **discovered, f"{V}/podsummaries": 503, "/metrics": 503}

        stage.start_cluster()
        await stage.relay.up()
        await eventually(lambda: stage.answers("/readyz", 200), within_s=60)
        await stage.follows()

    on_stage(tmp_path, test, is_up=False)


@pytest.mark.parametrize("seconds", [10, 60, 200])
def test_an_outage_changes_nothing_until_it_ends(tmp_path: Path, seconds: int) -> None:
    """Refused connections: the pods stay as they were, and what changed meanwhile is served after it."""

    on_stage(tmp_path, lambda stage: outage(stage, seconds))


@pytest.mark.parametrize("seconds", [10, 60, 200])
def test_a_frozen_server_changes_nothing_until_it_goes_on(tmp_path: Path, seconds: int) -> None:
    """Connections stay and new ones are accepted, but nothing is sent: a stopped process, or a network that drops."""

    async def test(stage: Stage) -> None:
        async with witnessed(stage):
            before = await stage.served()
            stage.relay.passes_on.clear()
            await stage.change()
            await asyncio.sleep(seconds)
            assert await stage.served() == before
            stage.relay.passes_on.set()
            await stage.follows()

    on_stage(tmp_path, test)


def test_a_killed_server_that_restarts_is_followed_without_a_list(tmp_path: Path) -> None:
    """The watches go on where they were cut."""

    async def test(stage: Stage) -> None:
        async with witnessed(stage):
            await stage.stop_cluster()
            stage.start_cluster()
            await stage.change()
            stage.relay.requests.clear()
            await stage.relay.up()
            await stage.follows()
        requests = [request for request in stage.relay.requests if request.path == "/api/v1/pods"]
        assert [request for request in requests if not request.is_watch] == []

    on_stage(tmp_path, test)


@pytest.mark.parametrize(
    ("seed", "in_pages"), [(OTHER, False), (OTHER, True), (SAME, False)], ids=["empty", "empty, in pages", "restored"]
)
def test_what_another_etcd_holds_is_served_at_once(tmp_path: Path, seed: int, in_pages: bool) -> None:
    """An etcd that was emptied or restored: resourceVersions go back. Old objects stay until the lists are complete.

    No watch was resumed with an error: the server sends nothing to one of a version that it has not reached, and the
    old objects were served for minutes, or for ever.
    """

    async def test(stage: Stage) -> None:
        for _ in range(10):
            await stage.change()
        await stage.follows()
        async with witnessed(stage):
            await stage.stop_cluster()
            version = stage.store.version
            stage.replace_etcd(seed)
            stage.start_cluster()
            assert stage.store.version < version
            await stage.note()
            await stage.relay.up()
            await stage.follows()

    on_stage(tmp_path, test, options=ServerOptions(refuses_watch_lists=in_pages))
