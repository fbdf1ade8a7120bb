"""The kinds that kubesum watches: where each is served, how it is decoded, and what is kept of it."""

from collections.abc import Callable
from typing import Any

from app.kube.news import Kind
from app.kube.objects import CronJob, DaemonSet, Job, Namespace, Node, Pod, Replicated
from app.semantics.interner import Interner
from app.semantics.nodes import namespace_facts, node_facts
from app.semantics.pods import pod_facts
from app.semantics.workloads import (
    cronjob_facts,
    daemonset_facts,
    deployment_facts,
    job_facts,
    replicaset_facts,
    statefulset_facts,
)


def kinds(interner: Interner) -> tuple[Kind[Any], ...]:
    """All watched kinds, their facts sharing values through one interner."""

    def keep(facts: Callable[[Any, Interner], Any]) -> Callable[[Any], Any]:
        return lambda view: facts(view, interner)

    return (
        Kind("pods", "", "v1", "Pod", Pod, keep(pod_facts)),
        Kind("nodes", "", "v1", "Node", Node, keep(node_facts)),
        Kind("namespaces", "", "v1", "Namespace", Namespace, keep(namespace_facts)),
        Kind("deployments", "apps", "v1", "Deployment", Replicated, keep(deployment_facts)),
        Kind("statefulsets", "apps", "v1", "StatefulSet", Replicated, keep(statefulset_facts)),
        Kind("daemonsets", "apps", "v1", "DaemonSet", DaemonSet, keep(daemonset_facts)),
        Kind("replicasets", "apps", "v1", "ReplicaSet", Replicated, keep(replicaset_facts)),
        Kind("cronjobs", "batch", "v1", "CronJob", CronJob, keep(cronjob_facts)),
        Kind("jobs", "batch", "v1", "Job", Job, keep(job_facts)),
    )
