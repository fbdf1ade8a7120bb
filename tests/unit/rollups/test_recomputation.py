"""Whatever happens in whatever order, the published rows equal those computed from the final objects from scratch."""

import asyncio
import random
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubesum.resources import RESOURCES
from kubesum.semantics.pods.resizes import ResizeRule
from kubesum.vocabulary.quantity import amount
from kubesum.vocabulary.resource import Key
from tests.computation import ANNOTATION, KINDS, Computation, JsonObject, key_of

Identity = tuple[str, str, str]
"""(kind, namespace, name)."""


def metadata(kind: str, namespace: str, name: str, generation: int = 0, **more: Any) -> JsonObject:
    made: JsonObject = {
        "name": name,
        "uid": f"{kind}-{namespace}-{name}-{generation}",
        "creationTimestamp": "2026-01-02T03:04:05Z",
        **more,
    }
    return made | {"namespace": namespace} if namespace else made


def controlled_by(kind: str, namespace: str, name: str, generation: int = 0) -> list[JsonObject]:
    apps = {"replicasets": "ReplicaSet", "deployments": "Deployment", "statefulsets": "StatefulSet"}
    batch = {"jobs": "Job", "cronjobs": "CronJob"}
    reference = {"controller": True, "name": name, "uid": f"{kind}-{namespace}-{name}-{generation}"}
    if kind in apps:
        return [{"apiVersion": "apps/v1", "kind": apps[kind], **reference}]
    if kind in batch:
        return [{"apiVersion": "batch/v1", "kind": batch[kind], **reference}]
    if kind == "pods":
        return [{"apiVersion": "v1", "kind": "Pod", **reference}]
    return [{"apiVersion": "example.org/v1", "kind": "Database", **reference}]


CLAIMED = "example.org/claimed"
"""An extended resource that ResourceClaims provide to some containers."""


def condition(type_: str) -> JsonObject:
    return {"type": type_, "status": "True"}


namespaces = st.sampled_from(["blue", "green"])
node_names = st.sampled_from(["", "n0", "n1", "lost"])
generations = st.integers(0, 1)
labels = st.dictionaries(st.sampled_from(["app", "zone"]), st.sampled_from(["x", "y"]), max_size=2)
annotations = st.dictionaries(
    st.sampled_from([ANNOTATION, "example.org/other"]), st.sampled_from(["", "x", "y"]), max_size=2
)
quantities = st.sampled_from(["1m", "250m", "1", "3", "1500m", "1500m", "100E", "16Ei"])
amounts = st.dictionaries(st.sampled_from(["cpu", "memory", "example.org/gpu", CLAIMED]), quantities, max_size=3)
owners: st.SearchStrategy[list[JsonObject]] = st.one_of(
    st.just([]),
    st.builds(
        controlled_by,
        st.sampled_from(["replicasets", "jobs", "statefulsets", "databases"]),
        st.just("blue"),
        st.sampled_from(["a", "b"]),
        generations,
    ),
    # A pod may control pods, itself among them, in this namespace or another one.
    st.builds(controlled_by, st.just("pods"), namespaces, st.sampled_from(["p0", "p1"]), generations),
)


@st.composite
def containers(draw: st.DrawFn, name: str) -> JsonObject:
    return {
        "name": name,
        "image": draw(
            st.sampled_from(["nginx", "nginx:1.27", "registry.example.org:5000/team/app@sha256:" + "a" * 64])
        ),
        "resources": {"requests": draw(amounts), "limits": draw(amounts)},
    }


mappings = st.lists(
    st.sampled_from(["app", "init"]).map(lambda name: {"containerName": name, "resourceName": CLAIMED}), max_size=2
)
volumes = st.lists(
    st.sampled_from(["", "nginx", "quay.io/example/artifact:1.0.0"]).map(
        lambda reference: {"name": f"v-{len(reference)}", "image": {"reference": reference}}
    ),
    max_size=2,
)
reported: st.SearchStrategy[JsonObject] = st.one_of(
    st.just({}),
    st.fixed_dictionaries(
        {}, optional={"allocatedResources": amounts, "resources": st.fixed_dictionaries({"requests": amounts})}
    ),
)
"""What a kubelet reports of the resources of a container."""
resize_conditions = st.sampled_from(
    [
        [],
        [],
        [{"type": "PodResizePending", "status": "True", "reason": "Deferred"}],
        [{"type": "PodResizePending", "status": "True", "reason": "Infeasible"}],
        [{"type": "PodResizeInProgress", "status": "True"}],
    ]
)


@st.composite
def statuses(draw: st.DrawFn) -> JsonObject:
    phase = draw(st.sampled_from(["Pending", "Running", "Running", "Succeeded", "Failed", "Unknown"]))
    state = draw(
        st.sampled_from(
            [
                {"running": {}},
                {"waiting": {"reason": "CrashLoopBackOff"}},
                {"waiting": {"reason": "ImagePullBackOff"}},
                {"waiting": {"reason": "ErrImagePull", "message": 'pull image "quay.io/example/artifact:1.0.0"'}},
                {"terminated": {"exitCode": 0, "reason": "Completed"}},
            ]
        )
    )
    restarts = draw(st.integers(0, 2))
    ended = {
        "terminated": {"exitCode": 1, "finishedAt": draw(st.sampled_from([f"2026-01-0{n}T00:00:00Z" for n in "123"]))}
    }
    scheduled = draw(
        st.sampled_from(
            [
                {"status": "True"},
                {"status": "False", "reason": "Custom"},
                {"status": "Unknown"},
                {
                    "status": "False",
                    "reason": "Unschedulable",
                    "message": "0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable.",
                },
            ]
        )
    )
    ready = draw(st.booleans())
    return {
        "phase": phase,
        "qosClass": draw(st.sampled_from(["BestEffort", "Burstable", "Guaranteed"])),
        "conditions": [
            {"type": "PodScheduled", **scheduled},
            {"type": "Ready", "status": "True" if ready else "False"},
            *draw(resize_conditions),
        ],
        "containerStatuses": [
            {
                "name": "app",
                "ready": ready,
                "restartCount": restarts,
                "state": state,
                "lastState": ended if restarts else {},
                "imageID": draw(st.sampled_from(["", "docker.io/library/nginx@sha256:" + "b" * 64])),
                **draw(reported),
            }
        ],
        "extendedResourceClaimStatus": {"requestMappings": draw(mappings)},
        **draw(
            st.sampled_from([{}, {}, {"allocatedResources": {"cpu": "3"}, "resources": {"requests": {"cpu": "1"}}}])
        ),
    }


# What files hold, and kube-apiserver does not send: nulls, and numbers where text belongs.
oddities: st.SearchStrategy[JsonObject] = st.sampled_from(
    [*[{}] * 6, {"spec": None}, {"spec": {"nodeName": 7, "containers": None}}, {"status": {"phase": None}}]
)


@st.composite
def pods(draw: st.DrawFn, names: tuple[str, ...] = ("p0", "p1", "p2")) -> tuple[str, JsonObject]:
    name, namespace = draw(st.sampled_from(names)), draw(namespaces)
    more: JsonObject = {
        "labels": draw(labels),
        "annotations": draw(annotations),
        "ownerReferences": draw(owners),
    }
    if draw(st.booleans()):
        more["deletionTimestamp"] = "2026-02-01T00:00:00Z"
    found = {
        "metadata": metadata("pods", namespace, name, draw(generations), **more),
        "spec": {
            "nodeName": draw(node_names),
            "containers": [draw(containers("app"))],
            "initContainers": draw(st.lists(containers("init"), max_size=1)),
            "volumes": draw(volumes),
            "priorityClassName": draw(st.sampled_from(["", "high"])),
        },
        "status": draw(statuses()),
    }
    return "pods", found | draw(oddities)


@st.composite
def nodes(draw: st.DrawFn) -> tuple[str, JsonObject]:
    zone = draw(st.sampled_from(["", "z1", "z2"]))
    found = {
        "metadata": metadata(
            "nodes", "", draw(st.sampled_from(["n0", "n1"])), labels={"topology.kubernetes.io/zone": zone}
        ),
        "spec": {
            "unschedulable": draw(st.booleans()),
            "taints": draw(st.lists(st.just({"key": "k", "effect": "NoSchedule"}), max_size=1)),
        },
        "status": {
            "allocatable": draw(amounts),
            "capacity": {"cpu": "8", "memory": "1Gi"},
            "conditions": [
                {"type": type_, "status": draw(st.sampled_from(["True", "False", "Unknown"]))}
                for type_ in sorted(draw(st.sets(st.sampled_from(["Ready", "EtcdIsVoter", "DiskPressure"]))))
            ],
            "nodeInfo": {"kubeletVersion": draw(st.sampled_from(["v1.35.4", "v1.36.2"]))},
        },
    }
    return "nodes", found


@st.composite
def other_objects(draw: st.DrawFn) -> tuple[str, JsonObject]:
    kind = draw(st.sampled_from(["namespaces", "replicasets", "jobs", "deployments", "statefulsets", "cronjobs"]))
    if kind == "namespaces":
        name = draw(st.sampled_from(["blue", "green", "kube-system"]))
        return kind, {"metadata": metadata(kind, "", name, labels=draw(labels)), "status": {"phase": "Active"}}
    above = {
        "replicasets": ["deployments", "replicasets", "rollouts"],
        "jobs": ["cronjobs", "jobs", "pods"],
        "statefulsets": ["deployments", "x"],
    }
    controllers: st.SearchStrategy[list[JsonObject]] = st.just([])
    if kind in above:
        made = st.builds(
            controlled_by,
            st.sampled_from(above[kind]),
            st.just("blue"),
            st.sampled_from(["a", "b", "p0"]),
            generations,
        )
        controllers = st.one_of(st.just([]), made)
    found: JsonObject = {
        "metadata": metadata(
            kind,
            "blue",
            draw(st.sampled_from(["a", "b"])),
            draw(generations),
            labels=draw(labels),
            ownerReferences=draw(controllers),
        ),
        "spec": {
            "replicas": draw(st.integers(0, 3)),
            "suspend": draw(st.booleans()),
            "paused": draw(st.booleans()),
            "parallelism": draw(st.integers(0, 3)),
            "completions": draw(st.sampled_from([None, 0, 1, 2])),
        },
        "status": {
            "observedGeneration": draw(st.integers(0, 1)),
            "replicas": draw(st.integers(0, 3)),
            "readyReplicas": draw(st.integers(0, 3)),
            "updatedReplicas": draw(st.integers(0, 3)),
            "availableReplicas": draw(st.integers(0, 3)),
            "succeeded": draw(st.integers(0, 2)),
            "conditions": draw(
                st.lists(st.builds(condition, st.sampled_from(["Complete", "Failed", "Progressing"])), max_size=1)
            ),
        },
    }
    found["metadata"]["generation"] = draw(st.integers(0, 1))
    return kind, found


@st.composite
def polls(draw: st.DrawFn) -> tuple[str, list[JsonObject]]:
    """The result of a poll: some of it measured too early, some of pods and nodes that do not exist."""
    usages = st.fixed_dictionaries(
        {"cpu": st.sampled_from(["0", "1n", "250m", "1500m"]), "memory": st.sampled_from(["0", "1Mi", "3000Mi"])}
    )
    times = st.sampled_from([None, BEFORE, AFTER, AFTER, AFTER])
    if draw(st.integers(0, 3)) == 0:
        found: list[JsonObject] = [
            {"metadata": {"name": name}, "timestamp": at, "usage": draw(usages)}
            for name in ("n0", "n1", "lost")
            if (at := draw(times))
        ]
        return "nodes.metrics.k8s.io", found
    found = [
        {
            "metadata": {"name": name, "namespace": namespace},
            "timestamp": at,
            "containers": [{"usage": usage} for usage in draw(st.lists(usages, min_size=1, max_size=2))],
        }
        for namespace in ("blue", "green")
        for name in ("p0", "p1", "p2", "ghost")
        if (at := draw(times))
    ]
    return "pods.metrics.k8s.io", found


BEFORE, AFTER = "2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z"
"""The second in which all objects of these tests were created, and the next."""

objects = st.one_of(pods(), pods(), nodes(), other_objects())
publications = st.tuples(st.just("publish"), st.none())
any_steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), objects),
        st.tuples(st.just("put"), objects),
        st.tuples(st.just("delete"), st.integers(0, 99)),
        st.tuples(st.just("relist"), st.sampled_from(sorted(KINDS))),
        st.tuples(st.just("poll"), polls()),
        st.tuples(st.just("upgrade"), st.sampled_from(ResizeRule)),
        st.tuples(st.sampled_from(["ignore", "read"]), st.sampled_from([one.plural for one in RESOURCES])),
        publications,
    ),
    max_size=40,
)
measured_steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.one_of(pods(("p0",)), pods(("p0",)), nodes())),
        st.tuples(st.just("poll"), polls()),
        publications,
    ),
    min_size=8,
    max_size=30,
)
"""Few pods that are polled again and again, and replaced in between."""

steps = st.one_of(any_steps, any_steps, measured_steps)


class Played:
    """A computation to which steps are applied, and the objects and measurements that exist after them."""

    def __init__(self, world: Computation) -> None:
        self.world = world
        self.existing: dict[Identity, tuple[str, JsonObject]] = {}
        self.measured: dict[str, dict[Key, JsonObject]] = {}
        """By polled kind, the measurements of the pods and nodes that exist."""

    async def play(self, actions: list[tuple[str, Any]]) -> None:
        """Applies all steps and publishes."""
        for verb, what in actions:
            await getattr(self, f"_{verb}")(what)
        await self._publish(None)

    async def _put(self, what: tuple[str, JsonObject]) -> None:
        kind, found = what
        before = self.existing.get((kind, *key_of(found)))
        self.existing[kind, *key_of(found)] = what
        is_same = before is not None and before[1]["metadata"]["uid"] == found["metadata"]["uid"]
        if not is_same or not is_measurable(found):
            self._drop_measurement(kind, key_of(found))
        self.world.put(kind, found)

    async def _delete(self, number: int) -> None:
        if self.existing:
            kind, *key = sorted(self.existing)[number % len(self.existing)]
            self._remove((kind, key[0], key[1]))
            self.world.delete(kind, (key[0], key[1]))

    async def _relist(self, kind: str) -> None:
        """The new list lacks one of the objects that existed."""
        for identity in sorted(identity for identity in self.existing if identity[0] == kind)[:1]:
            self._remove(identity)
        self.world.relist(kind, [found for of, found in self.existing.values() if of == kind])

    async def _upgrade(self, rule: ResizeRule) -> None:
        """The server has another version: pods are listed again, their facts made by another rule."""
        self.world.rule = rule
        self.world.relist("pods", [found for of, found in self.existing.values() if of == "pods"])

    async def _poll(self, what: tuple[str, list[JsonObject]]) -> None:
        """The measurements count for the pods and nodes that exist now."""
        kind, found = what
        of_kind = kind.partition(".")[0]
        self.measured[kind] = {}
        for one in found:
            existing = self.existing.get((of_kind, *key_of(one)))
            if existing is not None and is_measurable(existing[1]):
                self.measured[kind].pop(key_of(one), None)
                if one["timestamp"] == AFTER:
                    self.measured[kind][key_of(one)] = one
        await self.world.poll(kind, found)

    async def _ignore(self, plural: str) -> None:
        self.world.ignore(plural)

    async def _read(self, plural: str) -> None:
        self.world.read(plural)

    async def _publish(self, _: None) -> None:
        await self.world.publish()

    def _remove(self, identity: Identity) -> None:
        del self.existing[identity]
        self._drop_measurement(identity[0], identity[1:])

    def _drop_measurement(self, kind: str, key: Key) -> None:
        self.measured.get(f"{kind}.metrics.k8s.io", {}).pop(key, None)


def is_measurable(found: JsonObject) -> bool:
    """Not a pod that has finished."""
    return found.get("status", {}).get("phase") not in ("Succeeded", "Failed")


@settings(max_examples=250)
@given(steps, st.randoms(use_true_random=False))
def test_every_resource_equals_its_recomputation_from_scratch(
    actions: list[tuple[str, Any]], chance: random.Random
) -> None:
    async def run() -> None:
        played, fresh = Played(Computation()), Computation()
        await played.play(actions)
        fresh.rule = played.world.rule
        existing = list(played.existing.values())
        chance.shuffle(existing)
        for kind, found in existing:
            fresh.put(kind, found)
        for kind, measured in played.measured.items():
            await fresh.poll(kind, measured.values())

        assert await played.world.everything() == await fresh.everything()

    asyncio.run(run())


def summed(rows: Iterable[JsonObject], field: str) -> dict[str, int]:
    """The sum of a ResourceList over rows, without names that sum up to nothing."""
    sums: dict[str, int] = {}
    for row in rows:
        for name, quantity in row["status"].get(field, {}).items():
            sums[name] = sums.get(name, 0) + amount(name, quantity)
    return {name: value for name, value in sums.items() if value}


@settings(max_examples=150)
@given(steps)
def test_sums_over_nodes_namespaces_workloads_and_pods_agree_for_every_resource(
    actions: list[tuple[str, Any]],
) -> None:
    async def run() -> None:
        played = Played(Computation())
        await played.play(actions)
        rows = await played.world.everything()
        node_names = {name for kind, _, name in played.existing if kind == "nodes"}
        orphans = [pod for pod in rows["podsummaries"].values() if pod["status"]["nodeName"] not in {"", *node_names}]
        cluster = rows["clustersummaries"].values()
        whole = summed(
            [{"status": {"r": one["status"][f]}} for one in cluster for f in ("requests", "pendingRequests")], "r"
        )

        assert summed([*rows["nodesummaries"].values(), *orphans], "requests") == summed(cluster, "requests")
        asked = summed(rows["podsummaries"].values(), "requests")
        assert summed(rows["namespacesummaries"].values(), "requests") == asked
        assert summed(rows["workloadsummaries"].values(), "requests") == asked
        # Nodes leave out what ResourceClaims provide.
        assert whole.pop(CLAIMED, 0) <= asked.pop(CLAIMED, 0)
        assert whole == asked
        assert summed(rows["namespacesummaries"].values(), "limits") == summed(
            rows["podsummaries"].values(), "limits"
        )
        assert summed(rows["namespacesummaries"].values(), "usage") == summed(rows["podsummaries"].values(), "usage")
        assert summed(rows["workloadsummaries"].values(), "usage") == summed(rows["podsummaries"].values(), "usage")
        assert summed(rows["nodesummaries"].values(), "usage") == summed(cluster, "usage")

    asyncio.run(run())


@pytest.mark.parametrize("first", ["pods", "owners"])
async def test_a_pod_belongs_to_its_deployment_whichever_arrives_first(first: str) -> None:
    world = Computation()
    arrivals = [
        ("deployments", {"metadata": metadata("deployments", "blue", "web")}),
        (
            "replicasets",
            {
                "metadata": metadata(
                    "replicasets", "blue", "web-1", ownerReferences=controlled_by("deployments", "blue", "web")
                )
            },
        ),
        (
            "pods",
            {
                "metadata": metadata(
                    "pods", "blue", "web-1-x", ownerReferences=controlled_by("replicasets", "blue", "web-1")
                )
            },
        ),
    ]

    for kind, found in reversed(arrivals) if first == "pods" else arrivals:
        world.put(kind, found)
        await world.publish()
    rows = await world.everything()

    assert rows["podsummaries"]["blue", "web-1-x"]["status"]["workloadRef"] == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "name": "web",
        "uid": "deployments-blue-web-0",
    }
    assert [name for _, name in rows["workloadsummaries"]] == ["deployment.web"]
    assert rows["workloadsummaries"]["blue", "deployment.web"]["status"]["pods"]["total"] == 1
