"""Pending reasons, parsed from the messages of the scheduler."""

import msgspec
import pytest

from kubesum.kube.objects.core import Pod
from kubesum.semantics.pods.pending import pending_reasons
from tests.computation import JsonObject


def pending(reason: str, message: str = "", phase: str = "Pending", node: str = "", status: str = "False") -> Pod:
    condition = {"type": "PodScheduled", "status": status, "reason": reason, "message": message}
    return msgspec.convert(
        {
            "metadata": {"name": "p"},
            "spec": {"nodeName": node},
            "status": {"phase": phase, "conditions": [{"type": "Ready", "status": "False"}, condition]},
        },
        Pod,
    )


@pytest.mark.parametrize(
    ("message", "reasons"),
    [
        ("0/3 nodes are available: 3 Insufficient cpu.", (("Insufficient cpu", 3),)),
        (
            "0/6 nodes are available: 1 Too many pods, 2 Insufficient memory, 3 node(s) were unschedulable. "
            "preemption: 0/6 nodes are available: 1 Preemption is not helpful for scheduling, "
            "5 No preemption victims found for incoming pod.",
            (("Insufficient memory", 2), ("Too many pods", 1), ("node(s) were unschedulable", 3)),
        ),
        (
            "0/4 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, "
            "2 node(s) had untolerated taint {dedicated: team a, b}, 1 Insufficient nvidia.com/gpu. "
            "no new claims to deallocate, preemption: 0/4 nodes are available: 4 Preemption is not helpful.",
            (("Insufficient nvidia.com/gpu", 1), ("node(s) had untolerated taint", 3)),
        ),
        (
            "0/2 nodes are available: 2 node(s) had taint {k: v}, that the pod didn't tolerate.",
            (("node(s) had taint, that the pod didn't tolerate", 2),),
        ),
        (
            "0/2 nodes are available: 1 node(s) didn't match pod topology spread constraints "
            "(missing required label), 1 node(s) didn't match Pod's node affinity/selector.",
            (
                ("node(s) didn't match Pod's node affinity/selector", 1),
                ("node(s) didn't match pod topology spread constraints (missing required label)", 1),
            ),
        ),
        (
            '0/2 nodes are available: 2 claim "data-0" needs 12.5Gi more of pool "fast".',
            (("claim needs more of pool", 2),),
        ),
        (
            "0/2 nodes are available: 2 ebs.csi.aws.com CSI driver is not installed on the node.",
            (("ebs.csi.aws.com CSI driver is not installed on the node", 2),),
        ),
        (
            "0/5 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/5 nodes "
            "are available: 5 Preemption is not helpful for scheduling.",
            (("pod has unbound immediate PersistentVolumeClaims", 5),),
        ),
        ('0/5 nodes are available: persistentvolumeclaim "data" not found.', (("Unschedulable", 5),)),
        ('0/5 nodes are available: 5 "x".', (("Unschedulable", 5),)),
        ("no nodes available to schedule pods", (("no nodes available to schedule pods", 0),)),
        ("something else", (("Unschedulable", 0),)),
        ("", (("Unschedulable", 0),)),
    ],
)
def test_the_schedulers_message_is_parsed_into_node_counts_by_reason(
    message: str, reasons: tuple[tuple[str, int], ...]
) -> None:
    assert pending_reasons(pending("Unschedulable", message)) == reasons


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("SchedulingGated", "SchedulingGated"),
        ("SchedulerError", "SchedulerError"),
        ("NotReadyForScheduling", "NotReadyForScheduling"),
        ("Custom", "Custom"),
        ("x" * 1_000, "x" * 128),
    ],
)
def test_reasons_of_the_condition_are_shown_as_they_are(reason: str, shown: str) -> None:
    """Those that were not known were shown as Other."""
    assert pending_reasons(pending(reason, "0/3 nodes are available: 3 Insufficient cpu.")) == ((shown, 0),)


GATED = {"schedulingGates": [{"name": "x"}]}
GROUPED = {"schedulingGroup": {"podGroupName": "gang"}}


@pytest.mark.parametrize(
    ("spec", "conditions", "reason"),
    [
        ({}, [], "NotYetScheduled"),
        (GATED, [], "SchedulingGated"),
        (GROUPED, [], "WaitingForPodGroup"),
        ({"workloadRef": {"name": "w", "podGroup": "gang"}}, [], "WaitingForPodGroup"),
        ({**GATED, **GROUPED}, [], "SchedulingGated"),
        ({"schedulingGroup": {}}, [], "NotYetScheduled"),
        ({}, [{"type": "PodScheduled", "status": "Unknown"}], "NotYetScheduled"),
        ({}, [{"type": "PodScheduled", "status": "True"}], "NotYetScheduled"),
        (GROUPED, [{"type": "PodScheduled", "status": "False"}], "WaitingForPodGroup"),
        ({}, [{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}], "SchedulingGated"),
    ],
)
@pytest.mark.parametrize("phase", ["Pending", ""])
def test_a_pod_that_the_scheduler_has_not_tried_waits_for_what_its_spec_says(
    phase: str, spec: JsonObject, conditions: list[JsonObject], reason: str
) -> None:
    """Pods rejected in PreEnqueue get no condition by design: they were pending for no reason."""
    status = {"phase": phase, "conditions": conditions}
    pod = msgspec.convert({"metadata": {"name": "p"}, "spec": spec, "status": status}, Pod)

    assert pending_reasons(pod) == ((reason, 0),)


@pytest.mark.parametrize(
    "pod",
    [
        pending("Unschedulable", node="node-1"),
        pending("Unschedulable", phase="Failed"),
        pending("", phase="Succeeded", status="Unknown"),
    ],
)
def test_a_scheduled_or_finished_pod_has_no_pending_reason(pod: Pod) -> None:
    assert pending_reasons(pod) == ()
