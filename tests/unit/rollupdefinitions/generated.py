"""Generated definitions, all of them valid."""

from typing import Any

from hypothesis import strategies as st

from kubesum.rollupdefinitions.compiling import compiled
from kubesum.rollupdefinitions.definition import RollupDefinition
from kubesum.rollupdefinitions.problems import Problem, read
from kubesum.rollupdefinitions.validation import problems
from kubesum.vocabulary.resource import ComputedResource
from tests.computation import ANNOTATION, JsonObject

_LABEL_ORIGINS = [{"label": "app"}, {"label": "zone", "default": "nowhere"}]
_NAMESPACE_ORIGINS = [{"namespaceLabel": "app"}, {"namespaceLabel": "zone", "default": "X"}]
_ORIGINS: dict[str, list[JsonObject]] = {
    "Pods": [
        *_LABEL_ORIGINS,
        *_NAMESPACE_ORIGINS,
        {"nodeLabel": "topology.kubernetes.io/zone", "default": "none"},
        {"field": "phase"},
        {"field": "ready"},
        {"field": "restarts"},
        {"field": "nodeName"},
        {"field": "namespace"},
        {"annotation": ANNOTATION},
        {"annotation": ANNOTATION, "default": "none"},
        {"workload": "Kind"},
        {"workload": "Name"},
        {"expression": "pod.nodeName + '/' + pod.phase"},
        {"expression": "pod.labels['app']", "default": "without"},
        {"expression": f"pod.annotations['{ANNOTATION}']", "default": "without"},
        {"expression": "node.ready ? 'ready' : 'not'"},
        {"expression": "pod.usage['cpu'] > 0.2 ? 'busy' : 'calm'", "default": "unknown"},
        {"expression": "ns.labels['app']"},
    ],
    "Nodes": [
        *_LABEL_ORIGINS,
        {"nodeLabel": "topology.kubernetes.io/zone"},
        {"field": "ready"},
        {"field": "schedulable"},
        {"field": "tainted"},
        {"field": "kubeletVersion"},
        {"expression": "node.problems.exists(one, one == 'DiskPressure') ? 'full' : 'fine'"},
        {"expression": "node.allocatable['cpu'] > 2 ? 'large' : 'small'", "default": "empty"},
    ],
    "Workloads": [
        *_LABEL_ORIGINS,
        *_NAMESPACE_ORIGINS,
        {"field": "health"},
        {"field": "kind"},
        {"workload": "Group"},
        {"expression": "workload.kind + string(workload.desired)"},
    ],
}
_MEASURES: dict[str, list[JsonObject]] = {
    "Pods": [
        {"type": "Count"},
        {"type": "Count", "when": "pod.restarts > 0"},
        {"type": "Count", "when": "pod.requests['cpu'] > 1"},
        {"type": "Sum", "resource": {"from": "requests", "name": "cpu"}},
        {"type": "Sum", "resource": {"from": "limits", "name": "memory"}},
        {"type": "Sum", "resource": {"from": "usage", "name": "cpu"}},
        {"type": "Sum", "resource": {"from": "requests", "name": "cpu"}, "when": "pod.active && node.ready"},
        {"type": "Sum", "field": "restarts"},
        {"type": "Distinct", "field": "images"},
        {"type": "Distinct", "field": "nodeName"},
        {"type": "Min", "field": "restarts"},
        {"type": "Max", "field": "restarts"},
        {"type": "Max", "field": "createdAt"},
        {"type": "Min", "resource": {"from": "requests", "name": "cpu"}},
        {"type": "Max", "resource": {"from": "usage", "name": "memory"}},
    ],
    "Nodes": [
        {"type": "Count"},
        {"type": "Count", "when": "!node.schedulable"},
        {"type": "Sum", "resource": {"from": "allocatable", "name": "cpu"}},
        {"type": "Sum", "resource": {"from": "requests", "name": "cpu"}},
        {"type": "Sum", "resource": {"from": "free", "name": "memory"}},
        {"type": "Sum", "resource": {"from": "limits", "name": "example.org/gpu"}},
        {"type": "Sum", "resource": {"from": "usage", "name": "memory"}},
        {"type": "Distinct", "field": "problems"},
        {"type": "Max", "resource": {"from": "allocatable", "name": "cpu"}},
        {"type": "Min", "field": "createdAt"},
    ],
    "Workloads": [
        {"type": "Count"},
        {"type": "Sum", "field": "pods"},
        {"type": "Sum", "field": "desired"},
        {"type": "Sum", "resource": {"from": "requests", "name": "cpu"}},
        {"type": "Sum", "resource": {"from": "usage", "name": "cpu"}},
        {"type": "Distinct", "field": "images"},
        {"type": "Max", "field": "restarts"},
        {"type": "Count", "when": "workload.health == 'Degraded'"},
    ],
}
_FILTERS = {
    "Pods": [
        f"'{ANNOTATION}' in pod.annotations",
        "pod.active",
        "pod.labels['app'] == 'x'",
        "'zone' in ns.labels",
        "pod.usage['cpu'] > 0.1",
    ],
    "Nodes": ["node.ready", "'cpu' in node.allocatable"],
    "Workloads": ["workload.pods > 0", "workload.usage['cpu'] > 0.1"],
}
_SELECTORS: list[JsonObject] = [
    {"matchLabels": {"app": "x"}},
    {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
    {"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["y"]}]},
    {"matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}]},
    {"matchExpressions": [{"key": "app", "operator": "In", "values": ["x", "y"]}]},
]


@st.composite
def specs(draw: st.DrawFn) -> JsonObject:
    source = draw(st.sampled_from(["Pods", "Pods", "Nodes", "Workloads"]))
    keys = draw(st.lists(st.sampled_from(_ORIGINS[source]), min_size=1, max_size=3))
    measures = draw(st.lists(st.sampled_from(_MEASURES[source]), min_size=1, max_size=6))
    named = [{"name": f"m{number}", **measure} for number, measure in enumerate(measures)]
    divisible = [one["name"] for one in named if one["type"] in ("Count", "Sum", "Distinct")]
    if divisible:
        chosen = st.sampled_from(divisible)
        named.append({"name": "share", "type": "Ratio", "numerator": draw(chosen), "denominator": draw(chosen)})
    spec: dict[str, Any] = {
        "names": {"kind": "Generated", "plural": "generateds"},
        "source": source,
        "groupBy": [{"name": f"k{number}", **key} for number, key in enumerate(keys)],
        "measures": named,
    }
    if draw(st.booleans()):
        spec["limits"] = {"maxGroups": draw(st.integers(1, 3))}
    if draw(st.booleans()):
        spec["filter"] = draw(st.sampled_from(_FILTERS[source]))
    if draw(st.integers(0, 3)) == 0:
        spec["selector"] = draw(st.sampled_from(_SELECTORS))
    if source != "Nodes":
        spec["scope"] = draw(st.sampled_from(["Cluster", "Namespaced"]))
        if draw(st.integers(0, 3)) == 0:
            spec["namespaceSelector"] = draw(st.sampled_from(_SELECTORS))
    return spec


def defined(spec: JsonObject) -> RollupDefinition:
    """The definition with this spec, which must be valid."""
    found = read({"metadata": {"name": f"{spec['names']['plural']}.rollup.kubesum.dev"}, "spec": spec})
    assert not isinstance(found, Problem), found.sentence
    assert problems(found, {ANNOTATION}) == ()
    return found


def resource(spec: JsonObject) -> ComputedResource:
    """The resource that a definition with this spec makes."""
    return compiled(defined(spec)).resource
