"""Pending reasons, parsed from the messages of the scheduler."""

import msgspec
import pytest

from kubesum.kube.objects import Pod
from kubesum.semantics.pods.pending import pending_reasons


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
        ('0/5 nodes are available: persistentvolumeclaim "data" not found.', (("Other", 5),)),
        ('0/5 nodes are available: 5 "x".', (("Other", 5),)),
        ("no nodes available to schedule pods", (("no nodes available to schedule pods", 0),)),
        ("something else", (("Other", 0),)),
        ("", (("Other", 0),)),
    ],
)
def test_the_schedulers_message_is_parsed_into_node_counts_by_reason(
    message: str, reasons: tuple[tuple[str, int], ...]
) -> None:
    assert pending_reasons(pending("Unschedulable", message)) == reasons


@pytest.mark.parametrize(
    ("reason", "known"),
    [("SchedulingGated", "SchedulingGated"), ("SchedulerError", "SchedulerError"), ("Custom", "Other")],
)
def test_reasons_that_are_not_about_nodes_count_none(reason: str, known: str) -> None:
    assert pending_reasons(pending(reason, "0/3 nodes are available: 3 Insufficient cpu.")) == ((known, 0),)


@pytest.mark.parametrize(
    "pod",
    [
        pending("Unschedulable", node="node-1"),
        pending("Unschedulable", phase="Failed"),
        pending("", status="True"),
        Pod(metadata=pending("").metadata),
    ],
)
def test_a_scheduled_or_finished_pod_has_no_pending_reason(pod: Pod) -> None:
    assert pending_reasons(pod) == ()
