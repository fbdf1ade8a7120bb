"""Pods as large as kube-apiserver takes them: their cost is linear and bounded, and what is left out is counted."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from kubesum.resources import imagesummaries
from kubesum.semantics.facts import ImageUser, Pod, UsedImage
from kubesum.semantics.imagereferences import parsed
from kubesum.semantics.interner import Interner
from kubesum.semantics.pods.images import Use, used_images
from kubesum.semantics.workloads.owners import reference
from kubesum.vocabulary.resource import Fold, Key, Source
from kubesum.vocabulary.tally import Contribution
from tests.computation import Computation, JsonObject

BIG: Key = ("blue", "big")


def big(images: int, kind: str = "containers", **more: Any) -> JsonObject:
    """A pod with so many containers, each with an image of its own."""
    many = [{"name": f"c{n}", "image": f"r.example/i{n}:1"} for n in range(images)]
    spec = {"nodeName": "n0", "containers": [{"name": "app", "image": "r.example/i0:1"}], kind: many}
    metadata = {"name": "big", "namespace": "blue", "uid": "u", "creationTimestamp": "2026-01-02T03:04:05Z", **more}
    return {"metadata": metadata, "spec": spec, "status": {"phase": "Running"}}


class Counted(tuple[UsedImage, ...]):
    """Images that count how often they are read through."""

    readings = 0

    def __iter__(self) -> Iterator[UsedImage]:
        Counted.readings += 1
        return super().__iter__()


async def facts_of(found: JsonObject) -> Pod:
    world = Computation()
    world.put("pods", found)
    pod: Pod = world.cache.contents(Source.PODS)[BIG]
    return pod


async def test_the_images_of_a_pod_are_read_once_however_many_they_are() -> None:
    """They were read once for each of them: a pod of 8,000 containers blocked the process for seconds."""
    pod = await facts_of(big(900))
    counted = Counted(pod.facts.images)
    pod = msgspec.structs.replace(pod, facts=msgspec.structs.replace(pod.facts, images=counted))
    Counted.readings = 0

    made = list(imagesummaries.uses(pod))

    assert (len(made), Counted.readings) == (900, 1)


def counting(made: list[Key]) -> Any:
    """ImageSummary, which notes each contribution that is made."""

    def by_image(pod: Pod) -> Iterator[tuple[Key, Contribution]]:
        for key, contribution in imagesummaries.by_image(pod):
            made.append(key)
            yield key, contribution

    fold = imagesummaries.RESOURCE.folds[0]
    return replace(imagesummaries.RESOURCE, folds=(Fold(fold.over, by_image, fold.reads),))


@pytest.mark.parametrize("kind", ["containers", "initContainers", "ephemeralContainers"])
async def test_a_change_that_leaves_the_images_as_they_are_makes_no_contribution(kind: str) -> None:
    made: list[Key] = []
    world = Computation(counting(made))
    world.put("pods", big(50, kind))
    assert len(made) == 50

    world.put("pods", big(50, kind, labels={"a": "b"}))
    assert len(made) == 50

    world.delete("pods", BIG)
    assert len(made) == 100
    assert await world.settled("imagesummaries") == {}


async def test_a_change_of_one_image_concerns_one_row() -> None:
    world = Computation(imagesummaries.RESOURCE)
    world.put("pods", big(50))
    before = await world.settled("imagesummaries")
    versions = {row.key: row.version for row in world.store("imagesummaries").snapshot().rows}
    changed = big(50)
    changed["status"]["containerStatuses"] = [{"name": "c7", "imageID": "r.example/i7@sha256:" + "b" * 64}]

    world.put("pods", changed)
    after = await world.settled("imagesummaries")

    assert [key for key in after if after[key] != before[key]] == [("blue", name) for name in row_names(after, "i7")]
    kept = {row.key for row in world.store("imagesummaries").snapshot().rows if versions[row.key] == row.version}
    assert len(kept) == 49


def row_names(rows: dict[Key, JsonObject], image: str) -> list[str]:
    return [name for (_, name), row in rows.items() if row["status"]["repository"] == f"r.example/{image}"]


async def test_a_pod_counts_for_its_first_thousand_images_and_says_how_many_are_left_out() -> None:
    world = Computation()
    world.put("pods", big(1234))

    rows = await world.everything()

    assert len(rows["imagesummaries"]) == len(rows["clusterimagesummaries"]) == 1000
    assert row_names(rows["imagesummaries"], "i999")
    assert not row_names(rows["imagesummaries"], "i1000")
    assert rows["podsummaries"][BIG]["status"]["imagesLeftOut"] == 234

    world.put("pods", big(1000))
    rows = await world.everything()
    assert "imagesLeftOut" not in rows["podsummaries"][BIG]["status"]

    world.delete("pods", BIG)
    rows = await world.everything()
    assert rows["imagesummaries"] == rows["clusterimagesummaries"] == {}


async def test_many_containers_of_one_image_are_one_row() -> None:
    world = Computation(imagesummaries.RESOURCE)
    found = big(0)
    found["spec"]["containers"] = [{"name": f"c{n}", "image": "nginx"} for n in range(3000)]
    world.put("pods", found)

    (row,) = (await world.settled("imagesummaries")).values()

    assert (row["status"]["pods"], row["status"]["containers"]) == (1, 3000)


async def test_a_pod_counts_for_32_resource_names_and_says_how_many_are_left_out() -> None:
    """One pod with thousands of them filled the summaries of the cluster, its namespace and its workload."""
    extended = {f"example.org/r{n:04}": "1" for n in range(5000)}
    found = big(1)
    found["spec"]["containers"][0]["resources"] = {
        "requests": {**extended, "memory": "1Gi", "hugepages-2Mi": "2Mi"},
        "limits": {**extended, "cpu": "1"},
    }
    world = Computation()
    world.put("pods", found)

    rows = await world.everything()

    status = rows["podsummaries"][BIG]["status"]
    kept = [f"example.org/r{n:04}" for n in range(28)]
    assert sorted(status["requests"]) == [*kept, "hugepages-2Mi", "memory", "pods"]
    assert sorted(status["limits"]) == ["cpu", *kept]
    assert status["resourcesLeftOut"] == 4972
    for plural in ("namespacesummaries", "workloadsummaries", "clustersummaries"):
        for row in rows[plural].values():
            assert len(row["status"]["requests"]) <= 34


def requesting(pod: int, node: str) -> JsonObject:
    """A pod that requests 30 resources of its own and a gpu."""
    requests = {f"example.org/r{pod:02}-{n:02}": "1" for n in range(30)} | {"zz.example/gpu": "1"}
    return {
        "metadata": {"name": f"p{pod}", "namespace": "blue", "uid": f"u{pod}"},
        "spec": {"nodeName": node, "containers": [{"name": "a", "resources": {"requests": requests}}]},
        "status": {"phase": "Running"},
    }


async def test_many_pods_fill_no_summary_with_resource_names() -> None:
    """3,000 such pods made rows of 3.8 MB, which blocked the process for 0.7 s at each change of a pod."""
    world = Computation()
    allocatable = {f"zy.example/r{n}": "2" for n in range(300)} | {"zz.example/gpu": "40"}
    world.put("nodes", {"metadata": {"name": "n0", "uid": "n0"}, "status": {"allocatable": allocatable}})
    for pod in range(20):
        world.put("pods", requesting(pod, "n0"))
        world.put("pods", requesting(pod + 20, ""))

    rows = await world.everything()

    (node,) = rows["nodesummaries"].values()
    assert (len(node["status"]["requests"]), node["status"]["resourcesLeftOut"]) == (301 + 255, 602 - 256)
    assert node["status"]["free"]["zz.example/gpu"] == "20"
    (namespace,) = rows["namespacesummaries"].values()
    names = sorted(namespace["status"]["requests"])
    assert (len(names), names[-2:], names[-3]) == (258, ["memory", "pods"], "example.org/r08-14")
    assert namespace["status"]["resourcesLeftOut"] == 1202 - 256
    cluster = rows["clustersummaries"]["", "cluster"]["status"]
    assert cluster["requests"]["zz.example/gpu"] == cluster["pendingRequests"]["zz.example/gpu"] == "20"
    assert cluster["resourcesLeftOut"] == 601 - 256


async def test_a_usual_pod_leaves_nothing_out() -> None:
    world = Computation()
    world.put("pods", big(20))

    (row,) = (await world.everything())["podsummaries"].values()

    assert not {"imagesLeftOut", "resourcesLeftOut"} & set(row["status"])


async def test_a_message_with_thousands_of_reasons_gives_32() -> None:
    """As the scheduler writes it for a pod that requests thousands of resources that no node has."""
    items = ", ".join(f"{1 + n % 7} Insufficient example.org/r{n:05}" for n in range(20_000))
    found = big(1)
    found["spec"]["nodeName"] = ""
    found["status"] = {
        "phase": "Pending",
        "conditions": [
            {
                "type": "PodScheduled",
                "status": "False",
                "reason": "Unschedulable",
                "message": f"0/9 nodes are available: {items}.",
            }
        ],
    }
    world = Computation()
    world.put("pods", found)

    status = (await world.everything())["podsummaries"][BIG]["status"]

    reasons = {one["reason"]: one["count"] for one in status["pendingReasons"]}
    assert len(reasons) == 32
    assert sum(reasons.values()) == sum(1 + n % 7 for n in range(20_000))
    assert {count for reason, count in reasons.items() if reason != "Other"} == {7}


def test_large_values_are_not_cached() -> None:
    """Pods that were created and deleted again and again, with a new image of a megabyte each, filled the memory."""
    assert parsed("nginx") is parsed("nginx")
    assert parsed("n" * 5000) is not parsed("n" * 5000)
    assert parsed("n" * 5000) == parsed("n" * 5000)

    one = (Use("nginx", "", ImageUser.CONTAINER),)
    assert used_images(one) is used_images(one)
    assert used_images(one * 500) is not used_images(one * 500)

    assert reference("v1", "Pod", "a", "u") is reference("v1", "Pod", "a", "u")
    assert reference("v1", "Pod", "a" * 5000, "u") is not reference("v1", "Pod", "a" * 5000, "u")

    interner = Interner()
    many = {f"l{n}": "x" for n in range(500)}
    assert interner.labels({"a": "b"}) is interner.labels({"a": "b"})
    assert interner.labels(many) == many
    assert interner.labels(many) is not interner.labels(many)
