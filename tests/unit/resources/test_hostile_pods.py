"""Pods as large as kube-apiserver takes them: their cost is linear and bounded, and what is left out is counted."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from kubesum.resources import imagesummaries
from kubesum.semantics.facts import ContainerImage, Pod
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


class Counted(tuple[ContainerImage, ...]):
    """Images that count how often they are read through."""

    readings = 0

    def __iter__(self) -> Iterator[ContainerImage]:
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
