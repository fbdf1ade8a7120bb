"""In-place resizes of pods (KEP-1287): what the kubelet says of them, and which of two rules the scheduler counts by.

The conditions are those of kubernetes/pkg/kubelet/status/status_manager.go; their types and reasons are declared in
k8s.io/api/core/v1/types.go (Kubernetes 1.36).
"""

import re
from collections.abc import Iterable
from enum import Enum
from sys import intern
from typing import Final

from kubesum.kube.objects.core import PodStatus
from kubesum.semantics.facts import Resize

DEFERRED: Final = "Deferred"
INFEASIBLE: Final = "Infeasible"

NO_RESIZE: Final = Resize()

_PENDING: Final = "PodResizePending"
_IN_PROGRESS: Final = "PodResizeInProgress"
# status.resize of Kubernetes 1.27 to 1.32.
_FORMER_PENDING: Final = frozenset({DEFERRED, INFEASIBLE})
_FORMER_IN_PROGRESS: Final = "InProgress"

_VERSION: Final = re.compile(r"v?([0-9]{1,9})\.([0-9]{1,9})")
_FIRST_PER_POD: Final = (1, 37)


class ResizeRule(Enum):
    """How k8s.io/component-helpers/resource/helpers.go adds up a pod of which something is resized."""

    PER_CONTAINER = "per container"
    """Up to 1.36: the sum of the largest of the desired, allocated and actual amounts of each container."""
    PER_POD = "per pod"
    """From 1.37: the largest of the sums of the desired, the allocated and the actual amounts of all containers."""


def resize_rule(version: str) -> ResizeRule:
    """The rule of a scheduler of this version, such as `1.37+` or `v1.36.2`; of an unreadable one, the newest."""
    return _rule_from(_parsed(version))


def resize_rule_beside(kubelet_versions: Iterable[str]) -> ResizeRule:
    """The rule of the scheduler of a cluster with kubelets of these versions.

    A kubelet is never newer than its control plane, so the newest one says most (Kubernetes' version skew policy).
    """
    return _rule_from(max(filter(None, map(_parsed, kubelet_versions)), default=None))


def resize_of(status: PodStatus) -> Resize:
    """What the conditions of a pod say of its resize."""
    pending, in_progress = "", False
    for condition in status.conditions:
        if condition.type == _PENDING and condition.status == "True":
            pending = pending or intern(condition.reason)
        elif condition.type == _IN_PROGRESS and condition.status == "True":
            in_progress = True
    if status.resize:
        pending = pending or (status.resize if status.resize in _FORMER_PENDING else "")
        in_progress |= status.resize == _FORMER_IN_PROGRESS
    return Resize(pending, in_progress) if pending or in_progress else NO_RESIZE


def is_infeasible(status: PodStatus) -> bool:
    """Whether the node can never make the pending resize, so that the desired amounts do not count.

    Like IsPodResizeInfeasible of helpers.go, it reads the reason of the first such condition, and not its status.
    """
    for condition in status.conditions:
        if condition.type == _PENDING:
            return condition.reason == INFEASIBLE
    return False


def _rule_from(version: tuple[int, int] | None) -> ResizeRule:
    return ResizeRule.PER_CONTAINER if version is not None and version < _FIRST_PER_POD else ResizeRule.PER_POD


def _parsed(version: str) -> tuple[int, int] | None:
    match = _VERSION.match(version)
    return (int(match[1]), int(match[2])) if match else None
