"""What the schema of a definition cannot say: fields that the source lacks, references to nothing, expressions.

The rules about the object alone are CEL rules of the CustomResourceDefinition too, so that kube-apiserver refuses
such an object; here they hold for files, and for a cluster whose CustomResourceDefinition is older.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator

from msgspec import UNSET

from kubesum.rollupdefinitions import expressions
from kubesum.rollupdefinitions.definition import RollupDefinition
from kubesum.rollupdefinitions.expressions import InvalidExpression, environment
from kubesum.rollupdefinitions.problems import Problem, shown
from kubesum.rollupdefinitions.records import RECORDS, FieldType, RecordType
from kubesum.rollupdefinitions.spec import ColumnSpec, GroupKey, LabelSelector, Measure, Spec

ORIGINS = ("field", "label", "annotation", "namespace_label", "node_label", "workload", "expression")
_SCALARS = (FieldType.STRING, FieldType.BOOL, FieldType.INT)


def problems(definition: RollupDefinition, annotations: Collection[str]) -> tuple[Problem, ...]:
    """What is wrong with a definition that its schema allows; `annotations` are those that the server reads."""
    spec = definition.spec
    record = RECORDS[spec.source]
    found = [
        *_names(definition),
        *_scope(spec),
        *_selector("spec.selector", spec.selector),
        *_selector("spec.namespaceSelector", spec.namespace_selector),
        *_repeated("spec.groupBy", [key.name for key in spec.group_by], "key"),
        *(one for at, key in enumerate(spec.group_by) for one in _key(f"spec.groupBy[{at}]", key, spec, annotations)),
        *_repeated("spec.measures", [measure.name for measure in spec.measures], "measure"),
        *(one for at, measure in enumerate(spec.measures) for one in _measure(f"spec.measures[{at}]", measure, spec)),
        *_columns(spec),
    ]
    return (*found, *_expressions(spec, record))


def _names(definition: RollupDefinition) -> Iterator[Problem]:
    names = definition.spec.names
    if definition.name != definition.expected_name:
        yield Problem(
            "metadata.name",
            f"it is {shown(definition.name)}, and must be the plural and the group",
            f"name it {definition.expected_name}",
        )
    yield from _repeated("spec.names.shortNames", names.short_names, "short name")


def _scope(spec: Spec) -> Iterator[Problem]:
    if spec.source != "Nodes":
        return
    if spec.scope == "Namespaced":
        yield Problem("spec.scope", "nodes have no namespace", "use the scope Cluster")
    if spec.namespace_selector != LabelSelector():
        yield Problem("spec.namespaceSelector", "nodes have no namespace", "leave it out")


def _selector(path: str, selector: LabelSelector) -> Iterator[Problem]:
    for at, requirement in enumerate(selector.match_expressions):
        if (requirement.operator in ("In", "NotIn")) != bool(requirement.values):
            needs = "needs values" if requirement.operator in ("In", "NotIn") else "takes no values"
            yield Problem(
                f"{path}.matchExpressions[{at}].values",
                f"the operator {requirement.operator} {needs}",
                "add or remove them",
            )


def _repeated(path: str, names: Iterable[str], what: str) -> Iterator[Problem]:
    for name, number in Counter(names).items():
        if number > 1:
            yield Problem(path, f"the {what} {shown(name)} is there {number} times", "rename or remove one of them")


def _key(path: str, key: GroupKey, spec: Spec, annotations: Collection[str]) -> Iterator[Problem]:
    record = RECORDS[spec.source]
    origins = [origin for origin in ORIGINS if getattr(key, origin) is not UNSET]
    if len(origins) != 1:
        all_origins = "field, label, annotation, namespaceLabel, nodeLabel, workload, expression"
        what = "it has no origin" if not origins else f"it has {len(origins)} origins"
        yield Problem(path, what, f"give it exactly one of {all_origins}")
        return
    if key.field is not UNSET:
        yield from _field(f"{path}.field", key.field, record, spec.source, _SCALARS)
    missing = {
        "annotation": record.annotations is None,
        "namespace_label": spec.source == "Nodes",
        "node_label": record.node_labels is None,
        "workload": record.workload is None,
    }
    if missing.get(origins[0]):
        name = {"namespace_label": "namespaceLabel", "node_label": "nodeLabel"}.get(origins[0], origins[0])
        yield Problem(f"{path}.{name}", f"the source {spec.source} has none", "use another origin or another source")
    elif key.annotation is not UNSET and key.annotation not in annotations:
        yield Problem(
            f"{path}.annotation",
            f"the server does not read the annotation {shown(key.annotation)}",
            "use a label, or name it in --rollup-annotations",
        )


def _field(path: str, name: str, record: RecordType, source: str, types: tuple[FieldType, ...]) -> Iterator[Problem]:
    known = record.field_names(*types)
    if name in known:
        return
    if name in record.fields:
        yield Problem(
            path, f"{name} of {source} is {record.fields[name].type.value}", f"use one of {', '.join(known)}"
        )
    else:
        yield Problem(path, f"{source} have no field {shown(name)}", f"use one of {', '.join(known)}")


def _measure(path: str, measure: Measure, spec: Spec) -> Iterator[Problem]:
    kinds = {
        "Count": _count,
        "Ratio": _ratio,
        "Distinct": _distinct,
        "Sum": _amount,
        "Min": _amount,
        "Max": _amount,
    }
    if measure.type != "Ratio" and (measure.numerator is not UNSET or measure.denominator is not UNSET):
        yield Problem(path, f"a {measure.type} has no numerator or denominator", "remove them, or make it a Ratio")
    yield from kinds[measure.type](path, measure, spec)


def _count(path: str, measure: Measure, _: Spec) -> Iterator[Problem]:
    if measure.field is not UNSET or measure.resource is not UNSET:
        yield Problem(path, f"a {measure.type} has neither field nor resource", "remove it")


def _distinct(path: str, measure: Measure, spec: Spec) -> Iterator[Problem]:
    if measure.field is UNSET or measure.resource is not UNSET:
        yield Problem(path, "a Distinct needs field, and has no resource", "name the field whose values are counted")
    else:
        types = (FieldType.STRING, FieldType.STRINGS, FieldType.INT)
        yield from _field(f"{path}.field", measure.field, RECORDS[spec.source], spec.source, types)


def _amount(path: str, measure: Measure, spec: Spec) -> Iterator[Problem]:
    if (measure.field is UNSET) == (measure.resource is UNSET):
        yield Problem(path, f"a {measure.type} needs exactly one of field and resource", "add or remove one")
        return
    record = RECORDS[spec.source]
    if measure.field is not UNSET:
        types = (FieldType.INT,) if measure.type == "Sum" else (FieldType.INT, FieldType.TIME)
        yield from _field(f"{path}.field", measure.field, record, spec.source, types)
    elif measure.resource is not UNSET:
        yield from _resource(path, measure, measure.resource.from_, spec)


def _resource(path: str, measure: Measure, list_: str, spec: Spec) -> Iterator[Problem]:
    record = RECORDS[spec.source]
    known = sorted({*record.amounts, *record.of_pods})
    if list_ not in known:
        yield Problem(f"{path}.resource.from", f"{spec.source} have no {list_}", f"use one of {', '.join(known)}")
    elif list_ in record.of_pods and measure.type != "Sum":
        yield Problem(
            f"{path}.resource.from",
            f"{list_} of {spec.source} is the sum over their pods, of which there is no {measure.type}",
            f"use Sum, or one of {', '.join(sorted(record.amounts))}",
        )
    elif list_ in record.of_pods and measure.when is not UNSET:
        yield Problem(
            f"{path}.when",
            f"{list_} of {spec.source} is the sum over their pods, which cannot be chosen by an expression",
            "remove it, or filter the nodes",
        )


def _ratio(path: str, measure: Measure, spec: Spec) -> Iterator[Problem]:
    yield from _count(path, measure, spec)
    if measure.when is not UNSET:
        yield Problem(f"{path}.when", "a Ratio has no when", "give it to the measures that it divides")
    types = {one.name: one.type for one in spec.measures}
    if measure.numerator is UNSET or measure.denominator is UNSET:
        yield Problem(path, "a Ratio needs numerator and denominator", "name two measures")
        return
    for part, name in (("numerator", measure.numerator), ("denominator", measure.denominator)):
        if name not in types:
            yield Problem(f"{path}.{part}", f"there is no measure {shown(name)}", "name one of spec.measures")
        elif types[name] not in ("Count", "Sum", "Distinct"):
            yield Problem(f"{path}.{part}", f"{name} is a {types[name]}", "name a Count, a Sum or a Distinct")


def _columns(spec: Spec) -> Iterator[Problem]:
    yield from _repeated("spec.columns", [column.name for column in spec.columns], "column")
    for at, column in enumerate(spec.columns):
        yield from _column(f"spec.columns[{at}]", column, spec)


def _column(path: str, column: ColumnSpec, spec: Spec) -> Iterator[Problem]:
    if column.name.lower() == "name":
        yield Problem(f"{path}.name", "every row has the column NAME already", "choose another header")
    if (column.measure is UNSET) == (column.key is UNSET):
        yield Problem(path, "a column has exactly one of measure and key", "add or remove one")
    elif column.measure is not UNSET and column.measure not in [one.name for one in spec.measures]:
        yield Problem(f"{path}.measure", f"there is no measure {shown(column.measure)}", "name one of spec.measures")
    elif column.key is not UNSET and column.key not in [key.name for key in spec.group_by]:
        yield Problem(f"{path}.key", f"there is no key {shown(column.key)}", "name one of spec.groupBy")


def _expressions(spec: Spec, record: RecordType) -> Iterator[Problem]:
    texts = [
        *([("spec.filter", spec.filter, FieldType.BOOL)] if spec.filter is not UNSET else []),
        *(
            (f"spec.groupBy[{at}].expression", key.expression, FieldType.STRING)
            for at, key in enumerate(spec.group_by)
            if key.expression is not UNSET
        ),
        *(
            (f"spec.measures[{at}].when", measure.when, FieldType.BOOL)
            for at, measure in enumerate(spec.measures)
            if measure.when is not UNSET
        ),
    ]
    if texts and not expressions.is_installed():
        yield Problem(texts[0][0], expressions.NOT_INSTALLED, "install kubesum[cel], or leave the expression out")
        return
    of_pods = {one.resource.from_ for one in spec.measures if one.resource is not UNSET} & record.of_pods
    for path, text, wanted in texts:
        try:
            compiled = environment(spec.source).compiled(text, wanted)
        except InvalidExpression as error:
            yield Problem(path, f"the expression does not compile: {error}", "correct it")
            continue
        # Pods are joined with the facts of their node, not with its usage: a poll would join all of them anew.
        if of_pods and "node.usage" in compiled.variables and not path.endswith(".when"):
            yield Problem(
                path,
                f"{min(of_pods)} of {spec.source} is a sum over their pods, which cannot be grouped or filtered by "
                "node.usage",
                "use node.usage in a definition of its own",
            )
