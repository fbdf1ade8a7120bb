"""The kinds that kubesum reads: where each is served, how it is decoded, and what is kept of it."""

from collections.abc import Callable
from typing import Any, Final

from kubesum.kube.deltas import WatchedResource
from kubesum.kube.objects import CronJob, DaemonSet, Job, Namespace, Node, NodeMetrics, Pod, PodMetrics, Replicated
from kubesum.semantics.interner import Interner
from kubesum.semantics.nodes import namespace_facts, node_facts
from kubesum.semantics.pods.transform import pod_facts
from kubesum.semantics.usage import node_measurement, pod_measurement
from kubesum.semantics.workloads.transform import (
    cronjob_facts,
    daemonset_facts,
    deployment_facts,
    job_facts,
    replicaset_facts,
    statefulset_facts,
)


def watched_resources(interner: Interner) -> tuple[WatchedResource[Any], ...]:
    """All watched kinds, their facts sharing values through one interner."""

    def keep(facts: Callable[[Any, Interner], Any]) -> Callable[[Any], Any]:
        return lambda view: facts(view, interner)

    return (
        WatchedResource("pods", "", "v1", "Pod", Pod, keep(pod_facts)),
        WatchedResource("nodes", "", "v1", "Node", Node, keep(node_facts)),
        WatchedResource("namespaces", "", "v1", "Namespace", Namespace, keep(namespace_facts)),
        WatchedResource("deployments", "apps", "v1", "Deployment", Replicated, keep(deployment_facts)),
        WatchedResource("statefulsets", "apps", "v1", "StatefulSet", Replicated, keep(statefulset_facts)),
        WatchedResource("daemonsets", "apps", "v1", "DaemonSet", DaemonSet, keep(daemonset_facts)),
        WatchedResource("replicasets", "apps", "v1", "ReplicaSet", Replicated, keep(replicaset_facts)),
        WatchedResource("cronjobs", "batch", "v1", "CronJob", CronJob, keep(cronjob_facts)),
        WatchedResource("jobs", "batch", "v1", "Job", Job, keep(job_facts)),
    )


_METRICS: Final = ("metrics.k8s.io", "v1beta1")

POLLED_RESOURCES: Final[tuple[WatchedResource[Any], ...]] = (
    WatchedResource("nodes.metrics.k8s.io", *_METRICS, "NodeMetrics", NodeMetrics, node_measurement),
    WatchedResource("pods.metrics.k8s.io", *_METRICS, "PodMetrics", PodMetrics, pod_measurement),
)
"""The kinds that cannot be watched, and that a cluster need not have."""
