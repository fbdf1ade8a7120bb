"""Two replicas whose clocks are five seconds apart, and clients that move between them."""

from pathlib import Path

from tests.faults.childserver import MASTER, NAMESPACES, ChildServer, ready_server, simulated_cluster
from tests.faults.confinement import SettableClock
from tests.faults.watchclient import events_until, names_in, version_of, watch

OLD_S = 20
"""By so much both clocks are ahead of when the replicas started: a young one does not resume watches of others."""
APART_S = 5


async def listed(child: ChildServer, version: int) -> tuple[int, set[str], int]:
    """Version and names of a list that is not older than `version`; as client-go, of any if that is too large."""
    answer = await child.server.forwarded(f"{NAMESPACES}?resourceVersion={version}", *MASTER)
    if answer.code == 504:
        assert answer.json["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
        assert answer.headers["Retry-After"] == "1"
        answer = await child.server.forwarded(NAMESPACES, *MASTER)
        assert answer.code == 200
        return version_of(answer.json), names_in(answer.json), 504
    assert answer.code == 200, answer.body
    return version_of(answer.json), names_in(answer.json), 200


async def test_clients_that_move_between_replicas_five_seconds_apart_lose_nothing(tmp_path: Path) -> None:
    """Neither a watch nor a list goes back, but for a list from the slower one that asks for any version."""
    clocks = [SettableClock(tmp_path / name) for name in ("fast", "slow")]
    async with (
        simulated_cluster(tmp_path) as cluster,
        ready_server(cluster, faults={"clock": str(clocks[0].file)}) as fast,
        ready_server(cluster, faults={"clock": str(clocks[1].file)}) as slow,
    ):
        for child in (fast, slow):
            # From its first reader on it keeps what it has published.
            await listed(child, 0)
        clocks[0].set(OLD_S + APART_S)
        clocks[1].set(OLD_S)
        at, _, _ = await listed(fast, 0)
        codes = []
        for number, (before, after) in enumerate(((fast, slow), (slow, fast))):
            async with watch(before, f"resourceVersion={at}") as lines:
                cluster.add_namespace(f"seen-{number}")
                seen = version_of((await events_until(lines, f"seen-{number}"))[-1])
            assert seen > at

            version, names, code = await listed(after, seen)
            cluster.add_namespace(f"after-{number}")
            codes.append(code)
            async with watch(after, f"resourceVersion={version}&allowWatchBookmarks=true") as lines:
                expected = {f"seen-{number}", f"after-{number}"} - names
                found = await events_until(lines, *expected)
            # What the list lacks, its watch sends.
            assert code == 504 or (f"seen-{number}" in names and version > seen)
            assert min(map(version_of, found)) > version

            # Without bookmarks, as kubectl: the watch goes on from what the other replica sent last.
            async with watch(after, f"resourceVersion={seen}") as lines:
                resumed = await events_until(lines, f"after-{number}")
            assert min(map(version_of, resumed)) > seen
            at, _, _ = await listed(after, 0)

        assert codes == [504, 200]
        assert await fast.is_ready()
        assert await slow.is_ready()
