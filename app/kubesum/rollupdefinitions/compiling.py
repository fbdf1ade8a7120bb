"""From a valid definition to a ComputedResource: the declaration that the built-in kinds are written as.

Everything else follows from the declaration: the computation, lists and watches, columns, selectors, discovery and
OpenAPI. A contribution to a group has an entry for the values of the keys and the entries of the measures.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Final

import msgspec
from msgspec import UNSET, Meta, UnsetType

from kubesum.rollupdefinitions import columns
from kubesum.rollupdefinitions.definition import RollupDefinition
from kubesum.rollupdefinitions.expressions import Expressions, environment
from kubesum.rollupdefinitions.keys import CompiledKey, Results, compiled_key
from kubesum.rollupdefinitions.measures import (
    CompiledMeasure,
    Contributed,
    compiled_measure,
    displayed,
    ratio,
)
from kubesum.rollupdefinitions.naming import REST, key_labels, row_name
from kubesum.rollupdefinitions.records import NAMESPACE_LABELS, PODS, RECORDS, FieldType, RecordType
from kubesum.rollupdefinitions.selectors import Predicate, predicate
from kubesum.rollupdefinitions.spec import Measure, Spec
from kubesum.semantics.facts import JoinedMember, Labels, MeasuredNode
from kubesum.vocabulary.resource import (
    ROLLUP_GROUP,
    VERSION,
    ComputedResource,
    Fold,
    GroupLimit,
    Key,
    RowKey,
)
from kubesum.vocabulary.tally import Contribution, Tally

CATEGORY: Final = "rollups"
_IDENTITY: Final = "key"

Contributions = Iterable[tuple[Key, Contribution]]


class GroupSubject(msgspec.Struct, frozen=True, gc=False):
    """The subject of a row: what its keys are. There is no watched object that it is about."""

    labels: Labels
    key: Any
    """An instance of the type of the rows' keys."""
    uid: str = ""
    created: datetime | None = None


@dataclass(frozen=True, slots=True)
class CompiledDefinition:
    """A definition with the resource that it makes."""

    definition: RollupDefinition
    resource: ComputedResource
    expressions: Expressions | None

    @property
    def failing(self) -> int:
        """Number of members for which some expression fails now."""
        return 0 if self.expressions is None else self.expressions.failing


@dataclass(frozen=True, slots=True)
class _Grouping:
    """How members are grouped: which ones are, by which keys, and what each contributes."""

    selects: Predicate | None
    selects_namespace: Predicate | None
    record: RecordType
    is_namespaced: bool
    keys: Sequence[CompiledKey]
    entries: Sequence[tuple[int | None, Contributed]]
    """What a member contributes to each measure, if the expression at this position is true; always if None."""
    expressions: Expressions | None
    is_filtered: bool
    """The first expression is the filter."""
    has_identity: bool = True
    """The values of the keys are contributed too."""

    @property
    def paths(self) -> frozenset[str]:
        """The attributes of a member that decide which group it belongs to, and that the expressions read."""
        selecting = (
            () if self.selects is None else self.record.labels.paths,
            () if self.selects_namespace is None else NAMESPACE_LABELS.paths,
            () if self.expressions is None else self.expressions.paths,
        )
        return frozenset().union(*selecting, *(key.paths for key in self.keys))

    def contributions(self, joined: JoinedMember) -> Contributions:
        """The group that a member belongs to, and what it contributes to it.

        With expressions it must be called for a member's old state before its new one, as a fold does:
        `Expressions.results` keeps the results from one call to the next.
        """
        if self.selects is not None and not self.selects(self.record.labels.of(joined)):
            return ()
        if self.selects_namespace is not None and not self.selects_namespace(NAMESPACE_LABELS.of(joined)):
            return ()
        results = self.expressions.results(joined) if self.expressions is not None else ()
        if self.is_filtered and results[0] is not True:
            return ()
        values = tuple([key.value(joined, results) for key in self.keys])
        key = (joined.key[0] if self.is_namespaced else "", row_name(values))
        return ((key, self._contribution(joined, results, values)),)

    def _contribution(self, joined: JoinedMember, results: Results, values: tuple[str, ...]) -> Contribution:
        entries: list[tuple[str, Any, int]] = [(_IDENTITY, values, 1)] if self.has_identity else []
        for condition, contributed in self.entries:
            if condition is None or results[condition] is True:
                entries += contributed(joined)
        return tuple(entries)


def compiled(definition: RollupDefinition) -> CompiledDefinition:
    """The resource that a definition makes, which is valid: `validation.problems` finds nothing."""
    spec = definition.spec
    record = RECORDS[spec.source]
    texts = _texts(spec)
    expressions = _expressions(spec.source, texts)
    positions = {text: position for position, (text, _) in enumerate(texts)}
    measures = _measures(spec.measures, record)
    grouping = _Grouping(
        selects=predicate(spec.selector),
        selects_namespace=predicate(spec.namespace_selector),
        record=record,
        is_namespaced=spec.scope == "Namespaced",
        keys=[
            compiled_key(key, record, None if key.expression is UNSET else positions[key.expression])
            for key in spec.group_by
        ],
        entries=[
            (None if measure.when is UNSET else positions[measure.when], one.contributed)
            for measure, one in zip(spec.measures, measures, strict=True)
            if one.contributed is not None
        ],
        expressions=expressions,
        is_filtered=spec.filter is not UNSET,
    )
    return CompiledDefinition(
        definition, _resource(spec, record, measures, tuple(_folds(grouping, measures))), expressions
    )


def _texts(spec: Spec) -> list[tuple[str, FieldType]]:
    """The expressions of a definition and the types of their values, the filter first."""
    found: dict[str, FieldType] = {}
    if spec.filter is not UNSET:
        found[spec.filter] = FieldType.BOOL
    found |= {key.expression: FieldType.STRING for key in spec.group_by if key.expression is not UNSET}
    found |= {measure.when: FieldType.BOOL for measure in spec.measures if measure.when is not UNSET}
    return list(found.items())


def _expressions(source: str, texts: Sequence[tuple[str, FieldType]]) -> Expressions | None:
    if not texts:
        return None
    of_source = environment(source)
    return Expressions(of_source, [of_source.compiled(text, wanted) for text, wanted in texts])


def _measures(measures: Sequence[Measure], record: RecordType) -> list[CompiledMeasure]:
    plain = {
        one.name: compiled_measure(one, f"m{position}", record)
        for position, one in enumerate(measures)
        if one.type != "Ratio"
    }
    return [
        ratio(one, plain[str(one.numerator)], plain[str(one.denominator)]) if one.type == "Ratio" else plain[one.name]
        for one in measures
    ]


def _folds(grouping: _Grouping, measures: Sequence[CompiledMeasure]) -> Iterable[Fold]:
    yield from _folds_of_members(grouping, measures)
    of_pods = [one.of_pods for one in measures if one.of_pods is not None]
    if of_pods:
        # With results of their own: those of `grouping` are kept while a node is there, whatever its pods.
        expressions = None if grouping.expressions is None else grouping.expressions.again()
        pods = _PodsOfNodes(replace(grouping, expressions=expressions, entries=()), of_pods)
        yield Fold(PODS.over, pods.contributions, _PodsOfNodes.READS, is_joined=True)


def _folds_of_members(grouping: _Grouping, measures: Sequence[CompiledMeasure]) -> Iterable[Fold]:
    """One fold, or two: measures that vary while a member exists are computed apart from those that do not."""
    steady: list[CompiledMeasure] = []
    varying: list[CompiledMeasure] = []
    for one in measures:
        (steady if grouping.record.varying.isdisjoint(one.paths) else varying).append(one)
    # `Expressions.results` keeps a member's results for the next call alone: a second fold would take them away.
    if not varying or grouping.expressions is not None:
        yield _fold(grouping, measures)
    else:
        yield _fold(replace(grouping, entries=_always(steady)), steady)
        yield _fold(replace(grouping, entries=_always(varying), has_identity=False), varying)


def _always(measures: Iterable[CompiledMeasure]) -> Sequence[tuple[int | None, Contributed]]:
    return [(None, one.contributed) for one in measures if one.contributed is not None]


def _fold(grouping: _Grouping, measures: Iterable[CompiledMeasure]) -> Fold:
    reads = grouping.paths.union(*(one.paths for one in measures))
    return Fold(grouping.record.over, grouping.contributions, tuple(sorted(reads)), is_joined=True)


class _PodsOfNodes:
    """What pods contribute to the group of their node."""

    READS: Final = ("node", *(f"member.facts.state.{name}" for name in ("active", "requests", "limits", "amounts")))

    def __init__(self, grouping: _Grouping, of_pods: Sequence[Contributed]) -> None:
        self._grouping: Final = grouping
        self._of_pods: Final = of_pods

    def contributions(self, joined: JoinedMember) -> Contributions:
        """The group of the node of a pod, and what the pod adds to its measures."""
        node = joined.node
        # A finished pod has released what it requested.
        if node is None or not joined.member.state.active:
            return
        added = tuple([entry for contributed in self._of_pods for entry in contributed(joined)])
        if added:
            of_node = JoinedMember(("", node.name), MeasuredNode(node, None), None, None)
            for key, contribution in self._grouping.contributions(of_node):
                yield key, (contribution[0], *added)


def _resource(
    spec: Spec, record: RecordType, measures: Sequence[CompiledMeasure], folds: tuple[Fold, ...]
) -> ComputedResource:
    key_type = _key_type(spec)
    status_type = _status_type(spec, measures)

    @lru_cache(maxsize=spec.limits.max_groups)
    def subject_of(values: tuple[str, ...]) -> GroupSubject:
        named = {one.name: value for one, value in zip(spec.group_by, values, strict=True)}
        return GroupSubject(key_labels(named), key_type(*values))

    of_rest = GroupSubject({}, key_type(*[UNSET] * len(spec.group_by)))

    def subject(_key: Key, tally: Tally) -> GroupSubject:
        found = tally.sums(_IDENTITY)
        # Two sets of values may have one name, if somebody makes the hashes equal: all replicas show the first.
        return subject_of(min(found)) if found else of_rest

    def status(_key: Key, _subject: GroupSubject, tally: Tally) -> Any:
        return status_type(*[displayed(one, one.value(tally)) for one in measures])

    names = spec.names
    keys = ", ".join(one.name for one in spec.group_by)
    return ComputedResource(
        kind=names.kind,
        plural=names.plural,
        singular_name="" if names.singular is UNSET else names.singular,
        short_names=names.short_names,
        categories=tuple(dict.fromkeys((CATEGORY, *names.categories))),
        namespaced=spec.scope == "Namespaced",
        help=f"{spec.source} by {keys}, as the RollupDefinition {names.plural}.{ROLLUP_GROUP} groups them.",
        group=ROLLUP_GROUP,
        version=VERSION,
        status_type=status_type,
        status=status,
        columns=columns.declared(spec, measures),
        subjects=None,
        subject_key=lambda _: None,
        folds=folds,
        fallback_subject=subject,
        row_key=RowKey(key_type, lambda subject: subject.key),
        limit=GroupLimit(spec.limits.max_groups, REST, _IDENTITY),
    )


def _key_type(spec: Spec) -> type[msgspec.Struct]:
    """The struct of the keys of a row; all of them are absent in the row of the rest."""
    fields = [
        (f"k{position}", Annotated[str | UnsetType, Meta(description=f"Value of the key {key.name}.")])
        for position, key in enumerate(spec.group_by)
    ]
    return msgspec.defstruct(
        f"{spec.names.kind}Key",
        fields,
        frozen=True,
        gc=False,
        rename={f"k{position}": key.name for position, key in enumerate(spec.group_by)},
        namespace={"__doc__": "The values of the keys, which all members of the group have in common."},
    )


def _status_type(spec: Spec, measures: Sequence[CompiledMeasure]) -> type[msgspec.Struct]:
    """The struct of the measures of a row; the names of its fields may be any, even words of Python."""
    return msgspec.defstruct(
        f"{spec.names.kind}Status",
        [(f"m{position}", one.type) for position, one in enumerate(measures)],
        frozen=True,
        gc=False,
        rename={f"m{position}": one.name for position, one in enumerate(measures)},
        namespace={"__doc__": f"The measures of one row of {spec.names.plural}."},
    )
