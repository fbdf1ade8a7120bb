"""The resources that kubesum reads: where each is served, its view, and its transform."""

from collections.abc import Callable, Sequence
from typing import Any, Final

import msgspec

from kubesum.kube.deltas import WatchedResource
from kubesum.kube.objects.apps import DaemonSet, Replicated
from kubesum.kube.objects.batch import CronJob, Job
from kubesum.kube.objects.core import Namespace, Node, Pod
from kubesum.kube.objects.metrics import NodeMetrics, PodMetrics
from kubesum.semantics.facts import PodFacts
from kubesum.semantics.interner import Interner
from kubesum.semantics.nodes import namespace_facts, node_facts
from kubesum.semantics.podannotations import pods_with_annotations
from kubesum.semantics.pods.resizes import ResizeRule
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


def watched_pods(interner: Interner, rule: ResizeRule, annotations: Sequence[str] = ()) -> WatchedResource[PodFacts]:
    """Pods, counted by the rule of their cluster's scheduler, with these annotations."""
    if not annotations:
        return WatchedResource("pods", "", "v1", "Pod", Pod, lambda view: pod_facts(view, interner, rule))
    view, read = pods_with_annotations(annotations)

    def facts(pod: Pod) -> PodFacts:
        return msgspec.structs.replace(pod_facts(pod, interner, rule), annotations=interner.labels(read(pod)))

    return WatchedResource("pods", "", "v1", "Pod", view, facts)


def watched_resources(interner: Interner) -> tuple[WatchedResource[Any], ...]:
    """All watched resources, pods first and by the newest rule; their transforms intern values in `interner`."""

    def interning(facts: Callable[[Any, Interner], Any]) -> Callable[[Any], Any]:
        return lambda view: facts(view, interner)

    return (
        watched_pods(interner, ResizeRule.PER_POD),
        WatchedResource("nodes", "", "v1", "Node", Node, interning(node_facts)),
        WatchedResource("namespaces", "", "v1", "Namespace", Namespace, interning(namespace_facts)),
        WatchedResource("deployments", "apps", "v1", "Deployment", Replicated, interning(deployment_facts)),
        WatchedResource("statefulsets", "apps", "v1", "StatefulSet", Replicated, interning(statefulset_facts)),
        WatchedResource("daemonsets", "apps", "v1", "DaemonSet", DaemonSet, interning(daemonset_facts)),
        WatchedResource("replicasets", "apps", "v1", "ReplicaSet", Replicated, interning(replicaset_facts)),
        WatchedResource("cronjobs", "batch", "v1", "CronJob", CronJob, interning(cronjob_facts)),
        WatchedResource("jobs", "batch", "v1", "Job", Job, interning(job_facts)),
    )


METRICS_VERSIONS: Final = ("v1", "v1beta1")
"""Those of metrics.k8s.io that are read, the newest first.

v1, stable since Kubernetes 1.37, has the fields of v1beta1 (KEP-5207); metrics-server 0.9 serves v1beta1 alone.
"""
_METRICS: Final = ("metrics.k8s.io", METRICS_VERSIONS[0])
_OLDER: Final = METRICS_VERSIONS[1:]

POLLED_RESOURCES: Final[tuple[WatchedResource[Any], ...]] = (
    WatchedResource("nodes.metrics.k8s.io", *_METRICS, "NodeMetrics", NodeMetrics, node_measurement, _OLDER),
    WatchedResource("pods.metrics.k8s.io", *_METRICS, "PodMetrics", PodMetrics, pod_measurement, _OLDER),
)
"""The resources of metrics.k8s.io, which can only be listed; a cluster need not have them."""
