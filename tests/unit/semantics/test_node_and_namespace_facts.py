"""The transforms of nodes and namespaces."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from kubesum.kube.objects.core import Namespace, Node
from kubesum.semantics.facts import NamespaceFacts, NodeFacts
from kubesum.semantics.interner import Interner
from kubesum.semantics.nodes import namespace_facts, node_facts
from kubesum.vocabulary.errors import ObjectError


def facts(
    labels: dict[str, str] | None = None, spec: dict[str, Any] | None = None, status: dict[str, Any] | None = None
) -> NodeFacts:
    node = {"metadata": {"name": "n", "labels": labels or {}}, "spec": spec or {}, "status": status or {}}
    return node_facts(msgspec.convert(node, Node), Interner())


def test_the_facts_of_a_node() -> None:
    node = msgspec.json.decode(
        b"""{
          "metadata": {"name": "gpu-a-01", "uid": "u", "creationTimestamp": "2026-01-02T03:04:05Z",
                       "labels": {"topology.kubernetes.io/zone": "a", "node-role.kubernetes.io/worker": ""}},
          "spec": {"unschedulable": true, "taints": [{"key": "gpu", "effect": "NoSchedule"}]},
          "status": {"capacity": {"cpu": "4", "memory": "8Gi"},
                     "allocatable": {"cpu": "3920m", "memory": "7Gi", "hugepages-2Mi": "0"},
                     "conditions": [{"type": "Ready", "status": "True"}, {"type": "DiskPressure", "status": "True"},
                                    {"type": "MemoryPressure", "status": "False"}],
                     "nodeInfo": {"kubeletVersion": "v1.36.1"}}}""",
        type=Node,
    )

    found = node_facts(node, Interner())

    assert (found.name, found.uid, found.zone) == ("gpu-a-01", "u", "a")
    assert found.created == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert found.labels == {"topology.kubernetes.io/zone": "a", "node-role.kubernetes.io/worker": ""}
    assert (found.ready, found.unschedulable) == ("True", True)
    assert found.kubelet_version == "v1.36.1"
    assert found.capacity.quantities() == {"cpu": "4", "memory": "8Gi"}
    assert found.allocatable.quantities() == {"cpu": "3920m", "hugepages-2Mi": "0", "memory": "7Gi"}


def test_capacity_counts_as_allocatable_if_the_status_has_none() -> None:
    assert facts(status={"capacity": {"cpu": "4"}}).allocatable.quantities() == {"cpu": "4"}


@pytest.mark.parametrize(
    ("conditions", "cordoned", "ready", "shown"),
    [
        ([], False, "Unknown", "Unknown"),
        ([], True, "Unknown", "Unknown,SchedulingDisabled"),
        ([{"type": "MemoryPressure", "status": "False"}], True, "Unknown", "Unknown,SchedulingDisabled"),
        ([{"type": "Ready", "status": "True"}], False, "True", "Ready"),
        ([{"type": "Ready", "status": "True"}], True, "True", "Ready,SchedulingDisabled"),
        ([{"type": "Ready", "status": "False"}], True, "False", "NotReady,SchedulingDisabled"),
        ([{"type": "Ready", "status": "Unknown"}], False, "Unknown", "NotReady"),
        ([{"type": "Ready", "status": ""}], False, "Unknown", "NotReady"),
        ([{"type": "Ready", "status": "True"}, {"type": "Ready", "status": "False"}], False, "False", "NotReady"),
    ],
)
def test_a_node_is_shown_as_kubectl_shows_it(
    conditions: list[dict[str, str]], cordoned: bool, ready: str, shown: str
) -> None:
    """Without a condition Ready it was NotReady."""
    found = facts(spec={"unschedulable": cordoned}, status={"conditions": conditions})

    assert (found.ready, found.reason) == (ready, shown)


@pytest.mark.parametrize(
    ("type_", "status", "is_problem"),
    [
        ("EtcdIsVoter", "True", False),
        ("EtcdIsVoter", "False", True),
        ("NetworkingReady", "True", False),
        ("NetworkingReady", "False", True),
        ("NetworkingReady", "Unknown", False),
        ("MemoryPressure", "Unknown", False),
        ("KubeletUnhealthy", "True", True),
        ("ContainerRuntimeUnhealthy", "False", False),
        ("NetworkUnavailable", "True", True),
        ("NodeNotReady", "True", True),
        ("ReadonlyFilesystem", "True", True),
        ("OVSDBHealthy", "True", False),
        ("KubeletTCPReachable", "False", True),
        ("clusterhealthmonitor.azure.com/NodeHealthy", "False", True),
        ("clusterhealthmonitor.azure.com/NodeHealthy", "True", False),
        ("ecs-node-controller", "True", True),
        ("VMEventScheduled", "True", True),
        ("ConfigOK", "False", True),
        ("NodeUp", "True", False),
        ("READY", "True", False),
        ("", "True", True),
        ("SysctlConfigured", "True", False),
        ("GPUDriverInstalled", "False", True),
        ("KernelUpToDate", "True", False),
        ("KernelOutOfDate", "True", True),
        ("UpdateAvailable", "False", False),
        ("DiskAttested", "True", False),
    ],
)
def test_a_condition_is_a_problem_unless_it_is_in_the_state_that_its_name_wishes_for(
    type_: str, status: str, is_problem: bool
) -> None:
    """EtcdIsVoter=True, good news, was a problem."""
    found = facts(status={"conditions": [{"type": type_, "status": status}]})

    assert found.problems == ((type_,) if is_problem else ())


def test_problems_are_the_other_conditions_that_hold_in_order_of_name() -> None:
    conditions = [
        {"type": "Ready", "status": "True"},
        {"type": "PIDPressure", "status": "True"},
        {"type": "KernelDeadlock", "status": "True"},
        {"type": "DiskPressure", "status": "Unknown"},
    ]

    assert facts(status={"conditions": conditions}).problems == ("KernelDeadlock", "PIDPressure")


@pytest.mark.parametrize(
    ("labels", "roles"),
    [
        ({}, ()),
        ({"node-role.kubernetes.io/": ""}, ()),
        ({"kubernetes.io/role": ""}, ()),
        (
            {"node-role.kubernetes.io/worker": "", "node-role.kubernetes.io/control-plane": "x"},
            ("control-plane", "worker"),
        ),
        ({"kubernetes.io/role": "infra", "node-role.kubernetes.io/infra": ""}, ("infra",)),
    ],
)
def test_roles_come_from_labels(labels: dict[str, str], roles: tuple[str, ...]) -> None:
    assert facts(labels).roles == roles


@pytest.mark.parametrize(
    ("effects", "tainted"),
    [
        ([], False),
        (["PreferNoSchedule"], False),
        (["NoSchedule"], True),
        (["PreferNoSchedule", "NoExecute"], True),
    ],
)
def test_a_node_is_tainted_by_no_schedule_and_no_execute(effects: list[str], tainted: bool) -> None:
    found = facts(spec={"taints": [{"key": "k", "effect": effect} for effect in effects]})

    assert (found.taints, found.tainted) == (len(effects), tainted)


def test_the_facts_of_a_namespace() -> None:
    namespace = msgspec.convert(
        {"metadata": {"name": "a", "uid": "u", "labels": {"team": "x"}}, "status": {"phase": "Terminating"}},
        Namespace,
    )

    assert namespace_facts(namespace, Interner()) == NamespaceFacts("a", "u", None, {"team": "x"}, "Terminating")


def test_an_object_without_a_name_is_invalid() -> None:
    with pytest.raises(ObjectError, match=r"metadata\.name is missing"):
        node_facts(msgspec.convert({"metadata": {}}, Node), Interner())
    with pytest.raises(ObjectError, match=r"metadata\.name is missing"):
        namespace_facts(msgspec.convert({"metadata": {}}, Namespace), Interner())
