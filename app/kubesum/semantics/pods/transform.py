"""The transform of pods, from view to facts.

It runs for every pod of the initial list and for every change of a pod. Values that many pods have in common are
computed once and interned under the inputs of the computation.
"""

from sys import intern
from typing import Final

import msgspec

from kubesum.kube.objects.core import Pod
from kubesum.semantics.facts import PodFacts, PodState, Resize
from kubesum.semantics.identity import checked_in_namespace
from kubesum.semantics.interner import Interner
from kubesum.semantics.pods.bounds import bounded
from kubesum.semantics.pods.images import used_images, uses
from kubesum.semantics.pods.pending import pending_reasons
from kubesum.semantics.pods.podresources import pod_resources
from kubesum.semantics.pods.qos import qos_class
from kubesum.semantics.pods.requests import EffectiveResources, effective_resources
from kubesum.semantics.pods.resizes import ResizeRule, resize_of
from kubesum.semantics.pods.status import (
    Displayed,
    displayed,
    is_active,
    is_bad,
    is_healthy,
    is_ready,
    last_termination_reason,
    reason_class,
)
from kubesum.semantics.pods.totals import Counted, amounts, counts
from kubesum.semantics.workloads.owners import immediate_owner

# MessagePack is as fast, but has no integers beyond 64 bits, which YAML may hold.
_ENCODER: Final = msgspec.json.Encoder()
_MOST_INTERNED_BYTES: Final = 4096
"""Of encoded resources: those of some 30 containers. kube-apiserver takes a pod of 1.5 MB."""


class _StateInputs(msgspec.Struct, frozen=True, gc=False):
    """Everything that PodState is computed from."""

    phase: str
    assigned: bool
    ready: bool
    """The condition Ready is True."""
    terminating: bool
    reason: str
    ready_containers: int
    total_containers: int
    restarts: int
    last_termination_reason: str
    qos: str
    priority_class: str
    pending: tuple[tuple[str, int], ...]
    resize: Resize
    priority: int
    scheduler: str
    runtime_class: str
    service_account: str
    resources: EffectiveResources


def pod_facts(pod: Pod, interner: Interner, rule: ResizeRule) -> PodFacts:
    """The facts of a pod whose scheduler counts resizes by `rule`; raises ObjectError."""
    metadata, spec = checked_in_namespace(pod.metadata), pod.spec
    cells = displayed(pod)
    inputs = _state_inputs(pod, cells, _effective_resources(pod, rule, interner))
    return PodFacts(
        key=(intern(metadata.namespace), metadata.name),
        uid=metadata.uid,
        created=metadata.creation_timestamp,
        labels=interner.labels(metadata.labels),
        node=intern(spec.node_name),
        state=interner.computed(inputs, lambda: _state(inputs)),
        last_restart=cells.last_restart,
        owner=immediate_owner(pod),
        images=used_images(uses(pod)) if is_active(inputs.phase) else (),
    )


def _state_inputs(pod: Pod, cells: Displayed, resources: EffectiveResources) -> _StateInputs:
    spec, status = pod.spec, pod.status
    return _StateInputs(
        phase=intern(status.phase),
        assigned=spec.node_name != "",
        ready=is_ready(status),
        terminating=pod.metadata.deletion_timestamp is not None,
        reason=intern(cells.reason),
        ready_containers=cells.ready,
        total_containers=cells.total,
        restarts=cells.restarts,
        last_termination_reason=intern(last_termination_reason(status)),
        qos=intern(qos_class(pod)),
        priority_class=intern(spec.priority_class_name),
        pending=pending_reasons(pod),
        resize=resize_of(status),
        priority=spec.priority,
        scheduler=intern(spec.scheduler_name),
        runtime_class=intern(spec.runtime_class_name),
        service_account=intern(spec.service_account_name),
        resources=resources,
    )


def _state(inputs: _StateInputs) -> PodState:
    active = is_active(inputs.phase)
    ready = active and inputs.ready
    class_ = intern(reason_class(inputs.reason))
    bad = is_bad(inputs.phase, class_)
    healthy = is_healthy(inputs.phase, bad, ready)
    counted = Counted(
        phase=inputs.phase,
        active=active,
        assigned=inputs.assigned,
        ready=ready,
        terminating=inputs.terminating,
        healthy=healthy,
        reason_class=class_,
        restarts=inputs.restarts,
        qos=inputs.qos,
        pending=tuple([reason for reason, _ in inputs.pending]),
        resize=inputs.resize,
    )
    return PodState(
        active=active,
        phase=inputs.phase,
        reason=inputs.reason,
        reason_class=class_,
        healthy=healthy,
        bad=bad,
        ready=ready,
        ready_containers=inputs.ready_containers,
        total_containers=inputs.total_containers,
        restarts=inputs.restarts,
        last_termination_reason=inputs.last_termination_reason,
        qos=inputs.qos,
        priority_class=inputs.priority_class,
        requests=inputs.resources.requests,
        limits=inputs.resources.limits,
        pending=inputs.pending,
        resize=inputs.resize,
        counts=counts(counted),
        amounts=amounts(inputs.resources) if active else (),
        terminating=inputs.terminating,
        priority=inputs.priority,
        scheduler=inputs.scheduler,
        runtime_class=inputs.runtime_class,
        service_account=inputs.service_account,
        resources_left_out=inputs.resources.left_out,
    )


def _effective_resources(pod: Pod, rule: ResizeRule, interner: Interner) -> EffectiveResources:
    takes_pod = pod.spec.node_name != "" and is_active(pod.status.phase)
    inputs = pod_resources(pod, int(takes_pod), rule)
    encoded = _ENCODER.encode(inputs)
    if len(encoded) > _MOST_INTERNED_BYTES:
        return bounded(effective_resources(inputs))
    return interner.computed(encoded, lambda: bounded(effective_resources(inputs)))
