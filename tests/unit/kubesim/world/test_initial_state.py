"""The initial state of a simulated cluster."""

import pytest

from tests.unit.kubesim.world.simulatedworld import WATCHED, SimulatedWorld, is_live, owner_uid, simulated, status_of


@pytest.fixture(scope="module")
def default_world() -> SimulatedWorld:
    """The default cluster of the demo in its initial state; tests do not change it."""
    return simulated()


@pytest.mark.parametrize(("nodes", "pods"), [(30, 600), (8, 150), (3, 20), (1, 0), (0, 0), (4, 1000), (100, 3000)])
def test_a_world_has_exactly_the_requested_nodes_and_pods(nodes: int, pods: int) -> None:
    world = simulated(nodes=nodes, pods=pods)

    assert (len(world.store.list("nodes")), len(world.store.list("pods"))) == (nodes, pods)


def test_worlds_of_one_seed_are_equal_and_those_of_another_differ() -> None:
    one, same, other = simulated(seed=3, steps=300), simulated(seed=3, steps=300), simulated(seed=4, steps=300)

    for resource in WATCHED:
        assert [x.body for x in one.store.list(resource)] == [x.body for x in same.store.list(resource)]
    assert [x.name for x in one.store.list("pods")] != [x.name for x in other.store.list("pods")]


def test_a_pod_on_a_node_takes_between_6_and_10_kilobytes() -> None:
    pods = simulated(steps=1000).store.list("pods")
    sizes = [len(stored.body) for stored in pods if stored.fields["spec.nodeName"]]

    assert min(sizes) >= 6_000
    assert max(sizes) <= 10_240
    assert 7_500 < sum(sizes) // len(sizes) < 9_000


def test_every_pod_status_occurs(default_world: SimulatedWorld) -> None:
    assert {status_of(pod) for pod in default_world.store.list("pods")} >= {
        "Running",
        "Completed",
        "Error",
        "Evicted",
        "Pending",
        "SchedulingGated",
        "ContainerCreating",
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "CreateContainerConfigError",
        "Init:0/1",
        "Init:CrashLoopBackOff",
        "NotReady",
        "NodeLost",
        "Terminating",
    }


def test_every_kind_of_owner_occurs(default_world: SimulatedWorld) -> None:
    references = {
        (one["apiVersion"], one["kind"])
        for pod in default_world.objects("pods")
        for one in pod["metadata"].get("ownerReferences", [{"apiVersion": "", "kind": "nobody"}])
    }

    assert references == {
        ("", "nobody"),
        ("apps/v1", "ReplicaSet"),
        ("apps/v1", "StatefulSet"),
        ("apps/v1", "DaemonSet"),
        ("batch/v1", "Job"),
        ("v1", "Node"),
        ("postgres.example.com/v1", "Cluster"),
        ("actions.github.com/v1alpha1", "EphemeralRunner"),
    }


@pytest.mark.parametrize(
    ("resource", "parents"),
    [("replicasets", {"Deployment", "Rollout", "nobody"}), ("jobs", {"CronJob", "JobSet", "nobody"})],
)
def test_replica_sets_and_jobs_have_owners_of_several_kinds(
    default_world: SimulatedWorld, resource: str, parents: set[str]
) -> None:
    nobody = [{"kind": "nobody"}]

    found = {one["metadata"].get("ownerReferences", nobody)[0]["kind"] for one in default_world.objects(resource)}

    assert found == parents


def test_every_form_of_requests_occurs(default_world: SimulatedWorld) -> None:
    pods = list(default_world.pods())
    asked = {name for pod in pods for one in pod.spec.containers for name in one.resources.requests or ()}
    conditions = {(one.type, one.reason) for pod in pods for one in pod.status.conditions}

    assert asked == {"cpu", "memory", "ephemeral-storage", "hugepages-2Mi", "nvidia.com/gpu", "example.com/fpga"}
    assert {pod.status.qos_class for pod in pods} == {"Guaranteed", "Burstable", "BestEffort"}
    assert any(pod.spec.overhead for pod in pods)
    assert any(pod.spec.resources.requests for pod in pods)
    assert any(one.restart_policy == "Always" for pod in pods for one in pod.spec.init_containers)
    assert any(pod.spec.ephemeral_containers for pod in pods)
    assert {("PodResizeInProgress", ""), ("PodResizePending", "Infeasible")} <= conditions


def test_nodes_have_several_zones_versions_conditions_and_taints(default_world: SimulatedWorld) -> None:
    nodes = default_world.objects("nodes")
    states = [tuple(one["status"] for one in node["status"]["conditions"]) for node in nodes]

    assert {one["metadata"]["labels"]["topology.kubernetes.io/zone"][-1] for one in nodes} == {"a", "b", "c"}
    assert {one["status"]["nodeInfo"]["kubeletVersion"] for one in nodes} == {"v1.36.1", "v1.35.4"}
    assert sum(one["spec"].get("unschedulable", False) for one in nodes) == 1
    assert states.count(("Unknown", "Unknown", "Unknown", "Unknown")) == 1
    assert states.count(("True", "False", "False", "True")) == 1
    assert {taint["key"] for one in nodes for taint in one["spec"].get("taints", [])} == {
        "node-role.kubernetes.io/control-plane",
        "nvidia.com/gpu",
        "spot",
        "node.kubernetes.io/unschedulable",
        "node.kubernetes.io/unreachable",
        "node.kubernetes.io/memory-pressure",
    }


def test_images_have_tags_digests_both_or_neither(default_world: SimulatedWorld) -> None:
    images = {one.image for pod in default_world.pods() for one in pod.spec.containers}

    assert {
        "nginx",
        "alpine",
        "acme/search:latest",
        "library/redis:8.2",
        "registry.example.com:5000/payments/gateway:2.19",
        "quay.io/acme/feed@sha256:" + "5f" * 32,
        "registry.example.com:5000/ml/trainer:nightly@sha256:" + "c3" * 32,
    } <= images


def test_a_pending_pod_has_the_message_of_the_scheduler(default_world: SimulatedWorld) -> None:
    pod = next(one for one in default_world.objects("pods") if one["metadata"]["name"].startswith("giant-"))

    condition = pod["status"]["conditions"][0]

    assert (condition["type"], condition["status"], condition["reason"]) == ("PodScheduled", "False", "Unschedulable")
    assert condition["message"] == (
        "0/30 nodes are available: 27 Insufficient nvidia.com/gpu, 3 node(s) had untolerated taint "
        "{node-role.kubernetes.io/control-plane: }. preemption: 0/30 nodes are available: 27 No preemption "
        "victims found for incoming pod, 3 Preemption is not helpful for scheduling."
    )


def test_some_namespaces_are_empty_and_one_is_terminating(default_world: SimulatedWorld) -> None:
    used = {one["metadata"]["namespace"] for one in default_world.objects("pods")}
    phases = {one["metadata"]["name"]: one["status"]["phase"] for one in default_world.objects("namespaces")}

    assert {"empty", "kube-public"} <= phases.keys() - used
    assert [name for name, phase in phases.items() if phase == "Terminating"] == ["staging-42"]


def test_only_pods_bound_by_hand_run_where_there_is_no_node(default_world: SimulatedWorld) -> None:
    assert default_world.orphans() == {"batch-import", "batch-retry"}


def test_nodes_are_well_utilized_and_not_equally(default_world: SimulatedWorld) -> None:
    shares = [100 * used["cpu"] // allocatable["cpu"] for allocatable, used in default_world.reserved().values()]

    assert max(shares) <= 100
    assert min(shares) < 30
    assert 40 <= sum(shares) // len(shares) <= 70


def test_pods_are_no_older_than_their_nodes(default_world: SimulatedWorld) -> None:
    born = {one["metadata"]["name"]: one["metadata"]["creationTimestamp"] for one in default_world.objects("nodes")}
    pods = [one for one in default_world.objects("pods") if one["spec"].get("nodeName") in born and is_live(one)]

    assert min(born.values()) == "2025-10-12T12:00:00Z"
    assert max(one["metadata"]["creationTimestamp"] for one in pods) <= "2026-01-20T12:00:00Z"
    assert [
        one["metadata"]["name"]
        for one in pods
        if one["metadata"]["creationTimestamp"] < born[one["spec"]["nodeName"]]
    ] == []


def test_every_owner_of_a_stored_kind_exists(default_world: SimulatedWorld) -> None:
    uids = {one["metadata"]["uid"] for name in WATCHED for one in default_world.objects(name)}
    foreign = {"Cluster", "EphemeralRunner", "Rollout", "JobSet"}

    for name in ("pods", "replicasets", "jobs"):
        for one in default_world.objects(name):
            kinds = {reference["kind"] for reference in one["metadata"].get("ownerReferences", [])}
            assert kinds <= foreign or owner_uid(one) in uids


def test_without_nodes_every_pod_is_pending() -> None:
    phases = {one["status"]["phase"] for one in simulated(nodes=0, pods=12).objects("pods")}

    assert phases == {"Pending"}
