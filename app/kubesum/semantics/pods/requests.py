"""Effective requests and limits of a pod, as the scheduler of its cluster counts them.

Follows PodRequests and PodLimits of k8s.io/component-helpers/resource/helpers.go with the options of the scheduler
(kubernetes/pkg/scheduler/framework/types.go, CalculateResource), up to 1.36 and from 1.37 on. They differ during an
in-place resize (KEP-1287): see `ResizeRule`. The totals of `kubectl describe node` ignore resizes, its rows do not.
Node-allocatable resources of ResourceClaims (an alpha feature) are not counted.

Amounts are added up in nano-units and rounded up once, per pod. Invariant: `effective_resources` reads nothing but
`PodResources`, so its result can be shared by all pods with equal ones; its time is linear in their size.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Final

import msgspec

from kubesum.kube.objects.core import Quantities, Resources
from kubesum.semantics.pods.podresources import PodResources, ResourceState
from kubesum.semantics.pods.resizes import ResizeRule
from kubesum.vocabulary.quantity import CPU, MEMORY, PODS, ResourceList, nanos, whole

Nanos = dict[str, int]
"""Exact amounts in nano-units (10^-9) by resource name."""

Side = Callable[[Resources], Quantities | None]
"""Reads the requests or the limits of Resources."""

REQUESTS: Final[Side] = attrgetter("requests")
LIMITS: Final[Side] = attrgetter("limits")


class EffectiveResources(msgspec.Struct, frozen=True, gc=False):
    """What a pod adds to sums of requests and limits; names with a zero amount are left out."""

    requests: ResourceList
    """Includes `pods` for an active, assigned pod."""
    limits: ResourceList
    dynamic: tuple[tuple[str, int], ...]
    """The part of the requests, and of the limits, that ResourceClaims provide (KEP-5004); nearly always empty."""
    without_requests: tuple[str, ...]
    """Which of cpu and memory have no pod-level request and no request of some app container or sidecar."""
    without_limits: tuple[str, ...]
    """Likewise for limits."""
    left_out: int = 0
    """How many resource names are left out, see `kubesum.semantics.pods.bounds`."""


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
        _dynamic(of, rounded),
        _missing(of, REQUESTS),
        _missing(of, LIMITS),
    )


def _aggregate(of: PodResources, side: Side) -> Nanos:
    """PodRequests or PodLimits, without overhead."""
    return _per_container(of, side) if of.rule is ResizeRule.PER_CONTAINER else _per_pod(of, side)


def _per_container(of: PodResources, side: Side) -> Nanos:
    def effective(state: ResourceState, is_lasting: bool) -> Nanos:
        # Init containers that are no sidecars count as desired.
        is_reported = is_lasting and state.actual is not None
        return _largest(state, of.infeasible, side) if is_reported else _desired(state, side)

    total = _sum(of, effective)
    desired = _desired(of.pod_level, side)
    pod_level = desired if _is_pod_level_desired(of, side) else _largest(of.pod_level, of.infeasible, side)
    total.update({name: pod_level.get(name, 0) for name in desired if _is_supported_pod_level_resource(name)})
    return total


def _is_pod_level_desired(of: PodResources, side: Side) -> bool:
    """Whether the pod-level amounts count as desired, for want of others.

    determineEffectiveLimits returns nil, which counts as no answer, where an infeasible resize has no actual limits.
    """
    actual = of.pod_level.actual
    return actual is None or (side is LIMITS and of.infeasible and actual.limits is None)


def _per_pod(of: PodResources, side: Side) -> Nanos:
    sums = _reported_sums(of, side)
    if not of.infeasible:
        sums.append(_sum(of, lambda state, _: _desired(state, side)))
    total: Nanos = {}
    for one in sums:
        _set_max(total, one)
    if _has_pod_level(of.pod_level.desired, side):
        pod_level = of.pod_level
        effective = _largest(pod_level, of.infeasible, side) if pod_level.actual else _desired(pod_level, side)
        total.update({name: value for name, value in effective.items() if _is_supported_pod_level_resource(name)})
    return total


def _reported_sums(of: PodResources, side: Side) -> list[Nanos]:
    """The sums of the allocated and of the actual amounts; of limits only those of the actual ones.

    The status of the pod has them, from a kubelet that reports them there, else those of its containers add up.
    """
    pod_level, infeasible = of.pod_level, of.infeasible
    reported = side(pod_level.actual) if pod_level.actual else None
    if side is LIMITS:
        return [
            _sum(of, lambda state, _: _actual_limits(state, infeasible)) if reported is None else _nanos(reported)
        ]
    if reported is not None and pod_level.allocated is not None:
        return [_nanos(pod_level.allocated), _nanos(reported)]
    return [
        _sum(of, lambda state, _: _allocated(state, infeasible)),
        _sum(of, lambda state, _: _actual_requests(state, infeasible)),
    ]


def _has_pod_level(desired: Resources, side: Side) -> bool:
    """IsPodLevelRequestsSet, and of limits IsPodLevelResourcesSet."""
    names = [*(desired.requests or ()), *((desired.limits or ()) if side is LIMITS else ())]
    return any(map(_is_supported_pod_level_resource, names))


def _allocated(state: ResourceState, infeasible: bool) -> Nanos:
    if state.allocated is not None:
        return _nanos(state.allocated)
    return {} if infeasible else _desired(state, REQUESTS)


def _actual_requests(state: ResourceState, infeasible: bool) -> Nanos:
    if state.actual is not None and state.actual.requests is not None:
        return _nanos(state.actual.requests)
    return _allocated(state, infeasible)


def _actual_limits(state: ResourceState, infeasible: bool) -> Nanos:
    if state.actual is not None and state.actual.limits is not None:
        return _nanos(state.actual.limits)
    return {} if infeasible else _desired(state, LIMITS)


def _largest(state: ResourceState, infeasible: bool, side: Side) -> Nanos:
    """The largest of the desired (unless infeasible), actual and, of requests, allocated amounts."""
    largest = {} if infeasible else _desired(state, side)
    if state.actual is not None:
        _set_max(largest, _nanos(side(state.actual)))
    if side is REQUESTS:
        _set_max(largest, _nanos(state.allocated))
    return largest


def _desired(state: ResourceState, side: Side) -> Nanos:
    return _nanos(side(state.desired))


def _dynamic(of: PodResources, requests: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """The part of the requests that ResourceClaims provide.

    Extended resources cannot be resized, so the desired amounts say it under either rule. The kubelet takes a mapping
    of a container likewise (kubernetes/pkg/kubelet/lifecycle/predicate.go, removeMissingExtendedResources).
    """

    def others(state: ResourceState, _: bool) -> Nanos:
        return {name: value for name, value in _desired(state, REQUESTS).items() if name not in state.dynamic}

    states = [*of.containers, *(init.resources for init in of.init_containers)]
    names = {name for state in states for name in state.dynamic}
    if not names:
        return ()
    total, rest = _sum(of, lambda state, _: _desired(state, REQUESTS)), _sum(of, others)
    found = _rounded({name: total.get(name, 0) - rest.get(name, 0) for name in names})
    return tuple((name, min(value, requests[name])) for name, value in sorted(found.items()) if name in requests)


def _sum(of: PodResources, amounts: Callable[[ResourceState, bool], Nanos]) -> Nanos:
    """The sum over all containers of `amounts`, called with each and whether it is an app container or a sidecar.

    While an init container runs, so do the sidecars that are declared before it, and no app container.
    """
    total: Nanos = {}
    for container in of.containers:
        _add(total, amounts(container, True))
    sidecars: Nanos = {}
    peak: Nanos = {}
    for init in of.init_containers:
        stage = amounts(init.resources, init.sidecar)
        if init.sidecar:
            _add(total, stage)
            _add(sidecars, stage)
            _set_max(peak, {name: sidecars[name] for name in stage})
        else:
            _set_max(peak, {name: value + sidecars.get(name, 0) for name, value in stage.items()})
    _set_max(total, peak)
    return total


def _nanos(quantities: Quantities | None) -> Nanos:
    return {name: nanos(quantity) for name, quantity in quantities.items()} if quantities else {}


def _add(total: Nanos, more: Nanos) -> None:
    for name, value in more.items():
        total[name] = total.get(name, 0) + value


def _set_max(total: Nanos, other: Nanos) -> None:
    for name, value in other.items():
        total[name] = max(total.get(name, value), value)


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
    return nanos((side(state.desired) or {}).get(name, 0)) > 0
