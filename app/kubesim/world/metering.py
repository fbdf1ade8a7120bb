"""What the containers and nodes of a simulated cluster use, as their kubelets would measure it.

A measurement is a function of an object and of a moment: a container that runs uses a share of what it asks
for. Four of ten are busy, and what they use wanders; the others idle and hardly change. One that has just
crashed starts up and uses little; one that does not run uses nothing and is not measured.
All amounts are integers: nanocores and bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple
from zlib import crc32

import msgspec

from kubesim.quantities import CPU, MEMORY, amount, canonical, nanocores
from kubesim.store.store import StoredObject

RESOLUTION_S: Final = 15
"""How often everything is measured: metrics-server's --metric-resolution."""
YOUNGEST_S: Final = 10
"""A container is measured once it has run for so long (metrics-server/pkg/storage/pod.go)."""

_SCRAPE_S: Final = 8
_NANOS_PER_MILLI: Final = 1_000_000
_PAGE: Final = 4096
_MIB: Final = 1 << 20
_UNASKED_CPU: Final = 20
_UNASKED_MEMORY: Final = 64 * _MIB
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
    """One container that runs; `started` is in seconds since 1970, `seed` sets it apart from all others."""

    name: str
    seed: int
    cpu: int
    """Millicores that it asks for."""
    memory: int
    memory_limit: int
    """0 where there is none."""
    started: int
    restarts: int


class Pod(NamedTuple):
    """A pod with the containers that run in it."""

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


def pod_of(stored: StoredObject) -> Pod:
    """What there is to measure of a stored pod."""
    pod = _PODS.decode(stored.body)
    asked = {one.name: one.resources for one in (*pod.spec.containers, *pod.spec.init_containers)}
    statuses = (*pod.status.container_statuses, *pod.status.init_container_statuses)
    running = tuple(
        _container(pod.metadata, asked.get(status.name, _Resources()), status.state.running, status)
        for status in statuses
        if status.state.running is not None
    )
    return Pod(stored.namespace, stored.name, stored.labels, pod.spec.node_name, running)


def _container(metadata: _Metadata, asked: _Resources, running: _Running, status: _Status) -> Container:
    # What a resize asks for cannot be used before it is granted.
    requests = status.allocated_resources or asked.requests
    started = datetime.fromisoformat(running.started_at or metadata.creation_timestamp)
    return Container(
        name=status.name,
        seed=crc32(f"{metadata.uid}/{status.name}".encode()),
        cpu=amount(CPU, requests.get(CPU, "0")) or _UNASKED_CPU,
        memory=amount(MEMORY, requests.get(MEMORY, "0")) or _UNASKED_MEMORY,
        memory_limit=amount(MEMORY, asked.limits.get(MEMORY, "0")),
        started=int(started.timestamp()),
        restarts=status.restart_count,
    )


def has_silent_kubelet(node: StoredObject) -> bool:
    """Whether nobody hears from the kubelet of a stored node: nothing on it can be measured."""
    conditions = _NODES.decode(node.body).status.conditions
    return any(one.type == "Ready" and one.status == "Unknown" for one in conditions)


def scraped_at(node: str, tick: int) -> int:
    """When a node is scraped in a tick, in seconds since 1970: not all are at the same time."""
    return tick * RESOLUTION_S - crc32(node.encode()) % _SCRAPE_S


def is_measured(container: Container, at: int) -> bool:
    """Whether a container has run for long enough to be measured at a moment."""
    return at - container.started >= YOUNGEST_S


def window_ms(containers: Sequence[Container], at: int) -> int:
    """The time that a measurement is about, in milliseconds: since the one before, or since the start."""
    return min([RESOLUTION_S * 1000 + containers[0].seed % 90, *(1000 * (at - one.started) for one in containers)])


def container_usage(one: Container, tick: int, at: int) -> Usage:
    """What a container uses in a tick."""
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
    """What a node uses: its containers, and what runs outside of them."""
    seed = crc32(node.encode())
    cpu, memory = (60_000 + _wave(seed, tick) * 40) * 1000, (700 + seed % 200) * _MIB
    for one in of_containers:
        cpu, memory = cpu + one.cpu, memory + one.memory
    return Usage(cpu, memory)


def _wave(seed: int, tick: int) -> int:
    """A number from 0 to 1000 that rises and falls with a period of its own."""
    period = 8 + seed % 53
    return abs(2 * ((tick + seed) % period) - period) * 1000 // period
