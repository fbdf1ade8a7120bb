"""STATUS, READY and RESTARTS of a pod as `kubectl get pods` shows them, and whether that status is healthy.

`displayed` follows printPod of kubernetes/pkg/printers/internalversion/printers.go (Kubernetes 1.36). Its cases have
the same order, which decides the status of a pod with several problems. Times are kept as times; ages are computed
when a Table is written.
"""

import re
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Final

import msgspec

from kubesum.kube.objects.core import ContainerStatus, Pod, PodStatus, Terminated
from kubesum.semantics.pods.podresources import is_sidecar

SUCCEEDED: Final = "Succeeded"
FAILED: Final = "Failed"
UNKNOWN: Final = "Unknown"
SCHEDULING_GATED: Final = "SchedulingGated"

_VARIABLE_TAIL: Final = re.compile(r":-?[0-9]+(?:/[0-9]+)?$")
_LONGEST_CLASS: Final = 128
"""Characters of a reason class; Kubernetes' own reasons have at most 32."""
# Reasons that need attention and have no ending that says so. Waiting reasons of kubelet 1.36:
# pkg/kubelet/images/types.go, container/sync_result.go, kuberuntime/kuberuntime_container.go; cri-api/pkg/errors.
_BAD: Final = frozenset(
    {
        "InvalidImageName",
        "RegistryUnavailable",
        "SignatureValidationFailed",
        "ContainerCannotRun",
        "ContainerStatusUnknown",
        "OOMKilled",
        "ExitCode",
        "Signal",
    }
)
_BAD_ENDINGS: Final = ("Error", "BackOff")
_BAD_BEGINNING: Final = "Err"


class Displayed(msgspec.Struct, frozen=True, gc=False):
    """The cells STATUS, READY and RESTARTS of one pod."""

    reason: str
    ready: int
    """Containers that are ready, sidecars included."""
    total: int
    restarts: int
    last_restart: datetime | None
    """End of the run before the last restart; None without restarts or without that time in the status."""


class _Initialization(msgspec.Struct, frozen=True, gc=False):
    """The progress of a pod's init containers."""

    blocked_by: str = ""
    """STATUS of the pod if an init container has not completed or started; else empty."""
    seen: Sequence[ContainerStatus] = ()
    """The init containers up to the one that blocks."""
    sidecars: Sequence[ContainerStatus] = ()
    """Those of them that are sidecars."""
    ready: int = 0
    """Sidecars that are ready."""
    total: int = 0
    """Sidecars in the spec."""


_NO_INITIALIZATION: Final = _Initialization()


def is_active(phase: str) -> bool:
    """Whether a pod is active: neither Succeeded nor Failed, so that it holds, or will hold, resources of a node."""
    return phase not in (SUCCEEDED, FAILED)


def is_ready(status: PodStatus) -> bool:
    """Whether the condition Ready is True."""
    return any([one.type == "Ready" and one.status == "True" for one in status.conditions])


def displayed(pod: Pod) -> Displayed:
    """STATUS, READY and RESTARTS of a pod."""
    status = pod.status
    reason = _overall_reason(status)
    # printPod iterates over init container statuses, even if the spec has no init containers.
    has_inits = pod.spec.init_containers or status.init_container_statuses
    init = _initialization(pod) if has_inits else _NO_INITIALIZATION
    if init.blocked_by and not _is_initialized(status):
        reason, ready, counted = init.blocked_by, 0, init.seen
    else:
        reason, ready = _running_reason(status, init.blocked_by or reason)
        counted = [*status.container_statuses, *init.sidecars]
    restarts = sum([one.restart_count for one in counted])
    return Displayed(
        _deletion_reason(pod) or reason,
        init.ready + ready,
        init.total + len(pod.spec.containers),
        restarts,
        _last_end(counted) if restarts else None,
    )


def _overall_reason(status: PodStatus) -> str:
    for condition in status.conditions:
        if condition.type == "PodScheduled" and condition.reason == SCHEDULING_GATED:
            return SCHEDULING_GATED
    return status.reason or status.phase


def _initialization(pod: Pod) -> _Initialization:
    names = {one.name for one in pod.spec.init_containers if is_sidecar(one)}
    seen: list[ContainerStatus] = []
    ready = 0
    blocked_by = ""
    for index, container in enumerate(pod.status.init_container_statuses):
        seen.append(container)
        terminated = container.state.terminated
        if terminated is not None and terminated.exit_code == 0:
            continue
        if not (container.started and container.name in names):
            blocked_by = _init_reason(container, index, len(pod.spec.init_containers))
            break
        ready += container.ready
    return _Initialization(blocked_by, seen, [one for one in seen if one.name in names], ready, len(names))


def _init_reason(container: ContainerStatus, index: int, total: int) -> str:
    state = container.state
    if state.terminated is not None:
        return f"Init:{_end_reason(state.terminated)}"
    if state.waiting is not None and state.waiting.reason not in ("", "PodInitializing"):
        return f"Init:{state.waiting.reason}"
    return f"Init:{index}/{total}"


def _running_reason(status: PodStatus, reason: str) -> tuple[str, int]:
    """STATUS from the app containers, and how many of them are ready."""
    error = ""
    ready = 0
    # Last to first, so that the reason of the first container wins.
    for container in reversed(status.container_statuses):
        state = container.state
        if state.waiting is not None and state.waiting.reason:
            reason = state.waiting.reason
        elif state.terminated is not None:
            reason = _end_reason(state.terminated)
            error = reason if state.terminated.exit_code else error
        elif container.ready and state.running is not None:
            ready += 1
    return _without_completed(reason, error, ready > 0, status), ready


def _without_completed(reason: str, error: str, running: bool, status: PodStatus) -> str:
    """STATUS from the other containers if the reason is that one container completed."""
    if reason != "Completed":
        return reason
    if running and is_ready(status):
        return "Running"
    return error or ("NotReady" if running else reason)


def _end_reason(end: Terminated) -> str:
    if end.reason:
        return end.reason
    return f"Signal:{end.signal}" if end.signal else f"ExitCode:{end.exit_code}"


def _deletion_reason(pod: Pod) -> str:
    if pod.metadata.deletion_timestamp is None:
        return ""
    # pkg/util/node: the node lifecycle controller's reason for pods of an unreachable node.
    if pod.status.reason == "NodeLost":
        return UNKNOWN
    return "Terminating" if is_active(pod.status.phase) else ""


def _is_initialized(status: PodStatus) -> bool:
    for condition in status.conditions:
        if condition.type == "Initialized":
            return condition.status == "True"
    return False


def _last_end(containers: Sequence[ContainerStatus]) -> datetime | None:
    ends = [
        end.finished_at
        for one in containers
        if (end := one.last_state.terminated) is not None and end.finished_at is not None
    ]
    return max(ends, default=None)


def last_termination_reason(status: PodStatus) -> str:
    """The termination reason before the last restart, such as `OOMKilled`; empty without restarts or a reason.

    A container that ended and was not restarted does not count: the displayed status shows its reason.
    """
    latest: Terminated | None = None
    for one in (*status.container_statuses, *status.init_container_statuses):
        end = one.last_state.terminated
        if end is not None and (latest is None or _is_later(end, latest)):
            latest = end
    return "" if latest is None else latest.reason


def _is_later(end: Terminated, other: Terminated) -> bool:
    if end.finished_at is None:
        return False
    return other.finished_at is None or end.finished_at > other.finished_at


def reason_class(reason: str) -> str:
    """A displayed reason without its variable part, for counts: `Init:1/3` is `Init`, `ExitCode:137` is `ExitCode`.

    Old kubelets append the message: `PostStartHookError: command ... exited with 124`. The class is cut to 128
    characters, because clients that may write the status of pods may write a reason of a megabyte.
    """
    return _reason_class(reason.split(": ", 1)[0][:_LONGEST_CLASS])


@lru_cache(maxsize=1024)
def _reason_class(reason: str) -> str:
    return _VARIABLE_TAIL.sub("", reason)


def is_bad(phase: str, class_: str) -> bool:
    """Whether a pod of this phase and reason class needs attention: it does not recover by itself.

    By the form of the reason, as getCorev1PodHealth of Argo CD (gitops-engine/pkg/health/health_pod.go) does, so that
    errors of later kubelets count as well.
    """
    reason = class_.removeprefix("Init:")
    has_bad_form = reason.startswith(_BAD_BEGINNING) or reason.endswith(_BAD_ENDINGS)
    return phase == UNKNOWN or has_bad_form or reason in _BAD


def is_healthy(phase: str, bad: bool, ready: bool) -> bool:
    """Whether a pod is healthy: no bad status, and ready or succeeded."""
    return not bad and (ready or phase == SUCCEEDED)
