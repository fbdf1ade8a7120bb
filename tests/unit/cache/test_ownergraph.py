"""The owner graph: pods that control pods, chains without end, malformed objects, the last Jobs of CronJobs."""

import itertools
import random
from typing import Any

import pytest

from kubesum.vocabulary.resource import Source
from tests.computation import Computation, JsonObject


def owned(name: str, uid: str, *, by: str = "", version: str = "v1") -> JsonObject:
    reference = {"apiVersion": f"apps/{version}", "kind": "Deployment", "name": by, "uid": by, "controller": True}
    return {"metadata": {"namespace": "blue", "name": name, "uid": uid, "ownerReferences": [reference] if by else []}}


@pytest.mark.parametrize("gone", ["a", "b"])
async def test_two_owners_of_one_uid_do_no_harm(gone: str) -> None:
    """A malformed object must never end the process."""
    computation = Computation()
    computation.put("replicasets", owned("a", "same", by="one"))
    computation.put("replicasets", owned("b", "same", by="two"))
    computation.delete("replicasets", ("blue", gone))
    computation.put("deployments", owned("one", "one"))
    computation.put("deployments", owned("two", "two"))

    rows = await computation.settled("workloadsummaries")

    assert {"deployment.one", "deployment.two"} <= {name for _, name in rows}


async def test_owners_may_control_each_other() -> None:
    """References are written by clients: a cycle of them must not keep the process busy for ever."""
    computation = Computation()
    for name, by in (("a", "b"), ("b", "a"), ("a", "")):
        computation.put("statefulsets", owned(name, name, by=by))

    rows = await computation.settled("workloadsummaries")

    assert {name for _, name in rows} == {"statefulset.a"}


def chain(length: int) -> list[JsonObject]:
    """ReplicaSets r0, r1, ... of which each controls the next."""
    made = []
    for number in range(length):
        above = controlled_by("apps/v1", "ReplicaSet", f"r{number - 1}") if number else []
        made.append(
            {"metadata": {"namespace": "blue", "name": f"r{number}", "uid": f"r{number}", "ownerReferences": above}}
        )
    return made


def controlled_by(api_version: str, kind: str, name: str) -> list[JsonObject]:
    return [{"apiVersion": api_version, "kind": kind, "name": name, "uid": name, "controller": True}]


@pytest.mark.parametrize("order", ["top down", "bottom up", "random"])
async def test_a_chain_of_a_thousand_controllers_is_followed_for_eight_in_any_order(order: str) -> None:
    """Whoever may create ReplicaSets in one namespace blocked the process for seconds, or ended it."""
    objects = chain(1_000)
    if order == "bottom up":
        objects.reverse()
    elif order == "random":
        random.Random(7).shuffle(objects)
    computation = Computation()

    for found in objects:
        computation.put("replicasets", found)
    computation.put("pods", pod("p", "p", controlled_by("apps/v1", "ReplicaSet", "r999")))
    rows = await computation.settled("workloadsummaries")

    assert {name for _, name in rows} == {
        f"replicaset.{name}" for name in ("r0", *[f"r{n}" for n in range(8, 1_000)])
    }
    assert rows["blue", "replicaset.r999"]["status"]["pods"]["total"] == 1


def test_each_event_of_a_long_chain_asks_for_a_bounded_number_of_changes() -> None:
    """The root of a chain moves only the owners that are at most eight below it."""
    computation = Computation()
    for found in chain(2_000):
        computation.put("replicasets", found)
    changes: list[Any] = []
    computation.cache.subscribe(lambda *change: changes.append(change))

    computation.delete("replicasets", ("blue", "r0"))

    assert len([change for change in changes if change[0].name == "WORKLOADS"]) <= 9


async def test_the_pods_of_an_owner_move_in_slices() -> None:
    """10,000 pods below one ReplicaSet that got another controller blocked the process for a quarter of a second."""
    computation = Computation()
    for number in range(1_000):
        computation.put("pods", pod(f"p{number}", f"p{number}", controlled_by("apps/v1", "ReplicaSet", "r1")))
    changes: list[Any] = []
    computation.cache.subscribe(lambda source, old, new: changes.append(source.name))

    computation.put("replicasets", chain(2)[1])
    at_once = changes.count("PODS")
    computation.delete("pods", ("blue", "p999"))
    await computation.cache.rejoin_moved()

    assert at_once == 100
    assert changes.count("PODS") == 1_000
    assert {pod.workload.name for pod in computation.cache.contents(Source.PODS).values()} == {"r0"}


def pod(name: str, uid: str, owners: list[JsonObject]) -> JsonObject:
    return {
        "metadata": {"namespace": "blue", "name": name, "uid": uid, "ownerReferences": owners},
        "spec": {"nodeName": "n1"},
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }


APPLICATION = controlled_by("sparkoperator.k8s.io/v1beta2", "SparkApplication", "spark")
DRIVER = pod("driver", "driver", APPLICATION)
EXECUTORS = [
    pod(name, name, [{**APPLICATION[0], "controller": False}, *controlled_by("v1", "Pod", "driver")])
    for name in ("exec-1", "exec-2")
]


@pytest.mark.parametrize("objects", list(itertools.permutations([DRIVER, *EXECUTORS])))
async def test_executors_belong_to_the_application_that_owns_their_driver(objects: tuple[JsonObject, ...]) -> None:
    """Spark: the controller of an executor is the driver pod. Executors had a row of their own."""
    computation = Computation()
    for found in objects:
        computation.put("pods", found)
        await computation.settle()
    rows = await computation.settled("workloadsummaries")

    assert [(row["status"]["workloadRef"]["kind"], row["status"]["pods"]["total"]) for row in rows.values()] == [
        ("SparkApplication", 3)
    ]
    assert [row["status"]["health"] for row in rows.values()] == ["Healthy"]


async def test_pods_below_a_pod_follow_it_as_it_comes_goes_and_changes() -> None:
    computation = Computation()
    for found in EXECUTORS:
        computation.put("pods", found)
    alone = pod("driver", "driver", [])

    async def workloads() -> list[tuple[str, int]]:
        rows = await computation.settled("workloadsummaries")
        return sorted((row["status"]["workloadRef"]["kind"], row["status"]["pods"]["total"]) for row in rows.values())

    assert await workloads() == [("Pod", 2)]
    computation.put("pods", DRIVER)
    assert await workloads() == [("SparkApplication", 3)]
    computation.put("pods", alone)
    assert await workloads() == [("Pod", 3)]
    computation.put("pods", pod("driver", "another", []))
    assert await workloads() == [("Pod", 3)]
    computation.delete("pods", ("blue", "driver"))
    assert await workloads() == [("Pod", 2)]


async def test_pods_that_control_each_other_belong_to_the_pod_that_each_names() -> None:
    computation = Computation()
    for name, by in (("a", "b"), ("b", "a"), ("c", "c")):
        computation.put("pods", pod(name, name, controlled_by("v1", "Pod", by)))

    rows = await computation.settled("workloadsummaries")

    assert {name: row["status"]["pods"]["total"] for (_, name), row in rows.items()} == {
        "pod.a": 1,
        "pod.b": 1,
        "pod.c": 1,
    }


async def test_an_owner_in_another_namespace_is_not_followed() -> None:
    """kube-apiserver takes any uid; the garbage collector counts such an owner as absent."""
    computation = Computation()
    computation.put("replicasets", owned("web-1", "web-1", by="web"))
    stranger = pod("p", "p", controlled_by("apps/v1", "ReplicaSet", "web-1"))
    stranger["metadata"]["namespace"] = "green"
    computation.put("pods", stranger)

    rows = await computation.settled("workloadsummaries")

    assert rows["green", "replicaset.web-1"]["status"]["pods"]["total"] == 1


def job(name: str, hour: int, condition: str) -> JsonObject:
    return {
        "metadata": {
            "namespace": "blue",
            "name": name,
            "uid": name,
            "creationTimestamp": f"2026-01-01T{hour:02}:00:00Z",
            "ownerReferences": controlled_by("batch/v1", "CronJob", "nightly"),
        },
        "status": {
            "conditions": [{"type": condition, "status": "True"}] if condition else [],
            **({"completionTime": f"2026-01-01T{hour:02}:05:00Z"} if condition == "Complete" else {}),
        },
    }


async def test_a_cronjob_shows_how_its_last_job_ended() -> None:
    """It was Healthy however its Jobs ended."""
    computation = Computation()

    async def last() -> tuple[str, Any]:
        rows = await computation.settled("workloadsummaries")
        status = rows["blue", "cronjob.nightly"]["status"]
        return status["health"], status.get("lastJob")

    computation.put("jobs", job("first", 1, "Complete"))
    computation.put(
        "cronjobs", {"metadata": {"namespace": "blue", "name": "nightly", "uid": "nightly"}, "status": {}}
    )
    complete = {"name": "first", "result": "Complete", "completionTime": "2026-01-01T01:05:00Z"}
    assert await last() == ("Healthy", complete)
    computation.put("jobs", job("second", 2, "Failed"))
    assert await last() == ("Degraded", {"name": "second", "result": "Failed"})
    computation.put("jobs", job("third", 3, ""))
    assert await last() == ("Degraded", {"name": "second", "result": "Failed"})
    computation.put("jobs", job("third", 3, "Complete"))
    assert await last() == (
        "Healthy",
        {"name": "third", "result": "Complete", "completionTime": "2026-01-01T03:05:00Z"},
    )
    computation.delete("jobs", ("blue", "third"))
    assert await last() == ("Degraded", {"name": "second", "result": "Failed"})
    computation.delete("jobs", ("blue", "second"))
    computation.delete("jobs", ("blue", "first"))
    assert await last() == ("Healthy", None)


async def test_a_job_in_another_namespace_does_not_count_for_a_cronjob() -> None:
    """Whoever may create Jobs in one namespace made the CronJobs of others Degraded, by their uid."""
    computation = Computation()
    computation.put("cronjobs", {"metadata": {"namespace": "blue", "name": "nightly", "uid": "nightly"}})
    stranger = job("stranger", 9, "Failed")
    stranger["metadata"]["namespace"] = "green"
    computation.put("jobs", stranger)

    rows = await computation.settled("workloadsummaries")

    assert rows["blue", "cronjob.nightly"]["status"]["health"] == "Healthy"
    assert "lastJob" not in rows["blue", "cronjob.nightly"]["status"]
