"""What a pod asks of a node: its effective requests and limits, as the scheduler counts them.

Follows PodRequests and PodLimits of k8s.io/component-helpers/resource/helpers.go (Kubernetes 1.36) with the
options of the scheduler: a resize in flight counts with the largest of what is asked, allocated and actuated,
for containers and for pod-level values alike. The totals of `kubectl describe node` leave resizes out, its
rows do not. Claims of node-allocatable resources (an alpha feature) are not counted.

Amounts are added up in billionths and rounded up once, per pod. Invariant: `demand` reads nothing but
`Claims`, so equal claims have one demand, however many pods make them.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Final

import msgspec

from kubesum.kube.objects import Container, ContainerStatus, Pod, Quantities, Resources
from kubesum.vocabulary.quantity import CPU, MEMORY, PODS, ResourceList, nanos, whole

Billionths = dict[str, int]
"""Exact amounts by resource name."""

Side = Callable[[Resources], Quantities]
"""Which half of Resources is looked at: requests or limits."""

REQUESTS: Final[Side] = attrgetter("requests")
LIMITS: Final[Side] = attrgetter("limits")


class Claim(msgspec.Struct, frozen=True, gc=False):
    """What one container, or the pod as such, asks for and has been given."""

    asked: Resources
    """As the spec has it."""
    actuated: Resources | None = None
    """What the node enforces; None where it does not say, or where all is as asked."""
    allocated: Quantities = {}
    """Requests that the node has set aside; they mean something only beside `actuated`."""


class InitClaim(msgspec.Struct, frozen=True, gc=False):
    """The claim of an init container; a sidecar keeps what it has for as long as the pod lives."""

    sidecar: bool
    claim: Claim


class Claims(msgspec.Struct, frozen=True, gc=False):
    """Everything that decides the demand of a pod."""

    containers: tuple[Claim, ...]
    init: tuple[InitClaim, ...]
    pod: Claim
    """Pod-level resources (KEP-2837)."""
    overhead: Quantities
    infeasible: bool
    """A resize that the node can never grant is pending: what the spec asks for does not count."""
    slots: int
    """How many of its node's pods this one is: 1 for an active, assigned pod, otherwise 0."""


class Demand(msgspec.Struct, frozen=True, gc=False):
    """What a pod adds to sums of requests and limits; names with a zero amount are left out."""

    requests: ResourceList
    """With `pods`, where the pod takes a place on its node."""
    limits: ResourceList
    without_requests: tuple[str, ...]
    """Those of cpu and memory that some lasting container has no request of, nor the pod as such."""
    without_limits: tuple[str, ...]


def is_sidecar(container: Container) -> bool:
    """Whether an init container is one that keeps running beside the others."""
    return container.restart_policy == "Always"


def claims(pod: Pod, slots: int) -> Claims:
    """What a pod asks for that is `slots` of its node's pods."""
    spec, status = pod.spec, pod.status
    statuses = {one.name: one for one in status.container_statuses}
    return Claims(
        tuple([_claim(one, statuses.get(one.name)) for one in spec.containers]),
        _init_claims(pod) if spec.init_containers else (),
        Claim(spec.resources, status.resources, status.allocated_resources),
        spec.overhead,
        _is_infeasible(pod),
        slots,
    )


def _init_claims(pod: Pod) -> tuple[InitClaim, ...]:
    statuses = {one.name: one for one in pod.status.init_container_statuses}
    return tuple(
        InitClaim(True, _claim(one, statuses.get(one.name)))
        if is_sidecar(one)
        # Only containers that last can be resized.
        else InitClaim(False, Claim(one.resources))
        for one in pod.spec.init_containers
    )


def _claim(container: Container, status: ContainerStatus | None) -> Claim:
    asked = container.resources
    if status is None:
        return Claim(asked)
    # Nearly every container has what it asked for; saying it once makes the claims of all replicas equal.
    if status.resources == asked and status.allocated_resources == asked.requests:
        return Claim(asked)
    return Claim(asked, status.resources, status.allocated_resources)


def _is_infeasible(pod: Pod) -> bool:
    for condition in pod.status.conditions:
        if condition.type == "PodResizePending":
            return condition.reason == "Infeasible"
    return False


def demand(of: Claims) -> Demand:
    """The effective requests and limits that claims add up to; raises QuantityError."""
    overhead = _exact(of.overhead)
    requests = _aggregate(of, REQUESTS)
    _add(requests, overhead)
    limits = _aggregate(of, LIMITS)
    # A pod without a limit has none; overhead does not give it one.
    _add(limits, {name: value for name, value in overhead.items() if limits.get(name)})
    rounded = _rounded(requests)
    if of.slots:
        rounded[PODS] = of.slots
    return Demand(
        ResourceList(rounded),
        ResourceList(_rounded(limits)),
        _missing(of, REQUESTS),
        _missing(of, LIMITS),
    )


def _aggregate(of: Claims, side: Side) -> Billionths:
    total: Billionths = {}
    for claim in of.containers:
        _add(total, _effective(claim, of.infeasible, side))
    sidecars: Billionths = {}
    peak: Billionths = {}
    for init in of.init:
        # While an init container runs, so do the sidecars that were declared before it.
        stage = _effective(init.claim, of.infeasible, side)
        if init.sidecar:
            _add(total, stage)
        _add(stage, sidecars)
        if init.sidecar:
            sidecars = stage
        _raise(peak, stage)
    _raise(total, peak)
    pod_level = _effective(of.pod, of.infeasible, side)
    for name in side(of.pod.asked):
        if _may_be_pod_level(name):
            total[name] = pod_level.get(name, 0)
    return total


def _effective(claim: Claim, infeasible: bool, side: Side) -> Billionths:
    if claim.actuated is None:
        return _exact(side(claim.asked))
    largest = {} if infeasible else _exact(side(claim.asked))
    _raise(largest, _exact(side(claim.actuated)))
    if side is REQUESTS:
        _raise(largest, _exact(claim.allocated))
    return largest


def _exact(quantities: Quantities) -> Billionths:
    return {name: nanos(quantity) for name, quantity in quantities.items()}


def _add(total: Billionths, more: Billionths) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0) + value


def _raise(total: Billionths, floor: Billionths) -> None:
    for name, value in floor.items():
        total[name] = max(total.get(name, 0), value)


def _rounded(amounts: Billionths) -> dict[str, int]:
    return {name: whole(name, value) for name, value in amounts.items() if value}


def _may_be_pod_level(name: str) -> bool:
    return name in (CPU, MEMORY) or name.startswith("hugepages-")


def _missing(of: Claims, side: Side) -> tuple[str, ...]:
    lasting = [*of.containers, *(init.claim for init in of.init if init.sidecar)]
    return tuple(
        name
        for name in (CPU, MEMORY)
        if not _states(of.pod, name, side) and not all(_states(claim, name, side) for claim in lasting)
    )


def _states(claim: Claim, name: str, side: Side) -> bool:
    return nanos(side(claim.asked).get(name, 0)) > 0
