"""The fields of a status type: names, types and descriptions.

A status type is a msgspec Struct whose fields are annotated with a description. Schemas and documents are generated
from these fields.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec import inspect

from kubesum.vocabulary.quantity import ResourceList


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its JSON name, its type, its description, and further members of its schema such as `format`.

    A field with `is_optional` can be absent; one with `is_key` identifies an item in its list;
    a text with `is_quantity` is an amount of a resource.
    """

    name: str
    type: inspect.Type
    description: str
    schema: Mapping[str, object]
    is_optional: bool
    is_key: bool
    is_quantity: bool


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
        # A field that can be UNSET is one that is neither required nor has a default.
        is_optional=not declared.required and declared.default is declared.default_factory is msgspec.NODEFAULT,
        is_key=bool(marks.get("key")),
        is_quantity=bool(marks.get("quantity")),
    )


def is_resource_list(kind: inspect.Type) -> bool:
    """Whether a type is the map from resource names to quantities."""
    return isinstance(kind, inspect.CustomType) and kind.cls is ResourceList
