"""Objects that whoever may create pods and workloads in one namespace can send: the invariants hold for them too."""

import asyncio
import random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.computation import Computation, JsonObject, fact_of
from tests.unit.rollups.test_recomputation import Played, controlled_by, metadata

sizes = st.sampled_from([0, 1, 2, 33, 65, 300])
"""Around the bounds of what is cached and counted, and beyond them."""


def filled(name: str, size: int) -> str:
    return name + "x" * size


@st.composite
def hostile_containers(draw: st.DrawFn, kind: str) -> list[JsonObject]:
    """Up to 1,100 containers with images and resources of their own, or of one."""
    size, shared = draw(st.sampled_from([0, 1, 2, 70, 1100])), draw(st.booleans())
    policy = {"restartPolicy": "Always"} if kind == "i" and draw(st.booleans()) else {}
    return [
        {
            "name": f"{kind}{n}",
            "image": filled("image", 2000) if shared else f"r.example/{kind}{n}",
            "resources": {"requests": {f"example.org/{kind}{0 if shared else n % 70}": str(n % 3)}},
            **policy,
        }
        for n in range(size)
    ]


@st.composite
def hostile_pods(draw: st.DrawFn) -> tuple[str, JsonObject]:
    name = draw(st.sampled_from(["p0", "p1"]))
    strangers = [
        {"apiVersion": "example.org/v1", "kind": "Thing", "name": f"t{n}", "uid": f"t{n}"} for n in range(draw(sizes))
    ]
    controllers = draw(
        st.sampled_from(
            [
                [],
                controlled_by("replicasets", "blue", "a"),
                [{"apiVersion": "x.org/v1", "kind": filled("K", 3000), "name": filled("n", 3000), "uid": "k"}],
            ]
        )
    )
    for controller in controllers:
        controller["controller"] = True
    apps = draw(hostile_containers("c"))
    found = {
        "metadata": metadata(
            "pods",
            "blue",
            name,
            labels={f"l{n}": "v" * 63 for n in range(draw(sizes))},
            annotations={f"a{n}": "v" for n in range(draw(sizes))},
            ownerReferences=[*strangers, *controllers],
        ),
        "spec": {
            "nodeName": draw(st.sampled_from(["", "n0"])),
            "containers": apps,
            "initContainers": draw(hostile_containers("i")),
            "ephemeralContainers": draw(hostile_containers("e")),
        },
        "status": {
            "phase": draw(st.sampled_from(["Pending", "Running", "Failed"])),
            "conditions": [{"type": f"C{n}", "status": "True"} for n in range(draw(sizes))]
            + [
                {
                    "type": "PodScheduled",
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": "0/3 nodes are available: "
                    + ", ".join(f"1 Insufficient e.org/{n}" for n in range(draw(sizes)))
                    + ".",
                }
            ],
            "containerStatuses": [
                {"name": one["name"], "restartCount": 1, "state": {"waiting": {"reason": "ErrImagePull"}}}
                for one in apps[: draw(sizes)]
            ],
        },
    }
    return "pods", found


@st.composite
def owners(draw: st.DrawFn) -> tuple[str, JsonObject]:
    labels = {f"l{n}": "v" for n in range(draw(sizes))}
    name = draw(st.sampled_from("ab"))
    above = controlled_by("replicasets", "blue", "b") * (draw(st.sampled_from([0, 1, 300])) if name == "a" else 0)
    made = metadata("replicasets", "blue", name, labels=labels, ownerReferences=above)
    return "replicasets", {"metadata": made, "spec": {"replicas": 1}}


steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), hostile_pods()),
        st.tuples(st.just("put"), hostile_pods()),
        st.tuples(st.just("put"), owners()),
        st.tuples(st.just("delete"), st.integers(0, 9)),
        st.tuples(st.just("publish"), st.none()),
    ),
    max_size=6,
)


@settings(max_examples=20, deadline=None)
@given(steps, st.randoms(use_true_random=False))
def test_hostile_objects_give_the_rows_of_a_recomputation(
    actions: list[tuple[str, Any]], chance: random.Random
) -> None:
    async def run() -> None:
        played, fresh = Played(Computation()), Computation()
        await played.play(actions)
        existing = list(played.existing.values())
        chance.shuffle(existing)
        for kind, found in existing:
            fresh.put(kind, found)
        rows = await played.world.everything()

        assert rows == await fresh.everything()
        for row in rows["podsummaries"].values():
            assert len({*row["status"]["requests"], *row["status"]["limits"]}) <= 32
            assert len(row["status"]["pendingReasons"]) <= 32
        assert len(rows["imagesummaries"]) <= 1000 * len(rows["podsummaries"])

    asyncio.run(run())


init_containers = st.lists(
    st.tuples(st.booleans(), st.dictionaries(st.sampled_from(["cpu", "e.org/a", "e.org/b"]), st.integers(0, 9))),
    max_size=5,
)


@given(init_containers)
def test_each_stage_of_initialization_holds_the_sidecars_before_it(found: list[tuple[bool, dict[str, int]]]) -> None:
    """The requests of init containers alone, as PodRequests of component-helpers walks them."""
    containers = [
        {
            "name": f"i{n}",
            "resources": {"requests": {name: str(value) for name, value in amounts.items()}},
            **({"restartPolicy": "Always"} if sidecar else {}),
        }
        for n, (sidecar, amounts) in enumerate(found)
    ]
    pod = {"metadata": metadata("pods", "blue", "p"), "spec": {"initContainers": containers, "containers": []}}
    expected: dict[str, int] = {}
    for name in ("cpu", "e.org/a", "e.org/b"):
        sidecars = 0
        for sidecar, amounts in found:
            stage = sidecars + amounts.get(name, 0)
            sidecars = stage if sidecar else sidecars
            expected[name] = max(expected.get(name, 0), stage)

    requests = fact_of("pods", pod).state.requests

    assert {name: value // (1000 if name == "cpu" else 1) for name, value in requests.items() if value} == {
        name: value for name, value in expected.items() if value
    }
