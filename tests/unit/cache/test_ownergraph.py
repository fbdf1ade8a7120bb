"""What the cache makes of objects that refer to each other, sound or not."""

from typing import Any

import pytest

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


async def test_a_source_that_falls_silent_is_told_in_the_cluster_summary() -> None:
    computation = Computation()
    summary: dict[str, Any] = (await computation.settled("clustersummaries"))["", "cluster"]["status"]
    in_step = summary["conditions"][0]["status"]

    computation.cache_now += 151
    computation.cache.sources.check()
    computation.now += 2
    summary = (await computation.settled("clustersummaries"))["", "cluster"]["status"]

    assert in_step == "True"
    assert summary["conditions"][0]["status"] == "False"
    assert {source["synced"] for source in summary["sources"]} == {False}


async def test_a_resource_is_stale_with_the_kinds_that_it_is_computed_from() -> None:
    """Also with those that it has from other resources."""
    computation = Computation()
    fresh = [collection.stale() for collection in computation.engine.catalogue.stores]

    computation.cache_now += 100
    for kind in ("nodes", "deployments"):
        computation.relist(kind, [])
    computation.cache_now += 51
    stale = {
        collection.resource.plural: [one.resource for one in collection.stale()]
        for collection in computation.engine.catalogue.stores
    }

    assert fresh == [[]] * 7
    assert stale == {
        "clusterimagesummaries": ["pods"],
        "clustersummaries": [
            "pods",
            "namespaces",
            "statefulsets",
            "daemonsets",
            "cronjobs",
            "replicasets",
            "jobs",
        ],
        "imagesummaries": ["pods"],
        "namespacesummaries": [
            "pods",
            "namespaces",
            "statefulsets",
            "daemonsets",
            "cronjobs",
            "replicasets",
            "jobs",
        ],
        "nodesummaries": ["pods"],
        "podsummaries": ["pods"],
        "workloadsummaries": ["pods", "statefulsets", "daemonsets", "cronjobs", "replicasets", "jobs"],
    }
    assert computation.engine.catalogue.stores[0].stale()[0].last_event_at == 500.0
