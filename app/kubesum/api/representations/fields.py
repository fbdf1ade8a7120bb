"""The fields of a status type, as everything that describes them needs them.

A status type is a msgspec Struct whose fields are annotated with a description. What documents a field is read
here and nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec import inspect

from kubesum.vocabulary.quantity import ResourceList


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its JSON name, its type, the sentence that describes it, and more of its schema (`format`).

    `is_optional` tells that it can be absent, `is_key` that it identifies an item among those of its list.
    """

    name: str
    type: inspect.Type
    description: str
    schema: Mapping[str, object]
    is_optional: bool
    is_key: bool


def fields(struct: type) -> tuple[Field, ...]:
    """The fields of a struct, in order."""
    return tuple(_field(one) for one in inspect.type_info(struct).fields)  # type: ignore[attr-defined]  # of a struct


def _field(declared: inspect.Field) -> Field:
    kind, documented, marks = declared.type, {}, {}
    if isinstance(kind, inspect.Metadata):
        documented, marks, kind = dict(kind.extra_json_schema or {}), kind.extra or {}, kind.type
    return Field(
        name=declared.encode_name,
        type=kind,
        description=str(documented.pop("description", "")),
        schema=documented,
        # msgspec tells of a field that can be UNSET only this: it need not be there, and nothing takes its place.
        is_optional=not declared.required and declared.default is declared.default_factory is msgspec.NODEFAULT,
        is_key=bool(marks.get("key")),
    )


def is_resource_list(kind: inspect.Type) -> bool:
    """Whether a type is the map from resource names to quantities."""
    return isinstance(kind, inspect.CustomType) and kind.cls is ResourceList
