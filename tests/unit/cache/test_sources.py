"""Sources: what is shown where a kind is stale."""

from typing import Any

from prometheus_client import REGISTRY

from kubesum.cache.sources import KINDS_OF
from tests.computation import Computation


async def test_a_stale_source_is_shown_in_the_cluster_summary() -> None:
    computation = Computation()
    summary: dict[str, Any] = (await computation.settled("clustersummaries"))["", "cluster"]["status"]
    while_fresh = summary["conditions"][0]["status"]

    computation.cache_now += 151
    computation.cache.sources.check()
    computation.now += 2
    summary = (await computation.settled("clustersummaries"))["", "cluster"]["status"]

    assert while_fresh == "True"
    assert summary["conditions"][0]["status"] == "False"
    assert {source["synced"] for source in summary["sources"]} == {False}


async def test_a_resource_is_stale_with_the_kinds_that_it_is_computed_from() -> None:
    """Also with those of the resources that it folds over."""
    computation = Computation()
    fresh = [store.stale() for store in computation.engine.catalogue.stores]

    computation.cache_now += 100
    for kind in ("nodes", "deployments"):
        computation.relist(kind, [])
    computation.cache_now += 51
    stale = {
        store.resource.plural: [one.resource for one in store.stale()]
        for store in computation.engine.catalogue.stores
    }

    expected = {
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
    assert not any(fresh)
    assert {plural: stale[plural] for plural in expected} == expected
    assert computation.engine.catalogue.stores[0].stale()[0].age_s == 151.0


def test_a_kind_that_was_never_listed_is_a_metric() -> None:
    """An alert compares it with 0; it was missing for a kind that kubesum may not list."""
    kinds = {kind for kinds in KINDS_OF.values() for kind in kinds}

    Computation()

    assert {REGISTRY.get_sample_value("kubesum_informer_synced", {"resource": kind}) for kind in kinds} == {0}
