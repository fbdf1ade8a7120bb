"""Pod templates in compact form: containers, their resources, and what scheduling depends on.

The requests that the scheduler reserves and the QoS class follow from a template.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from kubesim.quantities import PODS, Amounts, amounts

ResourceList = Mapping[str, str]
"""corev1.ResourceList: quantities by resource name."""

EVERY_TAINT: Final = "*"
"""In `PodTemplate.tolerated_taints`: every taint is tolerated, as by the DaemonSets of the system."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ContainerTemplate:
    """One container; a `sidecar` is an init container with restartPolicy Always.

    `allocated` are the resources that the kubelet has allocated, if a resize makes them differ from `requests`. A
    `slim` container has neither ports, environment nor probes. `more` are other fields of the container; they replace
    those that every container has.
    """

    name: str
    image: str
    requests: ResourceList = field(default_factory=dict)
    limits: ResourceList = field(default_factory=dict)
    allocated: ResourceList | None = None
    sidecar: bool = False
    slim: bool = False
    more: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class PodTemplate:
    """One pod template; `app` is the name of the application and of the workload.

    `tolerated_taints` are taint keys. `scheduling_gate` keeps the pods from being scheduled. `resize` is the state of
    a resize in place that is not done: Deferred, Infeasible or InProgress. A `broken_image` can never be pulled.
    `debug_image` is the image of an ephemeral container. Templates are compared by identity.
    """

    app: str
    containers: tuple[ContainerTemplate, ...]
    init_containers: tuple[ContainerTemplate, ...] = ()
    overhead: ResourceList = field(default_factory=dict)
    pod_requests: ResourceList = field(default_factory=dict)
    pod_limits: ResourceList = field(default_factory=dict)
    priority_class: str = ""
    restart_policy: str = "Always"
    node_selector: Mapping[str, str] = field(default_factory=dict)
    tolerated_taints: tuple[str, ...] = ()
    scheduling_gate: str = ""
    resize: str = ""
    host_network: bool = False
    broken_image: bool = False
    debug_image: str = ""
    scheduler: str = "default-scheduler"
    service_account: str = "default"

    @cached_property
    def effective_requests(self) -> Amounts:
        """The requests that the scheduler reserves on the node; of the resource pods it is one.

        Follows PodRequests of k8s.io/component-helpers/resource/helpers.go.
        """
        total = _sum(_container_requests(self, one) for one in self.containers)
        sidecars: Amounts = {}
        peak: Amounts = {}
        for one in self.init_containers:
            resources = _container_requests(self, one) if one.sidecar else amounts(one.requests)
            if one.sidecar:
                total, sidecars = _sum((total, resources)), _sum((sidecars, resources))
                resources = {}
            peak = _largest(peak, _sum((resources, sidecars)))
        total = _largest(total, peak) | amounts(self.pod_requests)
        return _sum((total, amounts(self.overhead), {PODS: 1}))

    @cached_property
    def qos_class(self) -> str:
        """Guaranteed, Burstable or BestEffort, as GetPodQOS of k8s.io/component-helpers decides."""
        resources = [(self.pod_requests, self.pod_limits)] if self.pod_requests or self.pod_limits else []
        resources = resources or [(one.requests, one.limits) for one in (*self.containers, *self.init_containers)]
        if not any(_cpu_and_memory(requests) or _cpu_and_memory(limits) for requests, limits in resources):
            return "BestEffort"
        equal = all(
            len(_cpu_and_memory(limits)) == 2 and _cpu_and_memory(limits) == _cpu_and_memory(r)
            for r, limits in resources
        )
        return "Guaranteed" if equal else "Burstable"

    @cached_property
    def before_resize(self) -> "PodTemplate":
        """The template of pods that are not bound yet, which a resize does not affect."""
        if not self.resize:
            return self
        unchanged = [
            one if one.allocated is None else replace(one, requests=one.allocated) for one in self.containers
        ]
        return replace(self, containers=tuple(unchanged))

    def with_tag(self, tag: str) -> "PodTemplate":
        """The template with another image tag in its first container."""
        first, *others = self.containers
        repository = first.image.partition("@")[0]
        head, _, last = repository.rpartition("/")
        image = f"{head}/{last.partition(':')[0]}:{tag}".lstrip("/")
        return replace(self, containers=(replace(first, image=image), *others), broken_image=False)


def _container_requests(template: PodTemplate, one: ContainerTemplate) -> Amounts:
    if one.allocated is None:
        return amounts(one.requests)
    if template.resize == "Infeasible":
        return amounts(one.allocated)
    return _largest(amounts(one.requests), amounts(one.allocated))


def _cpu_and_memory(quantities: ResourceList) -> Amounts:
    return {name: value for name, value in amounts(quantities).items() if name in ("cpu", "memory") and value}


def _sum(parts: Iterable[Amounts]) -> Amounts:
    total: Amounts = {}
    for part in parts:
        for name, value in part.items():
            total[name] = total.get(name, 0) + value
    return total


def _largest(one: Amounts, other: Amounts) -> Amounts:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in one | other}
