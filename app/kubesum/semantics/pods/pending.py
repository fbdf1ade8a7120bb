"""Reasons why a pod is pending, parsed from the scheduler's message.

The message (FitError.Error of kubernetes/pkg/scheduler/framework/types.go) holds node counts and reasons with names,
quantities and taints. These are removed from the reasons, so that they can be counted over many pods, and shown to
users who may not read the objects that they name.
"""

import re
from collections import Counter
from functools import lru_cache
from typing import Final

from kubesum.kube.objects.core import Pod, PodSpec
from kubesum.semantics.pods.status import SCHEDULING_GATED, is_active

UNSCHEDULABLE: Final = "Unschedulable"
WAITING_FOR_POD_GROUP: Final = "WaitingForPodGroup"
NOT_YET_SCHEDULED: Final = "NotYetScheduled"
OTHER: Final = "Other"
"""The sum of the reasons beyond the most frequent ones."""

Pending = tuple[tuple[str, int], ...]
"""(reason, number of nodes with it), sorted; 0 nodes if the reason is not about nodes."""

_LONGEST_REASON: Final = 128
"""Characters of a condition's reason that are shown."""
# Messages that name no object: one of plugins/volumebinding, which stands in place of the counts because it holds
# on every node, and ErrNoNodesAvailable of kubernetes/pkg/scheduler/scheduler.go.
_SENTENCES: Final = frozenset(
    {"pod has unbound immediate PersistentVolumeClaims", "no nodes available to schedule pods"}
)
_LONGEST_CACHED: Final = 4096
# The scheduler gives a reason for each resource that no node has, and a pod may request thousands.
_MOST_REASONS: Final = 32
_HEAD: Final = re.compile(r"0/([0-9]{1,9}) nodes are available: ")
# A reason may contain a comma; the next reason begins with its count.
_NEXT_ITEM: Final = re.compile(r", (?=[0-9]+ )")
_ITEM: Final = re.compile(r"([0-9]{1,9}) (.+)", re.DOTALL)
_VALUES: Final = re.compile(r"""\{[^{}]*\}|"[^"]*"|(?<![\w./-])[0-9][0-9.]*(?:[kMGTPE]|[KMGTPE]i|m)?(?![\w./-])""")


def pending_reasons(pod: Pod) -> Pending:
    """Why a pod has no node; empty if it has one or is finished.

    The scheduler writes no condition for a pod that a PreEnqueue plugin rejects
    (kubernetes/pkg/scheduler/framework/plugins/gangscheduling, dynamicresources), nor before it first tries one. Its
    spec then gives the reason. Only scheduling gates get a condition, by kube-apiserver
    (kubernetes/pkg/registry/core/pod/strategy.go).
    """
    if pod.spec.node_name or not is_active(pod.status.phase):
        return ()
    condition = next((one for one in pod.status.conditions if one.type == "PodScheduled"), None)
    if condition is not None and condition.status == "False" and condition.reason:
        is_usual = len(condition.message) <= _LONGEST_CACHED
        return (_cached_reasons if is_usual else _reasons)(condition.reason[:_LONGEST_REASON], condition.message)
    return ((_before_scheduling(pod.spec), 0),)


def _before_scheduling(spec: PodSpec) -> str:
    if spec.scheduling_gates:
        return SCHEDULING_GATED
    is_in_group = spec.workload_ref is not None or spec.scheduling_group.pod_group_name
    return WAITING_FOR_POD_GROUP if is_in_group else NOT_YET_SCHEDULED


def _reasons(reason: str, message: str) -> Pending:
    if reason != UNSCHEDULABLE:
        return ((reason, 0),)
    head = _HEAD.search(message)
    if head is None:
        return ((_sentence(message.removesuffix(".")), 0),)
    # The text after the first full stop is about preemption.
    body = message[head.end() :].split(". ", 1)[0].removesuffix(".")
    counts: Counter[str] = Counter()
    for item in _NEXT_ITEM.split(body):
        counted = _ITEM.fullmatch(item)
        if counted is None:
            counts[_sentence(item)] += int(head[1])
        else:
            counts[_without_values(counted[2])] += int(counted[1])
    return tuple(sorted(_bounded(counts).items()))


def _bounded(counts: Counter[str]) -> Counter[str]:
    """The reasons with the most nodes, and the sum of all others as `Other`."""
    if len(counts) <= _MOST_REASONS:
        return counts
    ordered = sorted(counts.items(), key=lambda one: (one[0] == OTHER, -one[1], one[0]))
    kept = Counter(dict(ordered[: _MOST_REASONS - 1]))
    kept[OTHER] += sum(nodes for _, nodes in ordered[_MOST_REASONS - 1 :])
    return kept


_cached_reasons: Final = lru_cache(maxsize=1024)(_reasons)


def _sentence(text: str) -> str:
    return text if text in _SENTENCES else UNSCHEDULABLE


def _without_values(text: str) -> str:
    return " ".join(_VALUES.sub("", text).split()).replace(" ,", ",") or UNSCHEDULABLE
