"""The columns of each view: which cells they show of an object, and by what they sort.

Pure functions of the decoded objects, in the words and spellings of kubectl and of kubesum's own tables.
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
"""The healths of a workload, worst first."""

_SEVERITY: Final = {health: len(HEALTH_TONES) - place for place, health in enumerate(HEALTH_TONES)}
_UNDER_WAY: Final = frozenset(
    {"Pending", "SchedulingGated", "ContainerCreating", "PodInitializing", "Init", "Running", "Terminating"}
)


def node_condition(node: Node) -> str:
    """One or two words for how a node is."""
    status = node.status
    words = [] if status.ready == "True" else ["NotReady"]
    if status.unschedulable:
        words.append("Cordoned")
    return ",".join(words or status.problems or ["Ready"])


def node_tone(node: Node) -> Tone:
    """What to think of a node."""
    status = node.status
    if status.ready != "True":
        return Tone.BAD
    return Tone.WARNING if status.unschedulable or status.problems else Tone.GOOD


def node_pods(node: Node, _now: float) -> Cell:
    """Active pods of those that the node takes."""
    return Cell(f"{node.status.pods.active}/{cells.amount_of(node.status.allocatable, quantity.PODS)}")


def node_cpu(node: Node) -> Gauge:
    """Cpu in percent of what is allocatable."""
    status = node.status
    return Gauge(status.requests_percent.cpu, status.limits_percent.cpu, status.usage_percent.cpu)


def node_memory(node: Node) -> Gauge:
    """Memory in percent of what is allocatable."""
    status = node.status
    return Gauge(status.requests_percent.memory, status.limits_percent.memory, status.usage_percent.memory)


def gpus(node: Node, _now: float) -> Cell:
    """Requested GPUs of those that there are."""
    there = cells.devices(node.status.allocatable)
    taken = cells.devices(node.status.requests)
    return Cell(f"{taken}/{there}" if there or taken else cells.ABSENT)


def workload_ready(workload: Workload) -> int:
    """Ready pods, as their owner counts them where it does."""
    ready = workload.status.replicas.ready
    return workload.status.pods.ready if ready is None else ready


def workload_desired(workload: Workload) -> int:
    """Wanted pods; the active ones where nobody says what is wanted."""
    desired = workload.status.replicas.desired
    return workload.status.pods.active if desired is None else desired


def severity(workload: Workload) -> int:
    """How bad the health of a workload is."""
    return _SEVERITY.get(workload.status.health, 0)


def worst(workload: Workload) -> str:
    """The most frequent status of pods that do not simply run, with its number; empty without any."""
    odd = [entry for entry in workload.status.status_counts if entry.reason not in ("Running", "Completed")]
    most = max(odd, key=lambda entry: entry.count, default=None)
    return f"{most.reason} x{most.count}" if most else ""


def pod_tone(pod: Pod) -> Tone:
    """What to think of a pod: one that is not healthy may just be on its way."""
    status = pod.status
    if status.healthy:
        return Tone.GOOD if status.phase == "Running" else Tone.IDLE
    return Tone.WARNING if status.reason_class in _UNDER_WAY else Tone.BAD


def pod_restarts(pod: Pod, now: float) -> Cell:
    """The restarts of a pod and how long ago the last one was, as kubectl writes it."""
    status = pod.status
    if not status.restarts or status.last_restart_time is None:
        return Cell(str(status.restarts))
    return Cell(f"{status.restarts} ({cells.age_text(status.last_restart_time, now)} ago)")


def pod_workload(pod: Pod) -> str:
    """The workload of a pod as kind/name, in the spelling that kubectl takes."""
    return f"{pod.status.workload_ref.kind.lower()}/{pod.status.workload_ref.name}"


def floating(image: Any) -> Tone | None:
    """Warns of an image that means another one tomorrow."""
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
NODE: Final = cells.words("NODE", lambda pod: pod.status.node_name, 12, 20, rank=3)
WORKLOAD: Final = cells.words("WORKLOAD", pod_workload, 16, 24, rank=4)
_AGE: Final = cells.age("AGE", lambda row: row.metadata.creation_timestamp)
_HEALTH: Final = Column(
    name="HEALTH",
    cell=lambda row, _now: Cell(row.status.health or cells.ABSENT, HEALTH_TONES.get(row.status.health)),
    order=severity,
    width=13,
    descending=True,
)

NODES: Final = (
    cells.words("NAME", name_of, 14, 40),
    cells.toned(cells.words("STATUS", node_condition, 12, 19), node_tone),
    cells.words("ROLES", lambda node: ",".join(node.status.roles), 8, 16, rank=4),
    cells.column("PODS", node_pods, lambda node: node.status.pods.active, 7),
    cells.count("NOT-READY", lambda node: node.status.pods.not_ready, rank=3),
    cells.bar("CPU%", node_cpu),
    cells.percent("CPU-LIM%", lambda node: node.status.limits_percent.cpu, rank=2),
    cells.optional(cells.percent("CPU-USE%", lambda node: node.status.usage_percent.cpu, rank=1)),
    cells.bar("MEM%", node_memory),
    cells.percent("MEM-LIM%", lambda node: node.status.limits_percent.memory, rank=2),
    cells.optional(cells.percent("MEM-USE%", lambda node: node.status.usage_percent.memory, rank=1)),
    cells.column("GPU", gpus, lambda node: cells.devices(node.status.requests), 5),
    cells.count("RESTARTS", lambda node: node.status.restarts, rank=3),
    cells.words("VERSION", lambda node: node.status.kubelet_version, 9, 16, rank=4),
    _AGE,
)

NAMESPACES: Final = (
    cells.words("NAME", name_of, 16, 40),
    cells.share("PODS", lambda row: row.status.pods.ready, lambda row: row.status.pods.active),
    cells.share("WORKLOADS", lambda row: row.status.workloads.healthy, lambda row: row.status.workloads.total),
    cells.count("DEGRADED", lambda row: row.status.workloads.degraded, bad=True),
    cells.count("PENDING", lambda row: row.status.pods.unscheduled, rank=2),
    cells.quantity("CPU-REQ", CPU, lambda row: row.status.requests),
    cells.quantity("CPU-LIM", CPU, lambda row: row.status.limits, rank=3),
    cells.optional(cells.quantity("CPU-USE", CPU, lambda row: row.status.usage, rank=1)),
    cells.quantity("MEM-REQ", MEMORY, lambda row: row.status.requests),
    cells.quantity("MEM-LIM", MEMORY, lambda row: row.status.limits, rank=3),
    cells.optional(cells.quantity("MEM-USE", MEMORY, lambda row: row.status.usage, rank=1)),
    cells.count("RESTARTS", lambda row: row.status.restarts, rank=2),
    _AGE,
)

WORKLOADS: Final = (
    NAMESPACE,
    cells.words("NAME", name_of, 22, 22),
    cells.words("KIND", lambda row: row.status.workload_ref.kind, 11, 14, rank=5),
    cells.share("READY", workload_ready, workload_desired),
    _HEALTH,
    cells.words("STATUS", worst, 18, 19, rank=3),
    cells.count("RESTARTS", lambda row: row.status.restarts, rank=4),
    cells.quantity("CPU-REQ", CPU, lambda row: row.status.requests, rank=1),
    cells.optional(cells.quantity("CPU-USE", CPU, lambda row: row.status.usage, rank=2)),
    cells.quantity("MEM-REQ", MEMORY, lambda row: row.status.requests, rank=1),
    cells.optional(cells.quantity("MEM-USE", MEMORY, lambda row: row.status.usage, rank=2)),
    cells.count("NODES", lambda row: row.status.nodes, rank=5),
    _AGE,
)

PODS: Final = (
    NAMESPACE,
    cells.words("NAME", name_of, 20, 26),
    cells.share("READY", lambda pod: pod.status.ready_containers, lambda pod: pod.status.total_containers),
    cells.toned(cells.words("STATUS", lambda pod: pod.status.reason, 18, 28), pod_tone),
    cells.column("RESTARTS", pod_restarts, lambda pod: pod.status.restarts, 8, most=14),
    NODE,
    WORKLOAD,
    cells.words("LAST-END", lambda pod: pod.status.last_termination_reason, 9, 12, rank=5),
    cells.quantity("CPU-REQ", CPU, lambda pod: pod.status.requests, rank=1),
    cells.optional(cells.quantity("CPU-USE", CPU, lambda pod: pod.status.usage, rank=2)),
    cells.quantity("MEM-REQ", MEMORY, lambda pod: pod.status.requests, rank=1),
    cells.optional(cells.quantity("MEM-USE", MEMORY, lambda pod: pod.status.usage, rank=2)),
    _AGE,
)

IMAGES: Final = (
    cells.words("REPOSITORY", lambda image: image.status.repository, 24, 64),
    cells.toned(cells.words("TAG", lambda image: image.status.tag, 14, 24), floating),
    cells.count("PODS", lambda image: image.status.pods),
    cells.count("WORKLOADS", lambda image: image.status.workloads),
    cells.count("NAMESPACES", lambda image: image.status.namespaces, rank=1),
    cells.count("NODES", lambda image: image.status.nodes),
    cells.count("PULL-FAIL", lambda image: image.status.pull_failures, bad=True),
)
