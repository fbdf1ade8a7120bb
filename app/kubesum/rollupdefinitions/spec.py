"""The spec of a RollupDefinition, as typed structs.

The one declaration of it: the structural schema of the CustomResourceDefinition, its reference page and the checks of
`validation` are made from these structs, whose fields have a description, bounds, and CEL rules of
k8s.io/apiserver (x-kubernetes-validations) where a rule is about more than one field.
"""

from typing import Annotated, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import UNSET, Meta, UnsetType

MOST_KEYS: Final = 4
MOST_MEASURES: Final = 20
MOST_GROUPS: Final = 5000
GROUPS: Final = 500
"""The largest number of groups unless `limits.maxGroups` says another."""
LONGEST_EXPRESSION: Final = 1024

END: Final = r"\Z"
"""The end of a text in the patterns here: `$`, which it is in those of a schema, also matches before a line break."""
_DNS_LABEL: Final = rf"^[a-z]([-a-z0-9]*[a-z0-9])?{END}"
_KIND: Final = rf"^[A-Z][A-Za-z0-9]*{END}"
_FIELD: Final = rf"^[a-z][A-Za-z0-9]*{END}"
_LABEL_KEY: Final = (
    "^([a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?"
    rf"{END}"
)
FORMS: Final = {
    _DNS_LABEL: "be in lower case: letters, digits and hyphens, beginning with a letter",
    _KIND: "begin with a capital letter and have letters and digits only, such as TeamUsage",
    _FIELD: "begin with a small letter and have letters and digits only, such as cpuRequests",
    _LABEL_KEY: "be the name of a label or resource, such as app.kubernetes.io/name",
}
"""What the patterns ask for, in words: the ends of sentences."""


def _rules(*rules: tuple[str, str]) -> Meta:
    """CEL rules, each with the message of a definition that breaks it."""
    return Meta(
        extra_json_schema={"x-kubernetes-validations": [{"rule": one, "message": text} for one, text in rules]}
    )


def map_by(key: str) -> dict[str, Any]:
    """A list whose items are merged by this field, which no two share."""
    return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": [key]}


_ATOMIC: Final = {"x-kubernetes-list-type": "atomic"}
_SET: Final = {"x-kubernetes-list-type": "set"}

LabelKey: TypeAlias = Annotated[str, Meta(pattern=_LABEL_KEY, min_length=1, max_length=317)]
Expression: TypeAlias = Annotated[str, Meta(min_length=1, max_length=LONGEST_EXPRESSION)]
FieldName: TypeAlias = Annotated[str, Meta(pattern=_FIELD, max_length=63)]


class Struct(msgspec.Struct, frozen=True, rename="camel", forbid_unknown_fields=True, omit_defaults=True):
    """A part of the spec: its fields are in camelCase, and an unknown one is an error."""


class Names(Struct, frozen=True):
    """The names of the kind that a definition makes, as in a CustomResourceDefinition."""

    kind: Annotated[
        str, Meta(description="Kind of the rows, in CamelCase, such as TeamUsage.", pattern=_KIND, max_length=63)
    ]
    plural: Annotated[
        str,
        Meta(
            description="Plural in lower case, which is part of the URL and of the definition's name.",
            pattern=_DNS_LABEL,
            max_length=63,
        ),
    ]
    singular: (
        Annotated[
            str,
            Meta(
                description="Singular in lower case; the kind in lower case unless it is set.",
                pattern=_DNS_LABEL,
                max_length=63,
            ),
        ]
        | UnsetType
    ) = UNSET
    short_names: Annotated[
        tuple[Annotated[str, Meta(pattern=_DNS_LABEL, max_length=63)], ...],
        Meta(description="Short names that kubectl accepts.", max_length=10, extra_json_schema=_SET),
    ] = ()
    categories: Annotated[
        tuple[Annotated[str, Meta(pattern=_DNS_LABEL, max_length=63)], ...],
        Meta(
            description="Categories beside `rollups`, so that `kubectl get CATEGORY` lists the kind.",
            max_length=10,
            extra_json_schema=_SET,
        ),
    ] = ()


class Requirement(Struct, frozen=True):
    """metav1.LabelSelectorRequirement."""

    key: Annotated[LabelKey, Meta(description="Key of the label.")]
    operator: Annotated[
        Literal["In", "NotIn", "Exists", "DoesNotExist"],
        Meta(description="How the label's value relates to the values."),
    ]
    values: Annotated[
        tuple[Annotated[str, Meta(max_length=63)], ...],
        Meta(
            description="Values for In and NotIn; none for the other operators.",
            max_length=100,
            extra_json_schema=_ATOMIC,
        ),
    ] = ()


class LabelSelector(Struct, frozen=True):
    """metav1.LabelSelector: all of its requirements must be met; an empty one selects everything."""

    match_labels: Annotated[
        dict[str, Annotated[str, Meta(max_length=63)]],
        Meta(description="Labels that must have exactly these values.", max_length=50),
    ] = {}
    match_expressions: Annotated[
        tuple[
            Annotated[
                Requirement,
                _rules(
                    (
                        "(self.operator in ['In', 'NotIn']) == (has(self.values) && size(self.values) > 0)",
                        "values are needed for In and NotIn, and not allowed for Exists and DoesNotExist",
                    )
                ),
            ],
            ...,
        ],
        Meta(description="Further requirements.", max_length=50, extra_json_schema=_ATOMIC),
    ] = ()


class GroupKey(Struct, frozen=True):
    """One key of the groups: its name, and where its value comes from."""

    name: Annotated[
        FieldName,
        Meta(description="Name of the key: a field of `key` of the rows, and a part of their labels and selectors."),
    ]
    field: (
        Annotated[str, Meta(description="A field of the source, such as phase, nodeName or qosClass.", max_length=63)]
        | UnsetType
    ) = UNSET
    label: Annotated[LabelKey, Meta(description="A label of the source object.")] | UnsetType = UNSET
    annotation: (
        Annotated[
            LabelKey, Meta(description="An annotation of the pod, one of those that --rollup-annotations names.")
        ]
        | UnsetType
    ) = UNSET
    namespace_label: Annotated[LabelKey, Meta(description="A label of the object's namespace.")] | UnsetType = UNSET
    node_label: (
        Annotated[
            LabelKey, Meta(description="A label of the pod's node; of the node itself where the source is Nodes.")
        ]
        | UnsetType
    ) = UNSET
    workload: (
        Annotated[
            Literal["Kind", "Name", "Group"],
            Meta(description="A part of the reference to the workload that the pod belongs to."),
        ]
        | UnsetType
    ) = UNSET
    expression: Annotated[Expression, Meta(description="A CEL expression whose value is a string.")] | UnsetType = (
        UNSET
    )
    default: Annotated[
        str,
        Meta(
            description="Value of the key where its origin has none: an absent label, an expression that fails; "
            "`none` unless it is set.",
            max_length=63,
        ),
    ] = "none"


class ResourceAmount(Struct, frozen=True):
    """One resource of one list of the source, such as the cpu of the requests."""

    from_: Annotated[
        Literal["requests", "limits", "usage", "allocatable", "capacity", "free"],
        Meta(
            description="The list: requests, limits or usage of Pods and Workloads; of Nodes also allocatable, "
            "capacity and free, which is allocatable minus requests."
        ),
    ] = msgspec.field(name="from")
    name: Annotated[LabelKey, Meta(description="Name of the resource, such as cpu, memory or nvidia.com/gpu.")] = (
        msgspec.field()
    )


class Measure(Struct, frozen=True):
    """One number of the rows: what is counted or added up over the members of a group."""

    name: Annotated[FieldName, Meta(description="Name of the measure: a field of `status` of the rows.")]
    type: Annotated[
        Literal["Count", "Sum", "Distinct", "Min", "Max", "Ratio"],
        Meta(
            description="Count counts members, Sum adds up a resource or an integer field, Distinct counts different "
            "values, Min and Max give the least and greatest, Ratio is an integer percent of two other measures."
        ),
    ]
    when: (
        Annotated[Expression, Meta(description="A CEL expression, a bool: only members for which it is true count.")]
        | UnsetType
    ) = UNSET
    resource: (
        Annotated[ResourceAmount, Meta(description="The resource that Sum, Min or Max is about.")] | UnsetType
    ) = UNSET
    field: (
        Annotated[
            str, Meta(description="The field of the source that Sum, Distinct, Min or Max is about.", max_length=63)
        ]
        | UnsetType
    ) = UNSET
    numerator: Annotated[FieldName, Meta(description="Name of the measure that a Ratio divides.")] | UnsetType = UNSET
    denominator: (
        Annotated[
            FieldName,
            Meta(description="Name of the measure that a Ratio divides by; the Ratio is absent where it is 0."),
        ]
        | UnsetType
    ) = UNSET
    description: Annotated[
        str, Meta(description="What the measure means, for `kubectl explain`.", max_length=500)
    ] = ""


class ColumnSpec(Struct, frozen=True):
    """One column that `kubectl get` prints, beside the name of the row."""

    name: Annotated[str, Meta(description="Header of the column.", min_length=1, max_length=63)]
    measure: Annotated[FieldName, Meta(description="Name of the measure that it shows.")] | UnsetType = UNSET
    key: Annotated[FieldName, Meta(description="Name of the key that it shows.")] | UnsetType = UNSET
    priority: Annotated[
        int, Meta(description="0 for a column that is always printed, 1 for one of `-o wide`.", ge=0, le=1)
    ] = 0


class Limits(Struct, frozen=True):
    """The bounds of a definition."""

    max_groups: Annotated[
        int,
        Meta(
            description="Largest number of groups with a row of their own, the first by name; the others are "
            "added up in the row `other`, and the condition Truncated says so.",
            ge=1,
            le=MOST_GROUPS,
        ),
    ] = GROUPS


_ORIGINS: Final = ("field", "label", "annotation", "namespaceLabel", "nodeLabel", "workload", "expression")
_ONE_ORIGIN: Final = (
    f"[{', '.join(f'has(self.{origin})' for origin in _ORIGINS)}].filter(one, one).size() == 1",
    f"a key has exactly one of {', '.join(_ORIGINS)}",
)
_MEASURE_RULES: Final = (
    (
        "(self.type in ['Sum', 'Min', 'Max'] ? 1 : 0) == (has(self.resource) != has(self.field) ? 1 : 0) "
        "|| self.type in ['Count', 'Ratio', 'Distinct']",
        "Sum, Min and Max have either resource or field",
    ),
    (
        "self.type != 'Distinct' || (has(self.field) && !has(self.resource))",
        "Distinct has field, and no resource",
    ),
    (
        "!(self.type in ['Count', 'Ratio']) || (!has(self.field) && !has(self.resource))",
        "Count and Ratio have neither resource nor field",
    ),
    (
        "(self.type == 'Ratio') == (has(self.numerator) || has(self.denominator)) "
        "&& has(self.numerator) == has(self.denominator)",
        "Ratio has numerator and denominator, and no other type has",
    ),
    ("self.type != 'Ratio' || !has(self.when)", "Ratio has no when: its two measures can have one"),
)


class Spec(Struct, frozen=True):
    """What a definition asks for."""

    names: Annotated[
        Names,
        Meta(description="Names of the kind that the definition makes."),
    ]
    source: Annotated[
        Literal["Pods", "Nodes", "Workloads"],
        Meta(description="What is grouped: pods, nodes, or the topmost owners of pods."),
    ]
    group_by: Annotated[
        tuple[Annotated[GroupKey, _rules(_ONE_ORIGIN)], ...],
        Meta(
            description="Keys of the groups: members with equal keys are one row.",
            min_length=1,
            max_length=MOST_KEYS,
            extra_json_schema=map_by("name"),
        ),
    ]
    measures: Annotated[
        tuple[Annotated[Measure, _rules(*_MEASURE_RULES)], ...],
        Meta(
            description="Numbers of each row.",
            min_length=1,
            max_length=MOST_MEASURES,
            extra_json_schema=map_by("name"),
        ),
    ]
    scope: Annotated[
        Literal["Cluster", "Namespaced"],
        Meta(description="Namespaced: the namespace is a key before all others, and rows are in it."),
    ] = "Cluster"
    selector: Annotated[LabelSelector, Meta(description="Selects objects of the source by their labels.")] = (
        LabelSelector()
    )
    namespace_selector: Annotated[
        LabelSelector, Meta(description="Selects objects by the labels of their namespace; not for Nodes.")
    ] = LabelSelector()
    filter: (
        Annotated[Expression, Meta(description="A CEL expression, a bool: only objects for which it is true count.")]
        | UnsetType
    ) = UNSET
    columns: Annotated[
        tuple[
            Annotated[
                ColumnSpec,
                _rules(("has(self.measure) != has(self.key)", "a column has either measure or key")),
            ],
            ...,
        ],
        Meta(
            description="Columns that `kubectl get` prints; without any, all keys and measures are.",
            max_length=MOST_MEASURES + MOST_KEYS,
            extra_json_schema=map_by("name"),
        ),
    ] = ()
    limits: Annotated[Limits, Meta(description="Bounds of the definition.")] = Limits()
