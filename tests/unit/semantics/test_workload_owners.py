"""Owners of pods, and the names of WorkloadSummaries."""

import re
from typing import Any

import msgspec
import pytest

from kubesum.kube.objects.core import Pod
from kubesum.kube.objects.meta import Metadata
from kubesum.semantics.facts import OwnerFacts, PodFacts, Replicas, WorkloadRef
from kubesum.semantics.workloads.owners import Lookup, controller_of, immediate_owner, reference, row_name, topmost

SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


def owner_reference(kind: str, name: str, api_version: str = "apps/v1", controller: bool = True) -> dict[str, Any]:
    return {
        "apiVersion": api_version,
        "kind": kind,
        "name": name,
        "uid": f"{name}-uid",
        "controller": controller,
    }


def pod(owners: list[dict[str, Any]], annotations: dict[str, str] | None = None, node: str = "cp-01") -> Pod:
    return msgspec.convert(
        {
            "metadata": {
                "name": "etcd-cp-01",
                "uid": "pod-uid",
                "ownerReferences": owners,
                "annotations": annotations or {},
            },
            "spec": {"nodeName": node},
        },
        Pod,
    )


Link = tuple[str, str, str]
"""(apiVersion, kind, name) of an object."""

WEB: Link = ("apps/v1", "Deployment", "web")
REPLICA_SET: Link = ("apps/v1", "ReplicaSet", "web-1")
STATEFUL_SET: Link = ("apps/v1", "StatefulSet", "db")
CRON_JOB: Link = ("batch/v1", "CronJob", "nightly")
JOB: Link = ("batch/v1", "Job", "nightly-1")
ROLLOUT: Link = ("argoproj.io/v1alpha1", "Rollout", "canary")
DATABASE: Link = ("db.example/v1", "Database", "orders")


def ref(link: Link) -> WorkloadRef:
    return reference(*link, f"{link[2]}-uid")


def cache(controllers: dict[Link, Link | None]) -> Lookup:
    """A cache that holds these objects, each with its controller."""
    known: dict[str, OwnerFacts | PodFacts] = {
        ref(link).uid: OwnerFacts(
            namespace="ns",
            name=link[2],
            uid=ref(link).uid,
            created=None,
            labels={},
            ref=ref(link),
            controller=ref(above) if above else None,
            replicas=Replicas(),
        )
        for link, above in controllers.items()
    }
    return lambda asked: known.get(asked.uid)


def test_the_immediate_owner_is_the_controller() -> None:
    owners = [owner_reference("ConfigMap", "other", "v1", controller=False), owner_reference("ReplicaSet", "web-1")]

    assert immediate_owner(pod(owners)) == WorkloadRef(
        "apps/v1", "ReplicaSet", "web-1", "web-1-uid", "replicaset.web-1"
    )


@pytest.mark.parametrize("owners", [[], [owner_reference("ReplicaSet", "web-1", controller=False)]])
def test_a_pod_without_a_controller_is_its_own_workload(owners: list[dict[str, Any]]) -> None:
    assert immediate_owner(pod(owners)) == WorkloadRef("v1", "Pod", "etcd-cp-01", "pod-uid", "pod.etcd-cp-01")


@pytest.mark.parametrize(
    "mirror",
    [
        pod([owner_reference("Node", "cp-01", "v1")]),
        pod([], {"kubernetes.io/config.mirror": "hash"}),
        pod([owner_reference("Node", "cp-01", "v1")], {"kubernetes.io/config.mirror": ""}),
    ],
)
def test_the_owner_of_a_mirror_pod_is_its_manifest(mirror: Pod) -> None:
    assert immediate_owner(mirror) == WorkloadRef("v1", "StaticPod", "etcd", "", "staticpod.etcd")


def test_a_static_pod_whose_name_lacks_the_node_keeps_its_name() -> None:
    assert immediate_owner(pod([owner_reference("Node", "x", "v1")], node="other")).name == "etcd-cp-01"


def test_a_node_of_another_group_is_no_node() -> None:
    found = immediate_owner(pod([owner_reference("Node", "n", "mesh.example/v1")]))

    assert (found.kind, found.name) == ("Node", "n")


def test_the_controller_of_an_owner_is_a_reference_too() -> None:
    metadata = msgspec.convert({"ownerReferences": [owner_reference("Deployment", "web")]}, Metadata)

    assert controller_of(metadata) == WorkloadRef("apps/v1", "Deployment", "web", "web-uid", "deployment.web")
    assert controller_of(Metadata()) is None


@pytest.mark.parametrize(
    ("start", "known", "top"),
    [
        (REPLICA_SET, {REPLICA_SET: None}, REPLICA_SET),
        (REPLICA_SET, {REPLICA_SET: WEB, WEB: None}, WEB),
        (REPLICA_SET, {REPLICA_SET: WEB, WEB: DATABASE}, WEB),
        (REPLICA_SET, {REPLICA_SET: ROLLOUT}, ROLLOUT),
        (JOB, {JOB: None}, JOB),
        (JOB, {JOB: CRON_JOB, CRON_JOB: None}, CRON_JOB),
        (JOB, {JOB: CRON_JOB, CRON_JOB: DATABASE}, CRON_JOB),
        (JOB, {JOB: DATABASE}, DATABASE),
        (STATEFUL_SET, {STATEFUL_SET: DATABASE}, STATEFUL_SET),
        (STATEFUL_SET, {STATEFUL_SET: WEB, WEB: None}, WEB),
        (DATABASE, {}, DATABASE),
    ],
)
def test_the_topmost_owner_ends_the_chain_of_controllers(
    start: Link, known: dict[Link, Link | None], top: Link
) -> None:
    assert topmost(ref(start), cache(known), "pod-uid") == ref(top)


@pytest.mark.parametrize(("known", "top"), [({}, REPLICA_SET), ({REPLICA_SET: WEB}, WEB), ({WEB: None}, REPLICA_SET)])
def test_an_owner_that_is_not_in_the_cache_ends_the_chain(known: dict[Link, Link | None], top: Link) -> None:
    assert topmost(ref(REPLICA_SET), cache(known), "pod-uid") == ref(top)


def test_a_replicaset_of_another_group_is_passed_through_only_to_a_watched_kind() -> None:
    other: Link = ("cluster.x-k8s.io/v1beta1", "ReplicaSet", "web-1")

    assert topmost(ref(other), cache({other: DATABASE}), "pod-uid") == ref(other)


def test_owners_that_control_each_other_are_workloads_of_their_own() -> None:
    first: Link = ("batch/v1", "Job", "a")
    second: Link = ("batch/v1", "Job", "b")
    known = cache({first: second, second: first})

    assert topmost(ref(first), known, "a-uid") == ref(first)
    assert topmost(ref(second), known, "pod-uid") == ref(second)


@pytest.mark.parametrize(("length", "top"), [(8, "r7"), (9, "r0"), (5_000, "r0")])
def test_a_chain_longer_than_eight_owners_is_not_followed(length: int, top: str) -> None:
    links: list[Link] = [("apps/v1", "ReplicaSet", f"r{number}") for number in range(length)]
    known = cache(dict(zip(links, [*links[1:], None], strict=True)))

    assert topmost(ref(links[0]), known, "pod-uid").name == top


def test_an_owner_without_a_uid_is_not_looked_up() -> None:
    static = reference("v1", "StaticPod", "etcd", "")

    assert topmost(static, lambda _: cache({WEB: None})(ref(WEB)), "pod-uid") == static


@pytest.mark.parametrize(
    ("api_version", "kind", "name", "row"),
    [
        ("apps/v1", "Deployment", "coredns", "deployment.coredns"),
        ("apps/v1beta1", "StatefulSet", "db", "statefulset.db"),
        ("batch/v1", "CronJob", "nightly", "cronjob.nightly"),
        ("v1", "ReplicationController", "old", "replicationcontroller.old"),
        ("v1", "StaticPod", "haproxy", "staticpod.haproxy"),
        ("v1", "Pod", "debug", "pod.debug"),
        ("apps/v1", "Deployment", "Odd_Name-", "deployment.odd-name"),
        (
            "argoproj.io/v1alpha1",
            "Rollout",
            "web",
            "rollout.argoproj.io.web-51d3543c65",
        ),
        ("batch.volcano.sh/v1alpha1", "Job", "train", "job.batch.volcano.sh.train-acb3ac14ac"),
        ("x.example/v1", "K", "_", "k.x.example-e62847d0b1"),
    ],
)
def test_rows_are_named_after_kind_and_name_and_foreign_ones_also_after_group(
    api_version: str, kind: str, name: str, row: str
) -> None:
    assert row_name(api_version, kind, name) == row
    assert SUBDOMAIN.fullmatch(row)


def test_a_reference_whose_name_has_no_letter_has_a_row_of_its_own() -> None:
    """Its row had no name, and nobody could get it."""
    found = [row_name("v1", kind, name) for kind, name in ((".", "."), ("Pod", "-"), (".", "pod"), ("_", "_"))]

    assert [row.rpartition("-")[0] for row in found] == ["", "pod", "pod", ""]
    assert len(set(found)) == 4


@pytest.mark.parametrize(("api_version", "kind"), [("v1", "Pod"), ("longhorn.io/v1beta2", "InstanceManager")])
def test_long_names_are_cut_and_distinguished_by_a_hash(api_version: str, kind: str) -> None:
    first = row_name(api_version, kind, "a" * 230 + "." * 10 + "b" * 20)
    second = row_name(api_version, kind, "a" * 230 + "." * 10 + "b" * 21)

    assert len(first) <= 253
    assert first != second
    assert SUBDOMAIN.fullmatch(first)
    assert re.search(r"-[0-9a-f]{10}$", first)
