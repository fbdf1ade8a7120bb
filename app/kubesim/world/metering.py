"""The usage of containers and nodes, as their kubelets would measure it.

Usage is a function of an object and a time: a running container uses a share of its requests. Four of ten containers
are busy and their usage varies; the others are idle. A container that has just restarted uses little, one that does
not run is not measured. All amounts are integers: nanocores and bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from kubesim.quantities import CPU, MEMORY, amount, canonical, nanocores
from kubesim.store.store import StoredObject

RESOLUTION_S: Final = 15
"""The interval of measurements: --metric-resolution of metrics-server."""
YOUNGEST_S: Final = 10
"""The time that a container must have run to be measured (metrics-server/pkg/storage/pod.go)."""

_SCRAPE_S: Final = 8
_NANOS_PER_MILLI: Final = 1_000_000
_PAGE: Final = 4096
_MIB: Final = 1 << 20
_DEFAULT_CPU: Final = 20
_DEFAULT_MEMORY: Final = 64 * _MIB
_BUSY_OF_TEN: Final = 4
_RECOVERING_S: Final = 120


class Usage(NamedTuple):
    """Nanocores of cpu and bytes of memory."""

    cpu: int
    memory: int

    @property
    def quantities(self) -> dict[str, str]:
        """The amounts as metrics-server writes them: `{"cpu": "12345678n", "memory": "23456Ki"}`."""
        return {CPU: nanocores(self.cpu), MEMORY: canonical(MEMORY, self.memory)}


class Container(NamedTuple):
    """One running container; `started` is in seconds since 1970, its usage depends on `seed`."""

    name: str
    seed: int
    cpu: int
    """Requested millicores."""
    memory: int
    memory_limit: int
    """0 without a limit."""
    started: int
    restarts: int


class Pod(NamedTuple):
    """A pod with its running containers."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    node: str
    containers: tuple[Container, ...]


class _Resources(msgspec.Struct, frozen=True):
    requests: dict[str, str] = {}
    limits: dict[str, str] = {}


class _ContainerSpec(msgspec.Struct, frozen=True):
    name: str
    resources: _Resources = _Resources()


class _Running(msgspec.Struct, frozen=True, rename="camel"):
    started_at: str = ""


class _State(msgspec.Struct, frozen=True):
    running: _Running | None = None


class _Status(msgspec.Struct, frozen=True, rename="camel"):
    name: str
    state: _State = _State()
    restart_count: int = 0
    allocated_resources: dict[str, str] = {}


class _PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    node_name: str = ""
    containers: tuple[_ContainerSpec, ...] = ()
    init_containers: tuple[_ContainerSpec, ...] = ()


class _PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    container_statuses: tuple[_Status, ...] = ()
    init_container_statuses: tuple[_Status, ...] = ()


class _Metadata(msgspec.Struct, frozen=True, rename="camel"):
    uid: str
    creation_timestamp: str


class _Pod(msgspec.Struct, frozen=True):
    metadata: _Metadata
    spec: _PodSpec = _PodSpec()
    status: _PodStatus = _PodStatus()


class _Condition(msgspec.Struct, frozen=True):
    type: str
    status: str


class _NodeStatus(msgspec.Struct, frozen=True):
    conditions: tuple[_Condition, ...] = ()


class _Node(msgspec.Struct, frozen=True):
    status: _NodeStatus = _NodeStatus()


_PODS: Final = msgspec.json.Decoder(_Pod)
_NODES: Final = msgspec.json.Decoder(_Node)


def metered_pod(stored: StoredObject) -> Pod:
    """The running containers of a stored pod, with their requests."""
    pod = _PODS.decode(stored.body)
    resources = {one.name: one.resources for one in (*pod.spec.containers, *pod.spec.init_containers)}
    statuses = (*pod.status.container_statuses, *pod.status.init_container_statuses)
    running = tuple(
        _container(pod.metadata, resources.get(status.name, _Resources()), status.state.running, status)
        for status in statuses
        if status.state.running is not None
    )
    return Pod(stored.namespace, stored.name, stored.labels, pod.spec.node_name, running)


def _container(metadata: _Metadata, resources: _Resources, running: _Running, status: _Status) -> Container:
    # The requests of a resize cannot be used before they are allocated.
    requests = status.allocated_resources or resources.requests
    started = datetime.fromisoformat(running.started_at or metadata.creation_timestamp)
    return Container(
        name=status.name,
        seed=crc32(f"{metadata.uid}/{status.name}".encode()),
        cpu=amount(CPU, requests.get(CPU, "0")) or _DEFAULT_CPU,
        memory=amount(MEMORY, requests.get(MEMORY, "0")) or _DEFAULT_MEMORY,
        memory_limit=amount(MEMORY, resources.limits.get(MEMORY, "0")),
        started=int(started.timestamp()),
        restarts=status.restart_count,
    )


def is_unreachable(node: StoredObject) -> bool:
    """Whether the kubelet of a stored node is unreachable, so that nothing on it is measured."""
    conditions = _NODES.decode(node.body).status.conditions
    return any(one.type == "Ready" and one.status == "Unknown" for one in conditions)


def scraped_at(node: str, tick: int) -> int:
    """When a node is scraped in a tick, in seconds since 1970; it differs between nodes."""
    return tick * RESOLUTION_S - crc32(node.encode()) % _SCRAPE_S


def is_measured(container: Container, at: int) -> bool:
    """Whether a container has run for YOUNGEST_S at a time."""
    return at - container.started >= YOUNGEST_S


def window_ms(containers: Sequence[Container], at: int) -> int:
    """The window of a measurement in milliseconds: since the previous one, or since the start of a container."""
    return min([RESOLUTION_S * 1000 + containers[0].seed % 90, *(1000 * (at - one.started) for one in containers)])


def container_usage(one: Container, tick: int, at: int) -> Usage:
    """The usage of a container in a tick."""
    wave = _wave(one.seed, tick)
    busy = one.seed % 10 < _BUSY_OF_TEN
    if one.restarts and at - one.started < _RECOVERING_S:
        cpu_share, memory_share = 3, 100
    elif busy:
        cpu_share = (150 + one.seed // 10 % 600) * (750 + wave // 2) // 1000
        memory_share = 400 + one.seed // 7 % 400 + wave // 10
    else:
        cpu_share, memory_share = 2 + one.seed // 10 % 18, 250 + one.seed // 7 % 500
    noise = crc32(tick.to_bytes(8, "little"), one.seed) % 40_000
    memory = one.memory * memory_share // 1000
    if one.memory_limit:
        memory = min(memory, one.memory_limit)
    return Usage(one.cpu * _NANOS_PER_MILLI * cpu_share // 1000 + noise, memory // _PAGE * _PAGE)


def node_usage(node: str, of_containers: Iterable[Usage], tick: int) -> Usage:
    """The usage of a node: that of its containers and of the system."""
    seed = crc32(node.encode())
    cpu, memory = (60_000 + _wave(seed, tick) * 40) * 1000, (700 + seed % 200) * _MIB
    for one in of_containers:
        cpu, memory = cpu + one.cpu, memory + one.memory
    return Usage(cpu, memory)


def _wave(seed: int, tick: int) -> int:
    """A triangle wave from 0 to 1000 whose period depends on the seed."""
    period = 8 + seed % 53
    return abs(2 * ((tick + seed) % period) - period) * 1000 // period
