"""In-place resizes of pods (KEP-1287), and by which of two rules the scheduler counts them."""

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

from kubesum.kube.objects import PodStatus

INFEASIBLE: Final = "Infeasible"

_PENDING: Final = "PodResizePending"

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
