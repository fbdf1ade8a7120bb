"""From the view of a pod to its facts.

This runs for every pod of the first list and for every change of one: what many pods share is computed once
and found again by what it is computed from.
"""

from sys import intern
from typing import Final

import msgspec

from kubesum.kube.objects import Pod
from kubesum.semantics.facts import PodFacts, PodState
from kubesum.semantics.identity import checked_in_namespace
from kubesum.semantics.images import container_images, uses
from kubesum.semantics.interner import Interner
from kubesum.semantics.pods.pending import pending_reasons
from kubesum.semantics.pods.qos import qos_class
from kubesum.semantics.pods.requests import Claims, Demand, claims, demand
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
from kubesum.semantics.pods.totals import Counted, totals
from kubesum.semantics.workloads.owners import immediate

_ENCODER: Final = msgspec.msgpack.Encoder()


class _Seen(msgspec.Struct, frozen=True, gc=False):
    """Everything that decides the state of a pod."""

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
    demand: Demand


def pod_facts(pod: Pod, interner: Interner) -> PodFacts:
    """The facts of a pod; raises ObjectError."""
    metadata, spec = checked_in_namespace(pod.metadata), pod.spec
    cells = displayed(pod)
    seen = _seen(pod, cells, interner)
    return PodFacts(
        key=(intern(metadata.namespace), metadata.name),
        uid=metadata.uid,
        created=metadata.creation_timestamp,
        labels=interner.labels(metadata.labels),
        node=intern(spec.node_name),
        state=interner.made(seen, lambda: _state(seen)),
        last_restart=cells.last_restart,
        owner=immediate(pod),
        images=container_images(uses(pod)) if is_active(seen.phase) else (),
    )


def _seen(pod: Pod, cells: Displayed, interner: Interner) -> _Seen:
    spec, status = pod.spec, pod.status
    assigned = spec.node_name != ""
    return _Seen(
        phase=intern(status.phase),
        assigned=assigned,
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
        demand=_shared_demand(claims(pod, int(assigned and is_active(status.phase))), interner),
    )


def _state(seen: _Seen) -> PodState:
    active = is_active(seen.phase)
    ready = active and seen.ready
    class_ = intern(reason_class(seen.reason))
    bad = is_bad(seen.phase, class_)
    healthy = is_healthy(seen.phase, bad, ready)
    counted = Counted(
        phase=seen.phase,
        active=active,
        assigned=seen.assigned,
        ready=ready,
        terminating=seen.terminating,
        healthy=healthy,
        reason_class=class_,
        restarts=seen.restarts,
        qos=seen.qos,
        pending=tuple([reason for reason, _ in seen.pending]),
    )
    return PodState(
        active=active,
        phase=seen.phase,
        reason=seen.reason,
        reason_class=class_,
        healthy=healthy,
        bad=bad,
        ready=ready,
        ready_containers=seen.ready_containers,
        total_containers=seen.total_containers,
        restarts=seen.restarts,
        last_termination_reason=seen.last_termination_reason,
        qos=seen.qos,
        priority_class=seen.priority_class,
        requests=seen.demand.requests,
        limits=seen.demand.limits,
        pending=seen.pending,
        totals=totals(counted, seen.demand),
    )


def _shared_demand(of: Claims, interner: Interner) -> Demand:
    return interner.made(_ENCODER.encode(of), lambda: demand(of))
