"""Effective requests and limits of a pod, as the scheduler counts them.

Follows PodRequests and PodLimits of k8s.io/component-helpers/resource/helpers.go (Kubernetes 1.36) with the
options of the scheduler. During an in-place resize (KEP-1287) the largest of the desired, allocated and actual
amounts counts, for containers and for pod-level resources alike. The totals of `kubectl describe node` ignore
resizes, its rows do not. Node-allocatable resources of ResourceClaims (an alpha feature) are not counted.

Amounts are added up in nano-units and rounded up once, per pod. Invariant: `effective_resources` reads nothing but
`PodResources`, so its result can be shared by all pods with equal ones.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Final

import msgspec

from kubesum.kube.objects import Container, ContainerStatus, Pod, Quantities, Resources
from kubesum.vocabulary.quantity import CPU, MEMORY, PODS, ResourceList, nanos, whole

Nanos = dict[str, int]
"""Exact amounts in nano-units (10^-9) by resource name."""

Side = Callable[[Resources], Quantities]
"""Reads the requests or the limits of Resources."""

REQUESTS: Final[Side] = attrgetter("requests")
LIMITS: Final[Side] = attrgetter("limits")


class ResourceState(msgspec.Struct, frozen=True, gc=False):
    """The resources of one container, or of the pod as a whole, in spec and status."""

    desired: Resources
    """As the spec has them."""
    actual: Resources | None = None
    """As the status has them; None if the kubelet reports none, or reports exactly the desired ones."""
    allocated: Quantities = {}
    """allocatedResources of the status; read only together with `actual`."""


class InitContainerResources(msgspec.Struct, frozen=True, gc=False):
    """The resources of an init container; a sidecar holds them as long as the pod runs."""

    sidecar: bool
    resources: ResourceState


class PodResources(msgspec.Struct, frozen=True, gc=False):
    """Everything that effective requests and limits are computed from."""

    containers: tuple[ResourceState, ...]
    init_containers: tuple[InitContainerResources, ...]
    pod_level: ResourceState
    """Pod-level resources (KEP-2837)."""
    overhead: Quantities
    infeasible: bool
    """The kubelet rejected a pending resize as infeasible, so the desired amounts do not count."""
    pod_count: int
    """How much of the node's `pods` resource it takes: 1 for an active, assigned pod, otherwise 0."""


class EffectiveResources(msgspec.Struct, frozen=True, gc=False):
    """What a pod adds to sums of requests and limits; names with a zero amount are left out."""

    requests: ResourceList
    """Includes `pods` for an active, assigned pod."""
    limits: ResourceList
    without_requests: tuple[str, ...]
    """Which of cpu and memory have no pod-level request and no request of some app container or sidecar."""
    without_limits: tuple[str, ...]
    """Likewise for limits."""


def is_sidecar(container: Container) -> bool:
    """Whether an init container is a sidecar: it keeps running beside the app containers."""
    return container.restart_policy == "Always"


def pod_resources(pod: Pod, pod_count: int) -> PodResources:
    """The resources of a pod in spec and status; `pod_count` is 1 if it takes one of its node's pods, else 0."""
    spec, status = pod.spec, pod.status
    statuses = {one.name: one for one in status.container_statuses}
    return PodResources(
        tuple([_resource_state(one, statuses.get(one.name)) for one in spec.containers]),
        _init_containers(pod) if spec.init_containers else (),
        ResourceState(spec.resources, status.resources, status.allocated_resources),
        spec.overhead,
        _is_resize_infeasible(pod),
        pod_count,
    )


def _init_containers(pod: Pod) -> tuple[InitContainerResources, ...]:
    statuses = {one.name: one for one in pod.status.init_container_statuses}
    return tuple(
        InitContainerResources(True, _resource_state(one, statuses.get(one.name)))
        if is_sidecar(one)
        # Init containers that are no sidecars cannot be resized.
        else InitContainerResources(False, ResourceState(one.resources))
        for one in pod.spec.init_containers
    )


def _resource_state(container: Container, status: ContainerStatus | None) -> ResourceState:
    desired = container.resources
    if status is None:
        return ResourceState(desired)
    # Without a resize all three are the same; storing one of them makes the PodResources of replicas equal.
    if status.resources == desired and status.allocated_resources == desired.requests:
        return ResourceState(desired)
    return ResourceState(desired, status.resources, status.allocated_resources)


def _is_resize_infeasible(pod: Pod) -> bool:
    for condition in pod.status.conditions:
        if condition.type == "PodResizePending":
            return condition.reason == "Infeasible"
    return False


def effective_resources(of: PodResources) -> EffectiveResources:
    """The effective requests and limits of a pod; raises QuantityError."""
    overhead = _nanos(of.overhead)
    requests = _aggregate(of, REQUESTS)
    _add(requests, overhead)
    limits = _aggregate(of, LIMITS)
    # Overhead is added to existing limits only: a resource without a limit stays unlimited.
    _add(limits, {name: value for name, value in overhead.items() if limits.get(name)})
    rounded = _rounded(requests)
    if of.pod_count:
        rounded[PODS] = of.pod_count
    return EffectiveResources(
        ResourceList(rounded),
        ResourceList(_rounded(limits)),
        _missing(of, REQUESTS),
        _missing(of, LIMITS),
    )


def _aggregate(of: PodResources, side: Side) -> Nanos:
    total: Nanos = {}
    for container in of.containers:
        _add(total, _effective(container, of.infeasible, side))
    sidecars: Nanos = {}
    peak: Nanos = {}
    for init in of.init_containers:
        # While an init container runs, so do the sidecars that are declared before it.
        stage = _effective(init.resources, of.infeasible, side)
        if init.sidecar:
            _add(total, stage)
        _add(stage, sidecars)
        if init.sidecar:
            sidecars = stage
        _set_max(peak, stage)
    _set_max(total, peak)
    pod_level = _effective(of.pod_level, of.infeasible, side)
    for name in side(of.pod_level.desired):
        if _is_supported_pod_level_resource(name):
            total[name] = pod_level.get(name, 0)
    return total


def _effective(state: ResourceState, infeasible: bool, side: Side) -> Nanos:
    if state.actual is None:
        return _nanos(side(state.desired))
    largest = {} if infeasible else _nanos(side(state.desired))
    _set_max(largest, _nanos(side(state.actual)))
    if side is REQUESTS:
        _set_max(largest, _nanos(state.allocated))
    return largest


def _nanos(quantities: Quantities) -> Nanos:
    return {name: nanos(quantity) for name, quantity in quantities.items()}


def _add(total: Nanos, more: Nanos) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0) + value


def _set_max(total: Nanos, other: Nanos) -> None:
    for name, value in other.items():
        total[name] = max(total.get(name, 0), value)


def _rounded(amounts: Nanos) -> dict[str, int]:
    return {name: whole(name, value) for name, value in amounts.items() if value}


def _is_supported_pod_level_resource(name: str) -> bool:
    return name in (CPU, MEMORY) or name.startswith("hugepages-")


def _missing(of: PodResources, side: Side) -> tuple[str, ...]:
    lasting = [*of.containers, *(init.resources for init in of.init_containers if init.sidecar)]
    return tuple(
        name
        for name in (CPU, MEMORY)
        if not _is_set(of.pod_level, name, side) and not all(_is_set(state, name, side) for state in lasting)
    )


def _is_set(state: ResourceState, name: str, side: Side) -> bool:
    return nanos(side(state.desired).get(name, 0)) > 0
