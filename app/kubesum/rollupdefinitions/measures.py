"""The measures of a definition: what a member contributes to each, and what a group's tally says of it.

Count, Sum and Ratio are sums; Distinct counts references to each value; Min and Max keep all values in order. So each
is updated by adding or subtracting the contribution of one member.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final

from msgspec import UNSET, Meta, UnsetType

from kubesum.rollupdefinitions.records import FieldType, RecordField, RecordType
from kubesum.rollupdefinitions.spec import Measure
from kubesum.semantics.facts import JoinedMember
from kubesum.vocabulary.quantity import CPU, canonical, percent
from kubesum.vocabulary.tally import Tally

Entries = Iterable[tuple[str, Any, int]]
Contributed = Callable[[JoinedMember], Entries]

QUANTITY: Final = {"quantity": True}
"""Marks a text field as a quantity."""

_MILLI: Final = 1000


@dataclass(frozen=True, slots=True)
class CompiledMeasure:
    """One measure: `contributed` by a member, and its `value` in a row's status, which has the type `type`.

    `paths` are the attributes of a member that `contributed` depends on. `resource` is the name of the resource whose
    amounts it adds up or compares, empty for any other number.
    `of_pods` gives what each pod of a node contributes, where the source is Nodes and the measure depends on them.
    """

    name: str
    type: Any
    description: str
    contributed: Contributed | None
    value: Callable[[Tally], Any]
    paths: tuple[str, ...] = ()
    resource: str = ""
    is_time: bool = False
    of_pods: Contributed | None = None


def compiled_measure(measure: Measure, field: str, record: RecordType) -> CompiledMeasure:
    """A measure that is valid and no Ratio; its entries have the field `field` of contributions."""
    description = measure.description or described(measure, f"{record.variable}s")
    if measure.type == "Count":
        entry = ((field, "", 1),)
        return CompiledMeasure(measure.name, int_(description), description, lambda _: entry, _total(field))
    if measure.type == "Distinct":
        one = record.fields[str(measure.field)]
        return CompiledMeasure(
            measure.name,
            int_(description),
            description,
            _each(field, one),
            lambda t: t.distinct(field),
            one.value.paths,
        )
    if measure.type == "Sum":
        return _sum(measure, field, record, description)
    return _extreme(measure, field, record, description)


def ratio(measure: Measure, numerator: CompiledMeasure, denominator: CompiledMeasure) -> CompiledMeasure:
    """An integer percent of two other measures."""
    description = measure.description or described(measure, "")
    # Amounts of cpu are in thousandths.
    scale = _MILLI if denominator.resource == CPU else 1
    other_scale = _MILLI if numerator.resource == CPU else 1
    of, by = numerator.value, denominator.value

    def value(tally: Tally) -> int | UnsetType:
        share = percent(of(tally) * scale, by(tally) * other_scale)
        return UNSET if share is None else share

    return CompiledMeasure(
        measure.name, Annotated[int | UnsetType, Meta(description=description)], description, None, value
    )


def described(measure: Measure, members: str) -> str:
    """The sentence that explains a measure without a description of its own; `members` is what is grouped."""
    among = f", those for which {measure.when}" if measure.when is not UNSET else ""
    what = measure.field
    if measure.resource is not UNSET:
        what = f"{measure.resource.name} of {measure.resource.from_}"
    match measure.type:
        case "Count":
            return f"Number of {members}{among}."
        case "Sum":
            return f"Sum of {what} over the {members}{among}."
        case "Distinct":
            return f"Number of different {what} of the {members}{among}."
        case "Min":
            return f"Least {what} of the {members}{among}; absent without any."
        case "Max":
            return f"Greatest {what} of the {members}{among}; absent without any."
    return f"{measure.numerator} in percent of {measure.denominator}, cut to an integer; absent where that is 0."


def int_(description: str) -> Any:
    """The type of an integer field."""
    return Annotated[int, Meta(description=description)]


def displayed(measure: CompiledMeasure, value: Any) -> Any:
    """The value of a measure in a row's status: a canonical quantity where it is an amount of a resource."""
    if value is UNSET or value is None:
        return UNSET
    return canonical(measure.resource, value) if measure.resource else value


def _total(field: str) -> Callable[[Tally], int]:
    return lambda tally: tally.total(field)


def _sum(measure: Measure, field: str, record: RecordType, description: str) -> CompiledMeasure:
    if measure.resource is UNSET:
        number = record.fields[str(measure.field)].value
        read = number.of
        return CompiledMeasure(
            measure.name,
            int_(description),
            description,
            lambda one: ((field, "", read(one)),),
            _total(field),
            number.paths,
        )
    of_pods = None
    source, name = measure.resource.from_, measure.resource.name
    if source in record.of_pods:
        of_pods = _pods_of_node(field, source, name)
    # What is free on a node is what is allocatable there, less what its pods take.
    own = record.amounts.get("allocatable" if source == "free" else source)
    contributed, paths = (None, ()) if own is None else (_amount(field, own.of, name), own.paths)
    quantity = Annotated[str, Meta(description=description, extra=QUANTITY)]
    return CompiledMeasure(
        measure.name, quantity, description, contributed, _total(field), paths, name, of_pods=of_pods
    )


def _amount(field: str, amounts: Callable[[JoinedMember], Mapping[str, int] | None], name: str) -> Contributed:
    def contributed(joined: JoinedMember) -> Entries:
        found = amounts(joined)
        value = found.get(name) if found else None
        return ((field, "", value),) if value else ()

    return contributed


def _pods_of_node(field: str, source: str, name: str) -> Contributed:
    """What a pod adds to the requests or limits of its node, or takes from what is free on it.

    What ResourceClaims provide is not taken from a node that does not list it, as in NodeSummary.
    """
    of_limits, sign = source == "limits", -1 if source == "free" else 1

    def contributed(joined: JoinedMember) -> Entries:
        state = joined.member.state
        amount = (state.limits if of_limits else state.requests).get(name, 0)
        if amount and joined.node is not None and not joined.node.allocatable.get(name):
            amount -= sum(value for kind, key, value in state.amounts if kind == "dynamic" and key == name)
        return ((field, "", sign * amount),) if amount > 0 else ()

    return contributed


def _each(field: str, one: RecordField) -> Contributed:
    read = one.value.of
    if one.type is FieldType.STRINGS:
        return lambda joined: tuple([(field, value, 1) for value in dict.fromkeys(read(joined)) if value])

    def contributed(joined: JoinedMember) -> Entries:
        value = read(joined)
        return ((field, value, 1),) if value != "" else ()

    return contributed


def _extreme(measure: Measure, field: str, record: RecordType, description: str) -> CompiledMeasure:
    sign = 1 if measure.type == "Min" else -1
    if measure.resource is not UNSET:
        source, name = measure.resource.from_, measure.resource.name
        amounts = record.amounts[source]
        of = amounts.of

        def contributed(joined: JoinedMember) -> Entries:
            found = of(joined)
            return ((field, sign * found.get(name, 0), 1),) if found is not None else ()

        quantity = Annotated[str | UnsetType, Meta(description=description, extra=QUANTITY)]
        return CompiledMeasure(
            measure.name, quantity, description, contributed, _smallest(field, sign), amounts.paths, name
        )
    one = record.fields[str(measure.field)]
    read, paths = one.value.of, one.value.paths
    if one.type is FieldType.TIME:
        return CompiledMeasure(
            measure.name,
            Annotated[datetime | UnsetType, Meta(description=description)],
            description,
            lambda joined: _time_entries(field, sign, read(joined)),
            _time(_smallest(field, sign)),
            paths,
            is_time=True,
        )
    return CompiledMeasure(
        measure.name,
        Annotated[int | UnsetType, Meta(description=description)],
        description,
        lambda joined: ((field, sign * read(joined), 1),),
        _smallest(field, sign),
        paths,
    )


def _smallest(field: str, sign: int) -> Callable[[Tally], int | None]:
    def value(tally: Tally) -> int | None:
        found = tally.smallest(field)
        return None if found is None else sign * found

    return value


def _time_entries(field: str, sign: int, time: datetime) -> Entries:
    seconds = int(time.timestamp())
    return ((field, sign * seconds, 1),) if seconds else ()


def _time(seconds: Callable[[Tally], int | None]) -> Callable[[Tally], datetime | None]:
    def value(tally: Tally) -> datetime | None:
        found = seconds(tally)
        return None if found is None else datetime.fromtimestamp(found, UTC)

    return value
