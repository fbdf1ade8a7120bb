"""A hundred bad definitions: each gets one clear sentence, and harms nothing else."""

import sys
from collections.abc import Callable
from copy import deepcopy

import pytest

from kubesum.resources import RESOURCES
from kubesum.rollupdefinitions.acceptance import Acceptance, UnreadableDefinition, Verdict
from kubesum.rollupdefinitions.definition import DefinitionMetadata
from kubesum.rollupdefinitions.problems import Problem, read
from kubesum.rollupdefinitions.status import Status
from tests.computation import JsonObject
from tests.unit.rollupdefinitions.samples import SAMPLE, changed, named

Change = Callable[[JsonObject], object]

NAMED = DefinitionMetadata(name="teamusages.rollup.kubesum.dev")
ORIGINS = "field, label, annotation, namespaceLabel, nodeLabel, workload, expression"


def key(**fields: object) -> Change:
    """The first key is this one."""
    return lambda spec: spec["groupBy"].__setitem__(0, {"name": "team", **fields})


def measure(**fields: object) -> Change:
    """The first measure is this one."""
    return lambda spec: spec["measures"].__setitem__(0, {"name": "pods", **fields})


def names(**fields: object) -> Change:
    """Some names are these."""
    return lambda spec: spec["names"].update(fields)


def with_(**fields: object) -> Change:
    """Some fields of the spec are these."""
    return lambda spec: spec.update(fields)


def without(*path: str) -> Change:
    """A field of the spec is missing."""

    def change(spec: JsonObject) -> None:
        for part in path[:-1]:
            spec = spec[part]
        del spec[path[-1]]

    return change


def of_nodes(**fields: object) -> Change:
    """A definition of nodes."""
    nodes: JsonObject = {
        "source": "Nodes",
        "groupBy": [{"name": "zone", "field": "zone"}],
        "measures": [{"name": "nodes", "type": "Count"}],
        **fields,
    }

    def change(spec: JsonObject) -> None:
        for name in ("filter", "selector", "namespaceSelector", "columns"):
            spec.pop(name, None)
        spec.update(nodes)

    return change


SUM = {"type": "Sum"}
CPU = {"from": "requests", "name": "cpu"}
LONG = "x" * 64

# (change, path, what the sentence says)
OF_THE_SCHEMA: dict[str, tuple[Change, str, str]] = {
    "no names": (without("names"), "spec", "names is missing; add it"),
    "no kind": (without("names", "kind"), "spec.names", "kind is missing"),
    "no plural": (without("names", "plural"), "spec.names", "plural is missing"),
    "no source": (without("source"), "spec", "source is missing"),
    "no keys at all": (without("groupBy"), "spec", "groupBy is missing"),
    "no measures at all": (without("measures"), "spec", "measures is missing"),
    "a kind in lower case": (names(kind="teamUsage"), "spec.names.kind", "begin with a capital letter"),
    "a kind with a hyphen": (names(kind="Team-Usage"), "spec.names.kind", "letters and digits only"),
    "an empty kind": (names(kind=""), "spec.names.kind", "begin with a capital letter"),
    "a kind of emoji": (names(kind="🎉"), "spec.names.kind", "letters and digits only"),
    "a kind that is a number": (names(kind=7), "spec.names.kind", "it is of type int; it must be of type str"),
    "a kind of 64 characters": (names(kind="X" * 64), "spec.names.kind", "more than 63 characters"),
    "a kind with a line break at its end": (names(kind="Team\n"), "spec.names.kind", "letters and digits only"),
    "a key with a line break at its end": (
        lambda spec: spec["groupBy"][0].update(name="team\n"),
        "spec.groupBy[0].name",
        "letters and digits only",
    ),
    "a plural in capitals": (names(plural="TeamUsages"), "spec.names.plural", "be in lower case"),
    "a plural with a slash": (names(plural="team/usages"), "spec.names.plural", "be in lower case"),
    "a plural of 64 characters": (names(plural=LONG), "spec.names.plural", "more than 63 characters"),
    "a singular with a space": (names(singular="team usage"), "spec.names.singular", "be in lower case"),
    "a short name in capitals": (names(shortNames=["TU"]), "spec.names.shortNames[0]", "be in lower case"),
    "eleven short names": (
        names(shortNames=[f"t{n}" for n in range(11)]),
        "spec.names.shortNames",
        "more than 10 entries",
    ),
    "short names that are a text": (names(shortNames="tu"), "spec.names.shortNames", "it must be of type array"),
    "eleven categories": (
        names(categories=[f"t{n}" for n in range(11)]),
        "spec.names.categories",
        "more than 10 entries",
    ),
    "a scope that does not exist": (with_(scope="Everywhere"), "spec.scope", "'Everywhere' is not allowed"),
    "a source that does not exist": (with_(source="Services"), "spec.source", "'Services' is not allowed"),
    "no key": (with_(groupBy=[]), "spec.groupBy", "fewer than 1 entries"),
    "five keys": (
        with_(groupBy=[{"name": f"k{n}", "field": "phase"} for n in range(5)]),
        "spec.groupBy",
        "more than 4 entries",
    ),
    "keys that are a map": (with_(groupBy={"team": "x"}), "spec.groupBy", "it is of type object"),
    "a key without a name": (with_(groupBy=[{"field": "phase"}]), "spec.groupBy[0]", "name is missing"),
    "a key with a hyphen": (
        with_(groupBy=[{"name": "the-team", "field": "phase"}]),
        "spec.groupBy[0].name",
        "begin with a small letter",
    ),
    "a key that is an emoji": (
        with_(groupBy=[{"name": "🎉", "field": "phase"}]),
        "spec.groupBy[0].name",
        "begin with a small letter",
    ),
    "a label with a space": (key(label="a b"), "spec.groupBy[0].label", "be the name of a label"),
    "a label without a name": (key(label="example.org/"), "spec.groupBy[0].label", "be the name of a label"),
    "a label of 1,000 characters": (key(label="x" * 1000), "spec.groupBy[0].label", "more than 317 characters"),
    "a node label of emoji": (key(nodeLabel="🎉"), "spec.groupBy[0].nodeLabel", "be the name of a label"),
    "an empty expression": (key(expression=""), "spec.groupBy[0].expression", "fewer than 1 characters"),
    "a default of 64 characters": (key(label="a", default=LONG), "spec.groupBy[0].default", "more than 63"),
    "a part of the workload that does not exist": (
        key(workload="Uid"),
        "spec.groupBy[0].workload",
        "'Uid' is not allowed",
    ),
    "no origin": (key(), "spec.groupBy[0]", f"it has no origin; give it exactly one of {ORIGINS}"),
    "two origins": (key(label="a", field="phase"), "spec.groupBy[0]", "it has 2 origins"),
    "three origins": (key(label="a", field="phase", nodeLabel="b"), "spec.groupBy[0]", "it has 3 origins"),
    "two keys of one name": (
        with_(groupBy=[{"name": "team", "field": "phase"}, {"name": "team", "label": "a"}], columns=[]),
        "spec.groupBy",
        "the key 'team' is there 2 times",
    ),
    "no measure": (with_(measures=[], columns=[]), "spec.measures", "fewer than 1 entries"),
    "21 measures": (
        with_(measures=[{"name": f"m{n}", "type": "Count"} for n in range(21)], columns=[]),
        "spec.measures",
        "more than 20 entries",
    ),
    "two measures of one name": (
        with_(measures=[{"name": "pods", "type": "Count"}] * 2, columns=[]),
        "spec.measures",
        "the measure 'pods' is there 2 times",
    ),
    "a measure in capitals": (
        with_(measures=[{"name": "Pods", "type": "Count"}], columns=[]),
        "spec.measures[0].name",
        "begin with a small letter",
    ),
    "a type that does not exist": (measure(type="Average"), "spec.measures[0].type", "'Average' is not allowed"),
    "a Sum of nothing": (measure(**SUM), "spec.measures[0]", "a Sum needs exactly one of field and resource"),
    "a Sum of two things": (
        measure(**SUM, field="restarts", resource=CPU),
        "spec.measures[0]",
        "a Sum needs exactly one of field and resource",
    ),
    "a Min of nothing": (measure(type="Min"), "spec.measures[0]", "a Min needs exactly one"),
    "a Max of nothing": (measure(type="Max"), "spec.measures[0]", "a Max needs exactly one"),
    "a Count of a field": (measure(type="Count", field="phase"), "spec.measures[0]", "neither field nor resource"),
    "a Count of a resource": (measure(type="Count", resource=CPU), "spec.measures[0]", "neither field nor resource"),
    "a Distinct without a field": (measure(type="Distinct"), "spec.measures[0]", "a Distinct needs field"),
    "a Distinct of a resource": (
        measure(type="Distinct", resource=CPU),
        "spec.measures[0]",
        "a Distinct needs field",
    ),
    "a Count with a numerator": (
        measure(type="Count", numerator="cpuLimits", denominator="cpuRequests"),
        "spec.measures[0]",
        "a Count has no numerator",
    ),
    "a resource of a list that does not exist": (
        measure(**SUM, resource={"from": "wishes", "name": "cpu"}),
        "spec.measures[0].resource.from",
        "'wishes' is not allowed",
    ),
    "a resource without a list": (measure(**SUM, resource={"name": "cpu"}), "spec.measures[0].resource", "from is"),
    "a resource without a name": (
        measure(**SUM, resource={"from": "limits"}),
        "spec.measures[0].resource",
        "name is",
    ),
    "a resource of emoji": (
        measure(**SUM, resource={"from": "limits", "name": "🎉"}),
        "spec.measures[0].resource.name",
        "be the name of a label or resource",
    ),
    "a Ratio without a denominator": (
        measure(type="Ratio", numerator="cpuLimits"),
        "spec.measures[0]",
        "a Ratio needs numerator and denominator",
    ),
    "a Ratio without both": (measure(type="Ratio"), "spec.measures[0]", "a Ratio needs numerator and denominator"),
    "a Ratio of a measure that does not exist": (
        measure(type="Ratio", numerator="nothing", denominator="cpuRequests"),
        "spec.measures[0].numerator",
        "there is no measure 'nothing'",
    ),
    "a Ratio of a Ratio": (
        measure(type="Ratio", numerator="overcommit", denominator="cpuRequests"),
        "spec.measures[0].numerator",
        "overcommit is a Ratio; name a Count, a Sum or a Distinct",
    ),
    "a Ratio of itself": (
        measure(type="Ratio", numerator="pods", denominator="cpuRequests"),
        "spec.measures[0].numerator",
        "pods is a Ratio",
    ),
    "a Ratio by a Max": (
        measure(type="Ratio", numerator="cpuLimits", denominator="maxRestarts"),
        "spec.measures[0].denominator",
        "maxRestarts is a Max",
    ),
    "a Ratio with when": (
        measure(type="Ratio", numerator="cpuLimits", denominator="cpuRequests", when="pod.ready"),
        "spec.measures[0].when",
        "a Ratio has no when",
    ),
    "a column of nothing": (with_(columns=[{"name": "X"}]), "spec.columns[0]", "exactly one of measure and key"),
    "a column of two things": (
        with_(columns=[{"name": "X", "measure": "pods", "key": "team"}]),
        "spec.columns[0]",
        "exactly one of measure and key",
    ),
    "a column of a measure that does not exist": (
        with_(columns=[{"name": "X", "measure": "nothing"}]),
        "spec.columns[0].measure",
        "there is no measure 'nothing'",
    ),
    "a column of a key that does not exist": (
        with_(columns=[{"name": "X", "key": "nothing"}]),
        "spec.columns[0].key",
        "there is no key 'nothing'",
    ),
    "two columns of one name": (
        with_(columns=[{"name": "X", "measure": "pods"}] * 2),
        "spec.columns",
        "the column 'X' is there 2 times",
    ),
    "a column without a name": (
        with_(columns=[{"name": "", "measure": "pods"}]),
        "spec.columns[0].name",
        "fewer than",
    ),
    "a column of priority 2": (
        with_(columns=[{"name": "X", "measure": "pods", "priority": 2}]),
        "spec.columns[0].priority",
        "at most 1",
    ),
    "50,000 groups": (with_(limits={"maxGroups": 50_000}), "spec.limits.maxGroups", "at most 5000"),
    "no groups": (with_(limits={"maxGroups": 0}), "spec.limits.maxGroups", "at least 1"),
    "a number of groups in words": (
        with_(limits={"maxGroups": "many"}),
        "spec.limits.maxGroups",
        "it is of type str",
    ),
    "a selector of values for Exists": (
        with_(selector={"matchExpressions": [{"key": "a", "operator": "Exists", "values": ["b"]}]}),
        "spec.selector.matchExpressions[0].values",
        "the operator Exists takes no values",
    ),
    "a selector without values for In": (
        with_(selector={"matchExpressions": [{"key": "a", "operator": "In"}]}),
        "spec.selector.matchExpressions[0].values",
        "the operator In needs values",
    ),
    "an operator that does not exist": (
        with_(selector={"matchExpressions": [{"key": "a", "operator": "Like"}]}),
        "spec.selector.matchExpressions[0].operator",
        "'Like' is not allowed",
    ),
    "a selector that is a list": (with_(selector=["a"]), "spec.selector", "it is of type array"),
    "a filter that is a number": (with_(filter=1), "spec.filter", "it is of type int"),
    "a filter of 1 MiB": (with_(filter="x" * (1 << 20)), "spec.filter", "more than 1024 characters"),
    "namespaced nodes": (of_nodes(scope="Namespaced"), "spec.scope", "nodes have no namespace"),
    "nodes by namespace": (
        of_nodes(namespaceSelector={"matchLabels": {"a": "b"}}),
        "spec.namespaceSelector",
        "nodes have no namespace",
    ),
    "another name than the plural": (
        names(plural="others"),
        "metadata.name",
        "name it others.rollup.kubesum.dev",
    ),
}
"""What can be seen from the object alone: kube-apiserver refuses it as well, see tests/cluster."""

OF_THE_SERVER: dict[str, tuple[Change, str, str]] = {
    "a field that pods lack": (
        key(field="colour"),
        "spec.groupBy[0].field",
        "Pods have no field 'colour'; use one of",
    ),
    "a field that is a list": (key(field="images"), "spec.groupBy[0].field", "images of Pods is a list of strings"),
    "a field that is a time": (key(field="createdAt"), "spec.groupBy[0].field", "createdAt of Pods is a time"),
    "an annotation that is not read": (
        key(annotation="example.org/secret"),
        "spec.groupBy[0].annotation",
        "the server does not read the annotation 'example.org/secret'",
    ),
    "a Sum of a text": (measure(**SUM, field="phase"), "spec.measures[0].field", "phase of Pods is a string"),
    "a Sum of a field that pods lack": (measure(**SUM, field="size"), "spec.measures[0].field", "Pods have no field"),
    "a Max of a text": (measure(type="Max", field="phase"), "spec.measures[0].field", "phase of Pods is a string"),
    "a Distinct of a time": (
        measure(type="Distinct", field="createdAt"),
        "spec.measures[0].field",
        "createdAt of Pods is a time",
    ),
    "what is allocatable of pods": (
        measure(**SUM, resource={"from": "allocatable", "name": "cpu"}),
        "spec.measures[0].resource.from",
        "Pods have no allocatable; use one of limits, requests, usage",
    ),
    "an annotation of nodes": (
        of_nodes(groupBy=[{"name": "a", "annotation": "example.org/a"}]),
        "spec.groupBy[0].annotation",
        "the source Nodes has none",
    ),
    "a namespace label of nodes": (
        of_nodes(groupBy=[{"name": "a", "namespaceLabel": "a"}]),
        "spec.groupBy[0].namespaceLabel",
        "the source Nodes has none",
    ),
    "the workload of nodes": (
        of_nodes(groupBy=[{"name": "a", "workload": "Kind"}]),
        "spec.groupBy[0].workload",
        "the source Nodes has none",
    ),
    "the greatest requests of a node": (
        of_nodes(measures=[{"name": "a", "type": "Max", "resource": CPU}]),
        "spec.measures[0].resource.from",
        "requests of Nodes is the sum over their pods, of which there is no Max",
    ),
    "requests of some pods of a node": (
        of_nodes(measures=[{"name": "a", "type": "Sum", "resource": CPU, "when": "node.ready"}]),
        "spec.measures[0].when",
        "cannot be chosen by an expression",
    ),
    "requests of nodes by their usage": (
        of_nodes(
            groupBy=[{"name": "a", "expression": "node.usage['cpu'] > 1 ? 'busy' : 'calm'"}],
            measures=[{"name": "a", "type": "Sum", "resource": CPU}],
        ),
        "spec.groupBy[0].expression",
        "which cannot be grouped or filtered by node.usage",
    ),
    "what is free on busy nodes": (
        of_nodes(
            filter="node.usage['cpu'] > 1",
            measures=[{"name": "a", "type": "Sum", "resource": {"from": "free", "name": "cpu"}}],
        ),
        "spec.filter",
        "which cannot be grouped or filtered by node.usage",
    ),
    "a column named NAME": (
        with_(columns=[{"name": "Name", "measure": "pods"}]),
        "spec.columns[0].name",
        "every row has the column NAME",
    ),
    "a filter that ends in the middle": (
        with_(filter="pod.active &&"),
        "spec.filter",
        "does not compile: at character",
    ),
    "a filter that is a text": (with_(filter="pod.name"), "spec.filter", "its value is of type string"),
    "a filter with a field that does not exist": (with_(filter="pod.colour"), "spec.filter", "'pod.colour' does not"),
    "a filter of the whole pod": (with_(filter="pod == pod"), "spec.filter", "'pod' does not exist"),
    "a filter that divides text": (with_(filter="pod.name / 2 == 1"), "spec.filter", "no matching overload"),
    "a filter with a function that does not exist": (
        with_(filter="now() > 1"),
        "spec.filter",
        "undeclared reference",
    ),
    "a filter with a NUL": (with_(filter="\0"), "spec.filter", "does not compile"),
    "a filter of 500 parentheses": (with_(filter="(" * 500 + "true" + ")" * 500), "spec.filter", "does not compile"),
    "a key that is a number": (
        key(expression="pod.restarts"),
        "spec.groupBy[0].expression",
        "its value is of type int, and must be a string",
    ),
    "a key of an object that is not in the record": (
        key(expression="object.metadata.name"),
        "spec.groupBy[0].expression",
        "undeclared reference to 'object.metadata.name'",
    ),
    "a when that is a number": (
        measure(type="Count", when="pod.restarts"),
        "spec.measures[0].when",
        "its value is of type int, and must be a bool",
    ),
}
"""What needs the server."""

UNKNOWN: dict[str, tuple[Change, str, str]] = {
    "a field that does not exist": (with_(groupby=[]), "spec", "'groupby' is no field of it"),
    "a field of a key that does not exist": (key(field="phase", lable="a"), "spec.groupBy[0]", "'lable' is no field"),
}
"""Typing errors: kube-apiserver drops unknown fields, and kubectl warns of them."""

# The schema cannot be judged by it: it is about the name of the object, or the change renames it too.
REFUSED_BY_SCHEMA = {name: changed(change) for name, (change, _, _) in OF_THE_SCHEMA.items()}


def verdict(found: JsonObject) -> Verdict:
    """What is said of a definition beside a good one, which is served in any case."""
    good = read(named("others", "Other"))
    assert not isinstance(good, Problem)
    read_ = read(found)
    one = UnreadableDefinition(NAMED, read_, Status()) if isinstance(read_, Problem) else read_
    verdicts = {each.metadata.name: each for each in Acceptance(RESOURCES, ()).verdicts([one, good])}
    assert verdicts["others.rollup.kubesum.dev"].compiled is not None
    return verdicts["teamusages.rollup.kubesum.dev"]


ALL = {**OF_THE_SCHEMA, **OF_THE_SERVER, **UNKNOWN}


@pytest.mark.parametrize("name", ALL)
def test_a_bad_definition_is_not_accepted_in_one_clear_sentence(name: str) -> None:
    change, path, what = ALL[name]

    found = verdict(changed(change))

    [problem] = found.problems
    assert problem.path == path
    assert what in problem.sentence
    assert len(problem.sentence) < 1000
    assert found.compiled is None


def test_there_are_a_hundred_of_them() -> None:
    assert len(ALL) > 100


@pytest.mark.parametrize("found", [None, [], "text", 7, {}, {"spec": {}}, {"metadata": {"name": "x"}, "spec": None}])
def test_what_is_no_object_at_all_is_read_as_a_problem(found: object) -> None:
    assert isinstance(read(found), Problem)


def test_an_object_that_is_nested_without_end_is_a_problem() -> None:
    nested: JsonObject = {}
    for _ in range(5_000):
        nested = {"a": nested}

    assert isinstance(read({**deepcopy(SAMPLE), "spec": nested}), Problem)


def test_without_the_extra_a_definition_with_an_expression_is_not_accepted_and_others_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "cel_expr_python", None)

    [problem] = verdict(deepcopy(SAMPLE)).problems

    assert problem.sentence == (
        "spec.filter: expressions need cel-expr-python, which is not installed here; "
        "install kubesum[cel], or leave the expression out"
    )
