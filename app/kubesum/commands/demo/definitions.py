"""The RollupDefinitions of the demo: node pools, teams by a label of their namespaces, and GPUs by product."""

from collections.abc import Sequence
from typing import Any, Final

from kubesum.rollupdefinitions.definition import DEFINITION_GROUP, DEFINITION_KIND, DEFINITION_VERSION
from kubesum.vocabulary.resource import ROLLUP_GROUP

JsonObject = dict[str, Any]


def _definition(plural: str, kind: str, short_name: str, **spec: object) -> JsonObject:
    return {
        "apiVersion": f"{DEFINITION_GROUP}/{DEFINITION_VERSION}",
        "kind": DEFINITION_KIND,
        "metadata": {"name": f"{plural}.{ROLLUP_GROUP}"},
        "spec": {"names": {"kind": kind, "plural": plural, "shortNames": [short_name]}, **spec},
    }


def _sum(name: str, list_: str, resource: str) -> JsonObject:
    return {"name": name, "type": "Sum", "resource": {"from": list_, "name": resource}}


def _ratio(name: str, numerator: str, denominator: str) -> JsonObject:
    return {"name": name, "type": "Ratio", "numerator": numerator, "denominator": denominator}


def _column(name: str, measure: str, priority: int = 0) -> JsonObject:
    return {"name": name, "measure": measure, "priority": priority}


_GPU: Final = "nvidia.com/gpu"

DEFINITIONS: Final[Sequence[JsonObject]] = (
    _definition(
        "nodepools",
        "NodePool",
        "np",
        source="Nodes",
        groupBy=[{"name": "pool", "nodeLabel": "karpenter.sh/nodepool", "default": "none"}],
        measures=[
            {"name": "nodes", "type": "Count"},
            _sum("cpu", "allocatable", "cpu"),
            _sum("cpuRequests", "requests", "cpu"),
            _sum("cpuFree", "free", "cpu"),
            _ratio("cpuRequested", "cpuRequests", "cpu"),
            _sum("memoryFree", "free", "memory"),
        ],
        columns=[
            _column("Nodes", "nodes"),
            _column("CPU", "cpu"),
            _column("CPU-REQ%", "cpuRequested"),
            _column("CPU-FREE", "cpuFree"),
            _column("MEM-FREE", "memoryFree", 1),
        ],
    ),
    _definition(
        "teamusages",
        "TeamUsage",
        "tu",
        # Of pods, finished ones would count as well, and leaving them out takes an expression.
        source="Workloads",
        groupBy=[{"name": "team", "namespaceLabel": "team", "default": "unassigned"}],
        measures=[
            {"name": "workloads", "type": "Count"},
            {"name": "pods", "type": "Sum", "field": "activePods"},
            _sum("cpuRequests", "requests", "cpu"),
            _sum("memoryRequests", "requests", "memory"),
            _sum("gpuRequests", "requests", _GPU),
            _sum("cpuLimits", "limits", "cpu"),
            {"name": "images", "type": "Distinct", "field": "images"},
            {"name": "restarts", "type": "Sum", "field": "restarts"},
            _ratio("overcommit", "cpuLimits", "cpuRequests"),
        ],
        columns=[
            _column("Workloads", "workloads"),
            _column("Pods", "pods"),
            _column("CPU-REQ", "cpuRequests"),
            _column("MEM-REQ", "memoryRequests"),
            _column("GPU-REQ", "gpuRequests"),
            _column("Overcommit", "overcommit", 1),
            _column("Images", "images", 1),
        ],
    ),
    _definition(
        "gpuproducts",
        "GPUProduct",
        "gpu",
        source="Nodes",
        selector={"matchExpressions": [{"key": "nvidia.com/gpu.product", "operator": "Exists"}]},
        groupBy=[{"name": "product", "label": "nvidia.com/gpu.product"}],
        measures=[
            {"name": "nodes", "type": "Count"},
            _sum("gpus", "allocatable", _GPU),
            _sum("requested", "requests", _GPU),
            _sum("free", "free", _GPU),
        ],
    ),
)
