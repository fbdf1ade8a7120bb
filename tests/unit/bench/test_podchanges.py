"""The encoded changes of pods that the benchmark sends are changes that the kubelet reports."""

from datetime import UTC, datetime
from itertools import islice

import pytest

from kubesim.store.store import Store
from kubesim.world.world import World
from kubesum.commands.demo.simulation import INSTALLATION
from tests.bench.podchanges import change, in_random_order


@pytest.fixture
def store() -> Store:
    filled = Store()
    World(1, 8, 80, datetime.now(UTC), INSTALLATION).fill(filled)
    return filled


def test_a_change_turns_readiness_and_restarts_the_container(store: Store) -> None:
    pod = next(in_random_order(store))
    before = pod.decoded()

    change(store, pod)

    after = store.get("pods", *pod.key)
    assert after is not None
    found = after.decoded()
    assert found["metadata"] == before["metadata"] | {"resourceVersion": str(store.version)}
    assert found["spec"] == before["spec"]
    first, earlier = found["status"]["containerStatuses"][0], before["status"]["containerStatuses"][0]
    assert (first["ready"], first["restartCount"]) == (not earlier["ready"], earlier["restartCount"] + 1)
    expected = "True" if first["ready"] else "False"
    assert {
        condition["type"]: condition["status"]
        for condition in found["status"]["conditions"]
        if condition["type"] in ("Ready", "ContainersReady")
    } == {"Ready": expected, "ContainersReady": expected}


def test_a_change_is_an_event_of_a_watch(store: Store) -> None:
    version, pod = store.version, next(in_random_order(store))

    change(store, pod)

    (event,) = store.changes_since("pods", version)
    assert (event.before, event.after, event.version) == (pod, store.get("pods", *pod.key), version + 1)


def test_every_running_pod_changes_before_one_changes_again(store: Store) -> None:
    running = [pod for pod in store.list("pods") if pod.decoded()["status"]["phase"] == "Running"]

    chosen = [pod.key for pod in islice(in_random_order(store), len(running))]

    assert sorted(chosen) == [pod.key for pod in running]
