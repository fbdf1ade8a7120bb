"""The columns of Tables, which kubectl prints.

Pods and nodes have those of kube-apiserver (kubernetes/pkg/printers/internalversion/printers.go, printPod and
printNode), APIServices those of kube-aggregator, most other resources a name and an age. Tests compare those of pods
and nodes with what kubesum computes of the same objects.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from kubesim.quantities import CPU, MEMORY, amount, canonical, nanocores, nanos
from kubesim.store.apiresources import METRICS_RESOURCES, ApiResource
from kubesim.store.store import JsonObject

Cell = str | int


@dataclass(frozen=True, slots=True)
class Column:
    """One column; `cell` computes the value for a decoded object."""

    name: str
    cell: Callable[[JsonObject], Cell]
    type: str = "string"
    format: str = ""
    wide: bool = False


def columns(resource: ApiResource) -> tuple[Column, ...]:
    """The columns of one resource."""
    return _COLUMNS.get(resource.group_resource, (_NAME, _AGE))


def cells(of_columns: tuple[Column, ...], obj: JsonObject) -> list[Cell]:
    """The cells of one object's row."""
    return [column.cell(obj) for column in of_columns]


def definition(column: Column) -> JsonObject:
    """The column as an entry of Table.columnDefinitions."""
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": "",
        "priority": int(column.wide),
    }


def human_duration(duration: timedelta) -> str:
    """A duration in the format of kubectl; k8s.io/apimachinery/pkg/util/duration/duration.go, HumanDuration."""
    seconds = int(duration.total_seconds())
    if seconds < -1:
        return "<invalid>"
    seconds = max(seconds, 0)
    for bound, unit, letter, rest_unit, rest_letter in _SPANS:
        if seconds < bound:
            rest = seconds % unit // rest_unit if rest_unit else 0
            return f"{seconds // unit}{letter}" + (f"{rest}{rest_letter}" if rest else "")
    return f"{seconds // _YEAR}y"


_MINUTE: Final = 60
_HOUR: Final = 60 * _MINUTE
_DAY: Final = 24 * _HOUR
_YEAR: Final = 365 * _DAY
_SPANS: Final = (
    (2 * _MINUTE, 1, "s", 0, ""),
    (10 * _MINUTE, _MINUTE, "m", 1, "s"),
    (3 * _HOUR, _MINUTE, "m", 0, ""),
    (8 * _HOUR, _HOUR, "h", _MINUTE, "m"),
    (2 * _DAY, _HOUR, "h", 0, ""),
    (8 * _DAY, _DAY, "d", _HOUR, "h"),
    (2 * _YEAR, _DAY, "d", 0, ""),
    (8 * _YEAR, _YEAR, "y", _DAY, "d"),
)


def _ago(timestamp: str | None) -> str:
    if not timestamp:
        return "<unknown>"
    return human_duration(datetime.now(UTC) - datetime.fromisoformat(timestamp))


def _age(obj: JsonObject) -> str:
    return _ago(obj["metadata"].get("creationTimestamp"))


def _name(obj: JsonObject) -> str:
    name: str = obj["metadata"]["name"]
    return name


@dataclass(frozen=True, slots=True)
class _Initialization:
    """The statuses of the init containers up to the first unfinished one, and the reason that this one states.

    `reason` is None when all have finished, or started if they are sidecars.
    """

    statuses: tuple[JsonObject, ...]
    reason: str | None


def _initialization(pod: JsonObject) -> _Initialization:
    sidecars = _sidecar_names(pod)
    total = len(pod.get("spec", {}).get("initContainers") or [])
    statuses = _statuses(pod, "initContainerStatuses")
    for index, status in enumerate(statuses):
        terminated = status.get("state", {}).get("terminated")
        has_finished = terminated is not None and not terminated.get("exitCode")
        if has_finished or (status["name"] in sidecars and status.get("started")):
            continue
        return _Initialization(tuple(statuses[: index + 1]), _init_reason(status, f"Init:{index}/{total}"))
    return _Initialization(tuple(statuses), None)


def _init_reason(status: JsonObject, progress: str) -> str:
    state = status.get("state", {})
    if (terminated := state.get("terminated")) is not None:
        return f"Init:{_terminated_reason(terminated)}"
    reason = (state.get("waiting") or {}).get("reason", "")
    return f"Init:{reason}" if reason and reason != "PodInitializing" else progress


def _has_initialized(pod: JsonObject) -> bool:
    """Whether the status depends on the containers and not only on the init containers."""
    return _initialization(pod).reason is None or _has_condition(pod, "Initialized")


def _statuses(pod: JsonObject, field: str = "containerStatuses") -> list[JsonObject]:
    statuses: list[JsonObject] = pod.get("status", {}).get(field) or []
    return statuses


def _sidecar_names(pod: JsonObject) -> set[str]:
    containers = pod.get("spec", {}).get("initContainers") or []
    return {container["name"] for container in containers if container.get("restartPolicy") == "Always"}


def _sidecar_statuses(pod: JsonObject) -> list[JsonObject]:
    sidecars = _sidecar_names(pod)
    return [status for status in _initialization(pod).statuses if status["name"] in sidecars]


def _pod_ready(pod: JsonObject) -> str:
    total = len(pod.get("spec", {}).get("containers") or []) + len(_sidecar_names(pod))
    ready = [status for status in _sidecar_statuses(pod) if status.get("started") and status.get("ready")]
    if _has_initialized(pod):
        ready += [status for status in _statuses(pod) if _is_running(status)]
    return f"{len(ready)}/{total}"


def _is_running(status: JsonObject) -> bool:
    return bool(status.get("ready")) and status.get("state", {}).keys() == {"running"}


def _pod_restarts(pod: JsonObject) -> str:
    counted = _initialization(pod).statuses
    if _has_initialized(pod):
        counted = (*_sidecar_statuses(pod), *_statuses(pod))
    restarts = sum(status.get("restartCount", 0) for status in counted)
    finishes = [
        finished
        for status in counted
        if (finished := (status.get("lastState", {}).get("terminated") or {}).get("finishedAt"))
    ]
    if not restarts or not finishes:
        return str(restarts)
    return f"{restarts} ({_ago(max(finishes, key=datetime.fromisoformat))} ago)"


def _pod_status(pod: JsonObject) -> str:
    status = pod.get("status", {})
    reason = _initialization(pod).reason or _phase_reason(pod)
    if _has_initialized(pod):
        reason = _containers_reason(pod, reason)
    if not pod["metadata"].get("deletionTimestamp"):
        return reason
    if status.get("reason") == "NodeLost":
        return "Unknown"
    return reason if status.get("phase") in ("Failed", "Succeeded") else "Terminating"


def _phase_reason(pod: JsonObject) -> str:
    status = pod.get("status", {})
    for condition in status.get("conditions") or []:
        if condition.get("type") == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            return "SchedulingGated"
    reason: str = status.get("reason") or status.get("phase", "")
    return reason


def _containers_reason(pod: JsonObject, reason: str) -> str:
    """The reason of the first container that states one, else `reason`; Running if any other container runs."""
    error = ""
    for status in reversed(_statuses(pod)):
        state = status.get("state", {})
        if waiting_reason := (state.get("waiting") or {}).get("reason"):
            reason = waiting_reason
        elif (terminated := state.get("terminated")) is not None:
            reason = _terminated_reason(terminated)
            error = reason if terminated.get("exitCode") else error
    if reason != "Completed":
        return reason
    is_running = any(_is_running(status) for status in _statuses(pod))
    if is_running and _has_condition(pod, "Ready"):
        return "Running"
    return error or ("NotReady" if is_running else reason)


def _terminated_reason(terminated: JsonObject) -> str:
    if terminated.get("reason"):
        reason: str = terminated["reason"]
        return reason
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated.get('exitCode', 0)}"


def _has_condition(obj: JsonObject, condition_type: str) -> bool:
    conditions = obj.get("status", {}).get("conditions") or []
    return any(c.get("type") == condition_type and c.get("status") == "True" for c in conditions)


def _node_status(node: JsonObject) -> str:
    conditions = node.get("status", {}).get("conditions") or []
    ready = [condition for condition in conditions if condition.get("type") == "Ready"]
    words = ["Unknown"]
    if ready:
        words = ["Ready" if ready[0].get("status") == "True" else "NotReady"]
    if node.get("spec", {}).get("unschedulable"):
        words.append("SchedulingDisabled")
    return ",".join(words)


def _node_roles(node: JsonObject) -> str:
    labels = node["metadata"].get("labels") or {}
    prefix = "node-role.kubernetes.io/"
    roles = {label.removeprefix(prefix) for label in labels if label.startswith(prefix)}
    if labels.get("kubernetes.io/role"):
        roles.add(labels["kubernetes.io/role"])
    return ",".join(sorted(roles - {""})) or "<none>"


def _api_service_service(api_service: JsonObject) -> str:
    service = api_service["spec"].get("service")
    return f"{service['namespace']}/{service['name']}" if service else "Local"


def _api_service_available(api_service: JsonObject) -> str:
    conditions = api_service.get("status", {}).get("conditions") or []
    available = next((one for one in conditions if one["type"] == "Available"), None)
    if available is None:
        return "Unknown"
    status: str = available["status"]
    return status if status == "True" else f"{status} ({available['reason']})"


def _text(*path: str) -> Callable[[JsonObject], str]:
    """A cell with the text at a path, `<none>` where it is absent."""

    def cell(obj: JsonObject) -> str:
        for name in path[:-1]:
            obj = obj.get(name) or {}
        return obj.get(path[-1]) or "<none>"

    return cell


def _used_cpu(metrics: JsonObject) -> str:
    return nanocores(sum(nanos(usage[CPU]) for usage in _usages(metrics)))


def _used_memory(metrics: JsonObject) -> str:
    return canonical(MEMORY, sum(amount(MEMORY, usage[MEMORY]) for usage in _usages(metrics)))


def _usages(metrics: JsonObject) -> list[JsonObject]:
    """The usage of a node, or of each container of a pod."""
    return [part["usage"] for part in metrics.get("containers", [metrics])]


def _condition(type_: str) -> Callable[[JsonObject], str]:
    """The status of a condition; empty without it."""

    def cell(obj: JsonObject) -> str:
        conditions = obj.get("status", {}).get("conditions", ())
        return next((str(one["status"]) for one in conditions if one["type"] == type_), "")

    return cell


_NAME: Final = Column("Name", _name, format="name")
_AGE: Final = Column("Age", _age)
# metrics-server/pkg/api/table.go.
_METRICS_COLUMNS: Final = (
    _NAME,
    Column("cpu", _used_cpu, format="quantity"),
    Column("memory", _used_memory, format="quantity"),
    Column("Window", _text("window"), format="duration"),
)
_COLUMNS: Final = {
    **{resource.group_resource: _METRICS_COLUMNS for resource in METRICS_RESOURCES},
    "pods": (
        _NAME,
        Column("Ready", _pod_ready),
        Column("Status", _pod_status),
        Column("Restarts", _pod_restarts),
        _AGE,
        Column("IP", _text("status", "podIP"), wide=True),
        Column("Node", _text("spec", "nodeName"), wide=True),
    ),
    "nodes": (
        _NAME,
        Column("Status", _node_status),
        Column("Roles", _node_roles),
        _AGE,
        Column("Version", _text("status", "nodeInfo", "kubeletVersion")),
        Column("OS-Image", _text("status", "nodeInfo", "osImage"), wide=True),
    ),
    # The additionalPrinterColumns of its CustomResourceDefinition.
    "rollupdefinitions.kubesum.dev": (
        _NAME,
        Column("Kind", _text("spec", "names", "kind")),
        Column("Source", _text("spec", "source")),
        Column("Groups", _text("status", "groups"), type="integer"),
        Column("Established", _condition("Established")),
        _AGE,
    ),
    # kube-aggregator/pkg/registry/apiservice/etcd/etcd.go, ConvertToTable.
    "apiservices.apiregistration.k8s.io": (
        _NAME,
        Column("Service", _api_service_service),
        Column("Available", _api_service_available),
        _AGE,
    ),
    "namespaces": (_NAME, Column("Status", _text("status", "phase")), _AGE),
}
