"""The CustomResourceDefinition of RollupDefinition, generated from the structs of `spec`.

The schema is structural, as apiextensions.k8s.io/v1 demands: references are written out, and no default is set but
those that say something. Rules about several fields are CEL rules (x-kubernetes-validations).
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from kubesum.rollupdefinitions.definition import (
    DEFINITION_GROUP,
    DEFINITION_KIND,
    DEFINITION_PLURAL,
    DEFINITION_VERSION,
)
from kubesum.rollupdefinitions.spec import END, Spec
from kubesum.rollupdefinitions.status import Status
from kubesum.vocabulary.resource import ROLLUP_GROUP

Schema = dict[str, Any]

_REFERENCE: Final = "#/$defs/{name}"
_KEPT_DEFAULTS: Final = ("Cluster", 500)
"""The defaults that kube-apiserver sets; the others are the same as an absent field."""

_RULES: Final = (
    (
        f"self.metadata.name == self.spec.names.plural + '.{ROLLUP_GROUP}'",
        f"metadata.name must be <plural>.{ROLLUP_GROUP}",
    ),
)
_SPEC_RULES: Final = (
    ("self.source != 'Nodes' || self.scope == 'Cluster'", "nodes have no namespace: use the scope Cluster"),
    (
        "self.source != 'Nodes' || !has(self.namespaceSelector)",
        "nodes have no namespace: leave namespaceSelector out",
    ),
    (
        "self.measures.all(one, !has(one.numerator) || self.measures.exists(other, other.name == one.numerator "
        "&& other.type in ['Count', 'Sum', 'Distinct']))",
        "numerator must be the name of a Count, a Sum or a Distinct of measures",
    ),
    (
        "self.measures.all(one, !has(one.denominator) || self.measures.exists(other, other.name == one.denominator "
        "&& other.type in ['Count', 'Sum', 'Distinct']))",
        "denominator must be the name of a Count, a Sum or a Distinct of measures",
    ),
    (
        "!has(self.columns) || self.columns.all(column, !has(column.measure) "
        "|| self.measures.exists(one, one.name == column.measure))",
        "the measure of a column must be one of measures",
    ),
    (
        "!has(self.columns) || self.columns.all(column, !has(column.key) "
        "|| self.groupBy.exists(one, one.name == column.key))",
        "the key of a column must be one of groupBy",
    ),
)
_COLUMNS: Final = (
    ("Kind", "string", ".spec.names.kind", "Kind of the rows."),
    ("Source", "string", ".spec.source", "What is grouped."),
    ("Groups", "integer", ".status.groups", "Number of groups."),
    ("Established", "string", '.status.conditions[?(@.type=="Established")].status', "Whether the kind is served."),
    ("Age", "date", ".metadata.creationTimestamp", "Time since the definition was created."),
)


def custom_resource_definition() -> Schema:
    """The CustomResourceDefinition, as an object."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{DEFINITION_PLURAL}.{DEFINITION_GROUP}"},
        "spec": {
            "group": DEFINITION_GROUP,
            "names": {
                "kind": DEFINITION_KIND,
                "listKind": f"{DEFINITION_KIND}List",
                "plural": DEFINITION_PLURAL,
                "singular": DEFINITION_KIND.lower(),
                "shortNames": ["rollup", "rollups"],
            },
            "scope": "Cluster",
            "versions": [
                {
                    "name": DEFINITION_VERSION,
                    "served": True,
                    "storage": True,
                    "subresources": {"status": {}},
                    "additionalPrinterColumns": [
                        {"name": name, "type": type_, "jsonPath": path, "description": text}
                        for name, type_, path, text in _COLUMNS
                    ],
                    "schema": {"openAPIV3Schema": schema()},
                }
            ],
        },
    }


def schema() -> Schema:
    """The structural schema of a definition."""
    (spec, status), parts = msgspec.json.schema_components((Spec, Status), ref_template=_REFERENCE)
    spec_schema = _structural(spec, parts)
    spec_schema["x-kubernetes-validations"] = _validations(_SPEC_RULES)
    return {
        "type": "object",
        "description": "A RollupDefinition makes a kind whose objects are groups of pods, nodes or workloads.",
        "required": ["spec"],
        "x-kubernetes-validations": _validations(_RULES),
        "properties": {
            "apiVersion": {"type": "string"},
            "kind": {"type": "string"},
            "metadata": {"type": "object"},
            "spec": spec_schema,
            "status": _structural(status, parts),
        },
    }


def _validations(rules: tuple[tuple[str, str], ...]) -> list[Schema]:
    return [{"rule": rule, "message": message} for rule, message in rules]


def _structural(found: Mapping[str, Any], parts: Mapping[str, Any]) -> Schema:
    """A JSON schema of msgspec as a structural one."""
    made: Schema = {}
    if "$ref" in found:
        made = _structural(parts[found["$ref"].rpartition("/")[2]], parts)
    for name, value in _kept(found):
        made[name] = _part(name, value, parts)
    if "enum" in made:
        made["type"] = "string"
    return made


def _kept(found: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, value in found.items():
        # additionalProperties false is not allowed: unknown fields are pruned.
        is_closed = name == "additionalProperties" and value is False
        is_plain_default = name == "default" and value not in _KEPT_DEFAULTS
        if name not in ("$ref", "title") and not is_closed and not is_plain_default:
            yield name, value


def _part(name: str, value: Any, parts: Mapping[str, Any]) -> Any:
    match name:
        case "properties":
            return {field: _structural(one, parts) for field, one in value.items()}
        case "items" | "additionalProperties":
            return _structural(value, parts)
        case "pattern":
            return f"{value.removesuffix(END)}$"
    return value
