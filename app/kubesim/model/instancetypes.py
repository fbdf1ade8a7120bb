"""The types of instances that the nodes of a simulated cluster run on.

Their size grows with the number of pods per node, so that a cluster of any density is well utilized.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from kubesim.quantities import CPU, EPHEMERAL_STORAGE, MEMORY, PODS, Amounts

KUBELETS: Final = ("v1.36.1", "v1.35.4")
ZONES: Final = ("eu-central-1a", "eu-central-1b", "eu-central-1c")
GPU: Final = "nvidia.com/gpu"
GPU_PRODUCT: Final = "nvidia.com/gpu.product"
"""The label of NVIDIA's GPU feature discovery."""

_CORES: Final = (8, 16, 32, 48, 64, 96, 192)
_GIB: Final = 1 << 30
_RESERVED: Final = {CPU: 120, MEMORY: _GIB + 256 * (1 << 20), EPHEMERAL_STORAGE: 12 * _GIB}


class Taint(NamedTuple):
    """corev1.Taint."""

    key: str
    value: str
    effect: str


@dataclass(frozen=True, kw_only=True, slots=True)
class InstanceType:
    """An instance type; `pool` is the prefix of its nodes' names, `extra` are extended resources and huge pages."""

    pool: str
    name: str
    cores: int
    memory_gib: int
    max_pods: int
    extra: Mapping[str, int] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    taints: tuple[Taint, ...] = ()

    @property
    def capacity(self) -> Amounts:
        """status.capacity."""
        amounts = {CPU: self.cores * 1000, MEMORY: self.memory_gib * _GIB, PODS: self.max_pods}
        return amounts | {EPHEMERAL_STORAGE: 200 * _GIB} | dict(self.extra)

    @property
    def allocatable(self) -> Amounts:
        """status.allocatable: the capacity without what is reserved for the system and for huge pages."""
        huge = sum(value for name, value in self.extra.items() if name.startswith("hugepages-"))
        capacity = self.capacity
        reserved = _RESERVED | {MEMORY: _RESERVED[MEMORY] + huge}
        return {name: value - reserved.get(name, 0) for name, value in capacity.items()}


def control_plane(*, alone: bool) -> InstanceType:
    """The type of control plane nodes; with `alone` a larger one without taint, for a cluster of one node."""
    role = "node-role.kubernetes.io/control-plane"
    return InstanceType(
        pool="cp",
        name="m7i.8xlarge" if alone else "m7i.xlarge",
        cores=32 if alone else 4,
        memory_gib=128 if alone else 16,
        max_pods=250 if alone else 110,
        labels={role: ""},
        taints=() if alone else (Taint(role, "", "NoSchedule"),),
    )


def worker_instance_types(pods_per_node: int) -> tuple[InstanceType, ...]:
    """The types of workers in turn: one of ten has GPUs, two have much memory."""
    cores = next((size for size in _CORES if size >= pods_per_node), _CORES[-1])
    max_pods = 110 if pods_per_node < 70 else 250
    general = InstanceType(
        pool="worker",
        name=f"m7i.{cores // 4}xlarge",
        cores=cores,
        memory_gib=4 * cores,
        max_pods=max_pods,
        labels={"node-role.kubernetes.io/worker": ""},
    )
    large_memory = InstanceType(
        pool="data",
        name=f"r7i.{cores // 4}xlarge",
        cores=cores,
        memory_gib=8 * cores,
        max_pods=250,
        extra={"hugepages-2Mi": 4 * _GIB},
        labels={"node-role.kubernetes.io/worker": "", "workload-class": "data"},
    )
    gpu = InstanceType(
        pool="gpu",
        name="g6.12xlarge",
        cores=48,
        memory_gib=384,
        max_pods=110,
        extra={GPU: 8, "hugepages-2Mi": 0},
        labels={"node-role.kubernetes.io/gpu": "", "nvidia.com/gpu.present": "true", GPU_PRODUCT: "NVIDIA-L4"},
        taints=(Taint(GPU, "present", "NoSchedule"),),
    )
    spot = InstanceType(
        pool="spot",
        name=f"m7a.{cores // 4}xlarge",
        cores=cores,
        memory_gib=4 * cores,
        max_pods=max_pods,
        # The older label for a role, which kubectl still reads.
        labels={"kubernetes.io/role": "spot"},
        taints=(Taint("spot", "true", "PreferNoSchedule"),),
    )
    return (general, general, gpu, large_memory, general, general, spot, large_memory, general, general)
