"""The parts of a pod that its effective requests and limits are computed from.

A value of `PodResources` holds nothing that differs between the replicas of a workload, such as names of containers,
so that thousands of pods share one, and what is computed from it is computed once.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from kubesum.kube.objects.core import Container, ContainerStatus, Pod, PodStatus, Quantities, Resources
from kubesum.semantics.pods.resizes import ResizeRule, is_infeasible

_NO_DYNAMIC: Final[Mapping[str, tuple[str, ...]]] = {}


class ResourceState(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The resources of one container, or of the pod as a whole, in spec and status."""

    desired: Resources
    """As the spec has them."""
    actual: Resources | None = None
    """As the status has them; None if it has none, or if it has the desired ones for all and nothing is resized."""
    allocated: Quantities | None = None
    """allocatedResources of the status, likewise."""
    dynamic: tuple[str, ...] = ()
    """Extended resources that a ResourceClaim provides to the container (KEP-5004), sorted."""


class InitContainerResources(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The resources of an init container; a sidecar holds them as long as the pod runs."""

    sidecar: bool
    resources: ResourceState


class PodResources(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """Everything that effective requests and limits are computed from."""

    rule: ResizeRule
    containers: tuple[ResourceState, ...]
    init_containers: tuple[InitContainerResources, ...]
    pod_level: ResourceState
    """Pod-level resources (KEP-2837); in the status, the sums over the pod (KEP-5419)."""
    overhead: Quantities
    infeasible: bool
    """The kubelet rejected a pending resize as infeasible, so the desired amounts do not count."""
    pod_count: int
    """How much of the node's `pods` resource it takes: 1 for an active, assigned pod, otherwise 0."""


def is_sidecar(container: Container) -> bool:
    """Whether an init container is a sidecar: it keeps running beside the app containers."""
    return container.restart_policy == "Always"


def pod_resources(pod: Pod, pod_count: int, rule: ResizeRule) -> PodResources:
    """The resources of a pod in spec and status; `pod_count` is 1 if it takes one of its node's pods, else 0."""
    spec, status = pod.spec, pod.status
    infeasible = is_infeasible(status)
    dynamic = _dynamic(status)
    statuses = {one.name: one for one in status.container_statuses}
    init_containers: tuple[InitContainerResources, ...] = ()
    if spec.init_containers:
        # Names are unique over both lists.
        statuses = {one.name: one for one in status.init_container_statuses} | statuses
        init_containers = tuple(
            InitContainerResources(is_sidecar(one), _state(one, statuses.get(one.name), infeasible, dynamic))
            for one in spec.init_containers
        )
    return PodResources(
        rule,
        tuple([_state(one, statuses.get(one.name), infeasible, dynamic) for one in spec.containers]),
        init_containers,
        ResourceState(spec.resources, status.resources, status.allocated_resources),
        spec.overhead,
        infeasible,
        pod_count,
    )


def _state(
    container: Container,
    status: ContainerStatus | None,
    infeasible: bool,
    dynamic: Mapping[str, tuple[str, ...]],
) -> ResourceState:
    """The resources of a container in spec and status."""
    desired, names = container.resources, dynamic.get(container.name, ())
    if status is None or (not infeasible and _is_as_desired(status, desired)):
        return ResourceState(desired, None, None, names)
    return ResourceState(desired, status.resources, status.allocated_resources, names)


def _is_as_desired(status: ContainerStatus, desired: Resources) -> bool:
    """Whether allocated and actual resources equal the desired ones, so that no rule needs them.

    It makes the PodResources of nearly all replicas equal. With an infeasible resize the rule per pod needs them: it
    counts nothing for a container of which the kubelet reports nothing.
    """
    return status.resources == desired and status.allocated_resources in (None, desired.requests)


def _dynamic(status: PodStatus) -> Mapping[str, tuple[str, ...]]:
    """The extended resources that a ResourceClaim provides, by container."""
    claim = status.extended_resource_claim_status
    if claim is None:
        return _NO_DYNAMIC
    found: dict[str, set[str]] = {}
    for one in claim.request_mappings:
        found.setdefault(one.container_name, set()).add(one.resource_name)
    return {container: tuple(sorted(names)) for container, names in found.items()}
