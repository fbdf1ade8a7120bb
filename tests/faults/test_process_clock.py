"""The wall clock of the process is set: versions neither go back nor stop, and nothing is stale or held back."""

from pathlib import Path
from typing import Any

import pytest

from tests.faults.childserver import MASTER, NAMESPACES, ChildServer, eventually, ready_server, simulated_cluster
from tests.faults.confinement import SettableClock
from tests.faults.watchclient import events_until, names_in, version_of, watch
from tests.serving.runningserver import V

HOUR_S = 3600.0


async def namespaces(child: ChildServer) -> Any:
    answer = await child.server.forwarded(NAMESPACES, *MASTER)
    assert answer.code == 200, answer.body
    assert "Warning" not in answer.headers
    return answer.json


async def skew(child: ChildServer, user: str) -> float:
    """What the metric tells once the API server has answered a review for a user that is new."""
    assert (await child.server.forwarded(NAMESPACES, user)).code == 403
    return await child.metric("kubesum_clock_skew_seconds")


async def test_a_clock_that_is_set_by_an_hour_is_not_noticed(tmp_path: Path) -> None:
    """Watches go on, changes are shown at once, versions rise, usage stays, and no kind is called stale."""
    clock = SettableClock(tmp_path / "clock")
    async with (
        simulated_cluster(tmp_path) as cluster,
        ready_server(cluster, "--usage-interval", "10s", faults={"clock": str(clock.file)}) as child,
    ):

        async def has_usage() -> bool:
            answer = await child.server.forwarded(f"{V}/clustersummaries/cluster", *MASTER)
            return "usage" in answer.json["status"]

        await eventually(has_usage)
        listed = [version_of(await namespaces(child))]
        versions = [*listed]
        async with watch(child, f"resourceVersion={versions[0]}") as lines:
            cluster.add_namespace("changing")
            versions += map(version_of, await events_until(lines, "changing"))
            for at, ahead_s in enumerate((HOUR_S, 0.0, -HOUR_S, 0.0)):
                # Its row has just been shown: once the new one is, it rests and is pending.
                cluster.add_namespace("changing", changed=f"{at}")
                cluster.add_namespace(f"before-{at}")
                versions += map(version_of, await events_until(lines, f"before-{at}"))
                clock.set(ahead_s)
                assert await skew(child, f"user-{at}") == pytest.approx(ahead_s, abs=2)
                cluster.add_namespace(f"after-{at}")
                versions += map(version_of, await events_until(lines, "changing", f"after-{at}"))
                found = await namespaces(child)
                # Not among the versions of the watch: an event that is read later may be older than the list.
                listed.append(version_of(found))
                assert listed[-1] >= versions[-1]
                assert names_in(found) >= {f"before-{at}", f"after-{at}"}
                assert await child.is_ready()
                assert await has_usage()

        assert versions == sorted(versions)
        assert listed == sorted(listed)
        assert len(set(versions)) >= 7
        # Set forward it drops the events before: a watch that resumes from then lists again.
        async with watch(child, f"resourceVersion={listed[-1]}&allowWatchBookmarks=true") as lines:
            cluster.add_namespace("resumed")
            assert version_of((await events_until(lines, "resumed"))[-1]) > listed[-1]
