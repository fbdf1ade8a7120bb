"""The columns of each view: their cells and their order, computed from the decoded objects.

Words and formats are those of kubectl and of the tables that kubesum serves.
"""

from collections.abc import Mapping
from typing import Any, Final

from kubesum.clients.model import cells
from kubesum.clients.model.cells import Cell, Column, Gauge, Tone
from kubesum.clients.model.objects import Node, Pod, Workload
from kubesum.vocabulary import quantity
from kubesum.vocabulary.quantity import CPU, MEMORY

HEALTH_TONES: Final[Mapping[str, Tone]] = {
    "Degraded": Tone.BAD,
    "Progressing": Tone.WARNING,
    "Suspended": Tone.IDLE,
    "Idle": Tone.IDLE,
    "Completed": Tone.IDLE,
    "Healthy": Tone.GOOD,
}
"""The tone of each health of a workload, the worst health first."""

_SEVERITY: Final = {health: len(HEALTH_TONES) - place for place, health in enumerate(HEALTH_TONES)}
TRANSIENT: Final = frozenset(
    {"Pending", "SchedulingGated", "ContainerCreating", "PodInitializing", "Init", "Running", "Terminating"}
)
"""The classes of status that a pod leaves by itself, while nothing is wrong."""


def node_condition(node: Node) -> str:
    """The status of a node as kubectl prints it, or else its problems."""
    status = node.status
    words = [] if status.ready == "True" else [status.reason.partition(",")[0] or "NotReady"]
    if status.unschedulable:
        words.append("Cordoned")
    return ",".join(words or status.problems or ["Ready"])


def node_tone(node: Node) -> Tone:
    """The tone of a node's status."""
    status = node.status
    if status.ready != "True":
        return Tone.BAD
    return Tone.WARNING if status.unschedulable or status.problems else Tone.GOOD


def node_pods(node: Node, _now: float) -> Cell:
    """Active pods, of the number that the node allows."""
    return Cell(f"{node.status.pods.active}/{cells.amount_of(node.status.allocatable, quantity.PODS)}")


def node_cpu(node: Node) -> Gauge:
    """Shares of the allocatable cpu."""
    status = node.status
    return Gauge(status.requests_percent.cpu, status.limits_percent.cpu, status.usage_percent.cpu)


def node_memory(node: Node) -> Gauge:
    """Shares of the allocatable memory."""
    status = node.status
    return Gauge(status.requests_percent.memory, status.limits_percent.memory, status.usage_percent.memory)


def gpus(node: Node, _now: float) -> Cell:
    """Requested GPUs, of the allocatable ones."""
    allocatable = cells.devices(node.status.allocatable)
    requested = cells.devices(node.status.requests)
    return Cell(f"{requested}/{allocatable}" if allocatable or requested else cells.ABSENT)


def workload_ready(workload: Workload) -> int:
    """Ready pods by the owner's status, else by their own."""
    ready = workload.status.replicas.ready
    return workload.status.pods.ready if ready is None else ready


def workload_desired(workload: Workload) -> int:
    """Desired pods; the active ones if the owner has no replicas."""
    desired = workload.status.replicas.desired
    return workload.status.pods.active if desired is None else desired


def severity(workload: Workload) -> int:
    """How bad the health of a workload is, 0 for an unknown one."""
    return _SEVERITY.get(workload.status.health, 0)


def commonest_problem(workload: Workload) -> str:
    """The most frequent status other than Running and Completed, with its count; empty if there is none."""
    problems = [entry for entry in workload.status.status_counts if entry.reason not in ("Running", "Completed")]
    max_width = max(problems, key=lambda entry: entry.count, default=None)
    return f"{max_width.reason} x{max_width.count}" if max_width else ""


def pod_tone(pod: Pod) -> Tone:
    """The tone of a pod's status: a warning for one that is only starting or terminating."""
    status = pod.status
    if status.healthy:
        return Tone.GOOD if status.phase == "Running" else Tone.IDLE
    return Tone.WARNING if status.reason_class in TRANSIENT else Tone.BAD


def pod_restarts(pod: Pod, now: float) -> Cell:
    """The restarts of a pod and the age of the last one, as kubectl prints them."""
    status = pod.status
    if not status.restarts or status.last_restart_time is None:
        return Cell(str(status.restarts))
    return Cell(f"{status.restarts} ({cells.age_text(status.last_restart_time, now)} ago)")


def pod_workload(pod: Pod) -> str:
    """The workload of a pod as kubectl accepts it: `deployment/web`."""
    return f"{pod.status.workload_ref.kind.lower()}/{pod.status.workload_ref.name}"


def floating_tag_tone(image: Any) -> Tone | None:
    """A warning for a tag such as `latest`, which will refer to another image."""
    return Tone.WARNING if image.status.floating_tag else None


def name_of(row: Any) -> str:
    """The name of any object."""
    name: str = row.metadata.name
    return name


def namespace_of(row: Any) -> str:
    """The namespace of any object."""
    namespace: str = row.metadata.namespace
    return namespace


NAMESPACE: Final = cells.words("NAMESPACE", namespace_of, 12, 16)
NODE: Final = cells.words("NODE", lambda pod: pod.status.node_name, 12, 20, priority=3)
WORKLOAD: Final = cells.words("WORKLOAD", pod_workload, 16, 24, priority=4)
_AGE: Final = cells.age("AGE", lambda row: row.metadata.creation_timestamp)
_HEALTH: Final = Column(
    name="HEALTH",
    cell=lambda row, _now: Cell(row.status.health or cells.ABSENT, HEALTH_TONES.get(row.status.health)),
    sort_key=severity,
    width=13,
    descending=True,
)

NODES: Final = (
    cells.words("NAME", name_of, 14, 40),
    cells.toned(cells.words("STATUS", node_condition, 12, 19), node_tone),
    cells.words("ROLES", lambda node: ",".join(node.status.roles), 8, 16, priority=4),
    cells.column("PODS", node_pods, lambda node: node.status.pods.active, 7),
    cells.count("NOT-READY", lambda node: node.status.pods.not_ready, priority=3),
    cells.bar("CPU%", node_cpu),
    cells.percent("CPU-LIM%", lambda node: node.status.limits_percent.cpu, priority=2),
    cells.optional(cells.percent("CPU-USE%", lambda node: node.status.usage_percent.cpu, priority=1)),
    cells.bar("MEM%", node_memory),
    cells.percent("MEM-LIM%", lambda node: node.status.limits_percent.memory, priority=2),
    cells.optional(cells.percent("MEM-USE%", lambda node: node.status.usage_percent.memory, priority=1)),
    cells.column("GPU", gpus, lambda node: cells.devices(node.status.requests), 5),
    cells.count("RESTARTS", lambda node: node.status.restarts, priority=3),
    cells.words("VERSION", lambda node: node.status.kubelet_version, 9, 16, priority=4),
    _AGE,
)

NAMESPACES: Final = (
    cells.words("NAME", name_of, 16, 40),
    cells.share("PODS", lambda row: row.status.pods.ready, lambda row: row.status.pods.active),
    cells.share("WORKLOADS", lambda row: row.status.workloads.healthy, lambda row: row.status.workloads.total),
    cells.count("DEGRADED", lambda row: row.status.workloads.degraded, bad=True),
    cells.count("PENDING", lambda row: row.status.pods.unscheduled, priority=2),
    cells.quantity("CPU-REQ", CPU, lambda row: row.status.requests),
    cells.quantity("CPU-LIM", CPU, lambda row: row.status.limits, priority=3),
    cells.optional(cells.quantity("CPU-USE", CPU, lambda row: row.status.usage, priority=1)),
    cells.quantity("MEM-REQ", MEMORY, lambda row: row.status.requests),
    cells.quantity("MEM-LIM", MEMORY, lambda row: row.status.limits, priority=3),
    cells.optional(cells.quantity("MEM-USE", MEMORY, lambda row: row.status.usage, priority=1)),
    cells.count("RESTARTS", lambda row: row.status.restarts, priority=2),
    _AGE,
)

WORKLOADS: Final = (
    NAMESPACE,
    cells.words("NAME", name_of, 22, 22),
    cells.words("KIND", lambda row: row.status.workload_ref.kind, 11, 14, priority=5),
    cells.share("READY", workload_ready, workload_desired),
    _HEALTH,
    cells.words("STATUS", commonest_problem, 18, 19, priority=3),
    cells.count("RESTARTS", lambda row: row.status.restarts, priority=4),
    cells.quantity("CPU-REQ", CPU, lambda row: row.status.requests, priority=1),
    cells.optional(cells.quantity("CPU-USE", CPU, lambda row: row.status.usage, priority=2)),
    cells.quantity("MEM-REQ", MEMORY, lambda row: row.status.requests, priority=1),
    cells.optional(cells.quantity("MEM-USE", MEMORY, lambda row: row.status.usage, priority=2)),
    cells.count("NODES", lambda row: row.status.nodes, priority=5),
    _AGE,
)

PODS: Final = (
    NAMESPACE,
    cells.words("NAME", name_of, 20, 26),
    cells.share("READY", lambda pod: pod.status.ready_containers, lambda pod: pod.status.total_containers),
    cells.toned(cells.words("STATUS", lambda pod: pod.status.reason, 18, 28), pod_tone),
    cells.column("RESTARTS", pod_restarts, lambda pod: pod.status.restarts, 8, max_width=14),
    NODE,
    WORKLOAD,
    cells.words("LAST-END", lambda pod: pod.status.last_termination_reason, 9, 12, priority=5),
    cells.quantity("CPU-REQ", CPU, lambda pod: pod.status.requests, priority=1),
    cells.optional(cells.quantity("CPU-USE", CPU, lambda pod: pod.status.usage, priority=2)),
    cells.quantity("MEM-REQ", MEMORY, lambda pod: pod.status.requests, priority=1),
    cells.optional(cells.quantity("MEM-USE", MEMORY, lambda pod: pod.status.usage, priority=2)),
    _AGE,
)

IMAGES: Final = (
    cells.words("REPOSITORY", lambda image: image.status.repository, 24, 64),
    cells.toned(cells.words("TAG", lambda image: image.status.tag, 14, 24), floating_tag_tone),
    cells.count("PODS", lambda image: image.status.pods),
    cells.count("WORKLOADS", lambda image: image.status.workloads),
    cells.count("NAMESPACES", lambda image: image.status.namespaces, priority=1),
    cells.count("NODES", lambda image: image.status.nodes),
    cells.count("PULL-FAIL", lambda image: image.status.pull_failures, bad=True),
)
