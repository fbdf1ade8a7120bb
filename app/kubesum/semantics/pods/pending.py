"""Why a pod is pending, in words that many pods share.

The scheduler says it in a sentence with node counts, names and values: FitError.Error of
kubernetes/pkg/scheduler/framework/types.go. Here are the counts and the reasons; names, quantities and taints
are taken out, so that reasons can be counted over pods, and shown to people who may not read the objects that
they name.
"""

import re
from collections import Counter
from functools import lru_cache
from typing import Final

from kubesum.kube.objects import Pod
from kubesum.semantics.pods.status import SCHEDULING_GATED, is_active

OTHER: Final = "Other"

Pending = tuple[tuple[str, int], ...]
"""(reason, nodes refused for it), sorted; 0 nodes where nodes were not the reason."""

# PodReasonSchedulerError: the scheduler failed, the pod did not.
_KNOWN: Final = frozenset({SCHEDULING_GATED, "SchedulerError"})
# Sentences that name nothing: one of plugins/volumebinding, which stands where the counts would because it
# holds on every node, and ErrNoNodesAvailable of kubernetes/pkg/scheduler/scheduler.go.
_SENTENCES: Final = frozenset(
    {"pod has unbound immediate PersistentVolumeClaims", "no nodes available to schedule pods"}
)
_HEAD: Final = re.compile(r"0/([0-9]{1,9}) nodes are available: ")
# A reason may hold a comma itself; the next one begins with its count.
_NEXT_ITEM: Final = re.compile(r", (?=[0-9]+ )")
_ITEM: Final = re.compile(r"([0-9]{1,9}) (.+)", re.DOTALL)
_VALUES: Final = re.compile(r"""\{[^{}]*\}|"[^"]*"|(?<![\w./-])[0-9][0-9.]*(?:[kMGTPE]|[KMGTPE]i|m)?(?![\w./-])""")


def pending_reasons(pod: Pod) -> Pending:
    """Why no node was found for a pod; empty where one was, where none is needed, and before the first try."""
    if pod.spec.node_name or not is_active(pod.status.phase):
        return ()
    for condition in pod.status.conditions:
        if condition.type == "PodScheduled" and condition.status == "False":
            return _reasons(condition.reason, condition.message)
    return ()


@lru_cache(maxsize=1024)
def _reasons(reason: str, message: str) -> Pending:
    if reason in _KNOWN:
        return ((reason, 0),)
    head = _HEAD.search(message)
    if reason != "Unschedulable" or head is None:
        return ((_sentence(message.removesuffix(".")), 0),)
    # What follows the first full stop is about preemption: the attempt, not the reason.
    body = message[head.end() :].split(". ", 1)[0].removesuffix(".")
    counts: Counter[str] = Counter()
    for item in _NEXT_ITEM.split(body):
        counted = _ITEM.fullmatch(item)
        if counted is None:
            counts[_sentence(item)] += int(head[1])
        else:
            counts[_without_values(counted[2])] += int(counted[1])
    return tuple(sorted(counts.items()))


def _sentence(text: str) -> str:
    return text if text in _SENTENCES else OTHER


def _without_values(text: str) -> str:
    return " ".join(_VALUES.sub("", text).split()).replace(" ,", ",") or OTHER
