"""From the view of a pod to its facts.

This runs for every pod of the first list and for every change of one: what many pods share is computed once
and found again by what it is computed from.
"""

from sys import intern
from typing import Final

import msgspec

from app.kube.objects import Pod
from app.semantics.facts import PodFacts
from app.semantics.identity import checked_in_namespace
from app.semantics.images import container_images, uses
from app.semantics.interner import Interner
from app.semantics.owners import immediate
from app.semantics.pending import pending_reasons
from app.semantics.podstatus import (
    displayed,
    is_active,
    is_bad,
    is_healthy,
    is_ready,
    last_termination_reason,
    reason_class,
)
from app.semantics.qos import qos_class
from app.semantics.requests import Claims, Demand, claims, demand
from app.semantics.totals import Counted, totals

_ENCODER: Final = msgspec.msgpack.Encoder()


def pod_facts(pod: Pod, interner: Interner) -> PodFacts:
    """The facts of a pod; raises ObjectError."""
    metadata, spec, status = checked_in_namespace(pod.metadata), pod.spec, pod.status
    node, phase = intern(spec.node_name), intern(status.phase)
    active = is_active(phase)
    cells = displayed(pod)
    class_ = intern(reason_class(cells.reason))
    ready = active and is_ready(status)
    bad = is_bad(phase, class_)
    healthy = is_healthy(phase, bad, ready)
    qos = intern(qos_class(pod))
    pending = pending_reasons(pod)
    asked = _shared_demand(claims(pod, int(active and node != "")), interner)
    counted = Counted(
        phase=phase,
        active=active,
        assigned=node != "",
        ready=ready,
        terminating=metadata.deletion_timestamp is not None,
        healthy=healthy,
        reason_class=class_,
        restarts=cells.restarts,
        qos=qos,
        pending=tuple([reason for reason, _ in pending]),
    )
    return PodFacts(
        namespace=intern(metadata.namespace),
        name=metadata.name,
        uid=metadata.uid,
        created=metadata.creation_timestamp,
        labels=interner.labels(metadata.labels),
        node=node,
        active=active,
        phase=phase,
        reason=intern(cells.reason),
        reason_class=class_,
        healthy=healthy,
        bad=bad,
        ready=ready,
        ready_containers=cells.ready,
        total_containers=cells.total,
        restarts=cells.restarts,
        last_restart=cells.last_restart,
        last_termination_reason=intern(last_termination_reason(status)),
        qos=qos,
        priority_class=intern(spec.priority_class_name),
        requests=asked.requests,
        limits=asked.limits,
        pending=pending,
        owner=immediate(pod),
        images=container_images(uses(pod)) if active else (),
        totals=totals(counted, asked),
    )


def _shared_demand(of: Claims, interner: Interner) -> Demand:
    return interner.made(_ENCODER.encode(of), lambda: demand(of))
