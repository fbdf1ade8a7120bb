"""The values of the keys of a group: from the origin that a definition names to a function of the member.

A value is a text. Where the origin has none, such as a label that is absent or an expression that fails, it is the
key's default.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from msgspec import UNSET

from kubesum.rollupdefinitions.expressions import FAILED
from kubesum.rollupdefinitions.records import NAMESPACE_LABELS, Reading, RecordType
from kubesum.rollupdefinitions.spec import GroupKey
from kubesum.semantics.facts import JoinedMember

LONGEST_VALUE: Final = 1024
"""Characters of a value; longer ones, which only annotations and expressions have, are cut."""

Results = tuple[Any, ...]
"""The values of all expressions of a definition for one member."""
KeyValue = Callable[[JoinedMember, Results], str]


@dataclass(frozen=True, slots=True)
class CompiledKey:
    """The value of a key, and the attributes of a member that it depends on beside expressions."""

    value: KeyValue
    paths: tuple[str, ...] = ()


_PARTS: Final = {"Kind": 0, "Name": 1, "Group": 2}


def compiled_key(key: GroupKey, record: RecordType, expression: int | None) -> CompiledKey:
    """A key that is valid; `expression` is the position of its result."""
    if expression is not None:
        return CompiledKey(_of_expression(expression, key.default))
    if key.field is not UNSET:
        field = record.fields[key.field].value
        return CompiledKey(_of_field(field), field.paths)
    if key.workload is not UNSET and record.workload is not None:
        return CompiledKey(_of_workload(record.workload, _PARTS[key.workload]), record.workload.paths)
    labels, name = _labels(key, record)
    return CompiledKey(_of_label(labels, name, key.default), labels.paths)


def _labels(key: GroupKey, record: RecordType) -> tuple[Reading, str]:
    """The labels or annotations that a key looks into, and the name that it looks for."""
    if key.label is not UNSET:
        return record.labels, key.label
    if key.namespace_label is not UNSET:
        return NAMESPACE_LABELS, key.namespace_label
    if key.node_label is not UNSET and record.node_labels is not None:
        return record.node_labels, key.node_label
    if key.annotation is not UNSET and record.annotations is not None:
        return record.annotations, key.annotation
    raise ValueError(key)


def _of_label(labels: Reading, name: str, default: str) -> KeyValue:
    read = labels.of

    def value(joined: JoinedMember, _: Results) -> str:
        found: str = read(joined).get(name, default)
        return found[:LONGEST_VALUE]

    return value


def _of_field(field: Reading) -> KeyValue:
    read = field.of

    def value(joined: JoinedMember, _: Results) -> str:
        found = read(joined)
        return str(found).lower() if isinstance(found, bool) else str(found)

    return value


def _of_workload(workload: Reading, part: int) -> KeyValue:
    read = workload.of

    def value(joined: JoinedMember, _: Results) -> str:
        found: str = read(joined)[part]
        return found

    return value


def _of_expression(position: int, default: str) -> KeyValue:
    def value(_: JoinedMember, results: Results) -> str:
        found = results[position]
        return default if found is FAILED else str(found)[:LONGEST_VALUE]

    return value
