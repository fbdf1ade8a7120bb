"""A definition that has a part of every kind, and changes of it that are each wrong in one way."""

from collections.abc import Callable
from copy import deepcopy

from tests.computation import JsonObject

SAMPLE: JsonObject = {
    "apiVersion": "kubesum.dev/v1alpha1",
    "kind": "RollupDefinition",
    "metadata": {"name": "teamusages.rollup.kubesum.dev"},
    "spec": {
        "names": {
            "kind": "TeamUsage",
            "plural": "teamusages",
            "singular": "teamusage",
            "shortNames": ["tu"],
            "categories": ["rollups"],
        },
        "scope": "Cluster",
        "source": "Pods",
        "selector": {"matchExpressions": [{"key": "app.kubernetes.io/part-of", "operator": "Exists"}]},
        "namespaceSelector": {},
        "filter": "pod.active && pod.priorityClassName != 'overprovisioning'",
        "groupBy": [
            {"name": "team", "namespaceLabel": "team", "default": "unassigned"},
            {"name": "pool", "nodeLabel": "karpenter.sh/nodepool", "default": "none"},
        ],
        "measures": [
            {"name": "pods", "type": "Count"},
            {"name": "crashing", "type": "Count", "when": "pod.reasonClass == 'CrashLoopBackOff'"},
            {"name": "cpuRequests", "type": "Sum", "resource": {"from": "requests", "name": "cpu"}},
            {"name": "gpuRequests", "type": "Sum", "resource": {"from": "requests", "name": "nvidia.com/gpu"}},
            {"name": "cpuLimits", "type": "Sum", "resource": {"from": "limits", "name": "cpu"}},
            {"name": "images", "type": "Distinct", "field": "images"},
            {"name": "oldest", "type": "Min", "field": "createdAt"},
            {"name": "maxRestarts", "type": "Max", "field": "restarts"},
            {"name": "overcommit", "type": "Ratio", "numerator": "cpuLimits", "denominator": "cpuRequests"},
        ],
        "columns": [
            {"name": "Pods", "measure": "pods"},
            {"name": "CPU-REQ", "measure": "cpuRequests"},
            {"name": "Overcommit", "measure": "overcommit", "priority": 1},
        ],
        "limits": {"maxGroups": 500},
    },
}
"""The example of docs/rollups.md."""


def changed(change: Callable[[JsonObject], object]) -> JsonObject:
    """The sample with a change of its spec."""
    found = deepcopy(SAMPLE)
    change(found["spec"])
    return found


def named(plural: str, kind: str, **spec: object) -> JsonObject:
    """A small definition with other names."""
    return {
        **SAMPLE,
        "metadata": {"name": f"{plural}.rollup.kubesum.dev"},
        "spec": {
            "names": {"kind": kind, "plural": plural},
            "source": "Pods",
            "groupBy": [{"name": "team", "namespaceLabel": "team"}],
            "measures": [{"name": "pods", "type": "Count"}],
            **spec,
        },
    }
