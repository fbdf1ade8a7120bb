"""What a pod is to be: its containers and what they ask for, before there is any pod.

A plan is the compact form of a pod template. From it follow what the scheduler has to reserve and the QoS
class. Whether a pod of this plan exists, where and how it fares is unknown here.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from kubesim.quantities import PODS, Amounts, amounts

Quantities = Mapping[str, str]
"""A Kubernetes ResourceList: quantities by resource name."""

EVERY_TAINT: Final = "*"
"""In `Plan.tolerates`: the pod stays wherever it is put, as those of a DaemonSet of the system do."""


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class ContainerPlan:
    """One container; in `Plan.inits` a sidecar is one that keeps running (restartPolicy Always).

    `allotted` is what the kubelet has allocated and the runtime enforces when that differs from `requests`: a
    resize is in flight. A slim container has neither environment nor probes. `more` are further fields of the
    container, or other values for those that every one has.
    """

    name: str
    image: str
    requests: Quantities = field(default_factory=dict)
    limits: Quantities = field(default_factory=dict)
    allotted: Quantities | None = None
    sidecar: bool = False
    slim: bool = False
    more: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, eq=False)
class Plan:
    """One pod template; `app` is the name of the application and of the workload.

    `tolerates` holds taint keys. `gate` is the scheduling gate that the pods wait at, `resize` the reason why
    a resize is not done yet: Deferred, Infeasible or InProgress. `broken_image` says that it can never be pulled,
    `debugger` is the image of an ephemeral container. Two plans are equal only if they are the same.
    """

    app: str
    containers: tuple[ContainerPlan, ...]
    inits: tuple[ContainerPlan, ...] = ()
    overhead: Quantities = field(default_factory=dict)
    pod_requests: Quantities = field(default_factory=dict)
    pod_limits: Quantities = field(default_factory=dict)
    priority_class: str = ""
    restart_policy: str = "Always"
    selects: Quantities = field(default_factory=dict)
    tolerates: tuple[str, ...] = ()
    gate: str = ""
    resize: str = ""
    host_network: bool = False
    broken_image: bool = False
    debugger: str = ""
    scheduler: str = "default-scheduler"
    service_account: str = "default"

    @cached_property
    def demand(self) -> Amounts:
        """What the scheduler reserves on the node, the one pod included.

        Follows PodRequests of k8s.io/component-helpers/resource/helpers.go.
        """
        total = _sum(_claim(self, one) for one in self.containers)
        sidecars: Amounts = {}
        peak: Amounts = {}
        for one in self.inits:
            asked = _claim(self, one) if one.sidecar else amounts(one.requests)
            if one.sidecar:
                total, sidecars = _sum((total, asked)), _sum((sidecars, asked))
                asked = {}
            peak = _largest(peak, _sum((asked, sidecars)))
        total = _largest(total, peak) | amounts(self.pod_requests)
        return _sum((total, amounts(self.overhead), {PODS: 1}))

    @cached_property
    def qos_class(self) -> str:
        """Guaranteed, Burstable or BestEffort, as GetPodQOS of k8s.io/component-helpers decides."""
        asked = [(self.pod_requests, self.pod_limits)] if self.pod_requests or self.pod_limits else []
        asked = asked or [(one.requests, one.limits) for one in (*self.containers, *self.inits)]
        if not any(_compute(requests) or _compute(limits) for requests, limits in asked):
            return "BestEffort"
        equal = all(len(_compute(limits)) == 2 and _compute(limits) == _compute(r) for r, limits in asked)
        return "Guaranteed" if equal else "Burstable"

    @cached_property
    def before_resize(self) -> "Plan":
        """The plan that pods are created from; a resize concerns only pods that a node has taken."""
        if not self.resize:
            return self
        unchanged = [one if one.allotted is None else replace(one, requests=one.allotted) for one in self.containers]
        return replace(self, containers=tuple(unchanged))

    def with_tag(self, tag: str) -> "Plan":
        """The same plan with another tag on the image of its first container."""
        first, *others = self.containers
        repository = first.image.partition("@")[0]
        head, _, last = repository.rpartition("/")
        image = f"{head}/{last.partition(':')[0]}:{tag}".lstrip("/")
        return replace(self, containers=(replace(first, image=image), *others), broken_image=False)


def _claim(plan: Plan, one: ContainerPlan) -> Amounts:
    if one.allotted is None:
        return amounts(one.requests)
    if plan.resize == "Infeasible":
        return amounts(one.allotted)
    return _largest(amounts(one.requests), amounts(one.allotted))


def _compute(quantities: Quantities) -> Amounts:
    return {name: value for name, value in amounts(quantities).items() if name in ("cpu", "memory") and value}


def _sum(parts: Iterable[Amounts]) -> Amounts:
    total: Amounts = {}
    for part in parts:
        for name, value in part.items():
            total[name] = total.get(name, 0) + value
    return total


def _largest(one: Amounts, other: Amounts) -> Amounts:
    return {name: max(one.get(name, 0), other.get(name, 0)) for name in one | other}
