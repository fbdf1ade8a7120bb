"""Schemas of OpenAPI 3.0, generated from the declarations of computed resources.

All definitions have the prefix of the API group, also those of types that Kubernetes has too, such as ObjectMeta:
kube-apiserver merges them with its own definitions, and renames one of two that differ.
Form: k8s.io/kube-openapi/pkg/builder3.
"""

from collections.abc import Mapping
from inspect import cleandoc
from itertools import count
from typing import Any, Final

from msgspec import inspect

from kubesum.api.representations.fields import Field, fields, is_resource_list
from kubesum.vocabulary.resource import ComputedResource

Schema = dict[str, Any]

REFERENCE: Final = "#/components/schemas/"

_TEXT: Final = {"type": "string"}
_TIME: Final = {"type": "string", "format": "date-time"}
_INT64: Final = {"type": "integer", "format": "int64"}
_SCALARS: Final[Mapping[type, Schema]] = {
    inspect.StrType: _TEXT,
    inspect.BoolType: {"type": "boolean"},
    inspect.IntType: _INT64,
    inspect.FloatType: {"type": "number", "format": "double"},
    inspect.DateTimeType: _TIME,
}
_QUANTITY: Final = {
    **_TEXT,
    "description": (
        "An amount of a resource in its canonical form: a number with the suffix m for thousandths, "
        "k, M, G, T, P or E for powers of 1000, or Ki, Mi, Gi, Ti, Pi or Ei for powers of 1024."
    ),
}
_TYPE: Final = {
    "apiVersion": {**_TEXT, "description": "Group and version of the kind."},
    "kind": {**_TEXT, "description": "Kind of the object, in CamelCase."},
}
_STATUS: Final = "Computed values; there is no spec, because the object is read-only."
_OBJECT_META: Final = {
    "type": "object",
    "description": "What identifies an object: the part of a Kubernetes ObjectMeta that computed objects have.",
    "properties": {
        "name": {**_TEXT, "description": "Name of the object, unique among its kind in its namespace."},
        "namespace": {**_TEXT, "description": "Namespace of the object; absent if its kind is cluster-scoped."},
        "uid": {
            **_TEXT,
            "description": "Uid of the object: another one if what it describes is deleted and made anew.",
        },
        "resourceVersion": {
            **_TEXT,
            "description": "Version at which the object last changed, a decimal number that only grows.",
        },
        "creationTimestamp": {
            **_TIME,
            "nullable": True,
            "description": "Time at which what the object describes was created; null where there is no such object.",
        },
        "labels": {
            "type": "object",
            "additionalProperties": _TEXT,
            "description": "Labels of what the object describes; the object itself has none of its own.",
        },
    },
}
_LIST_META: Final = {
    "type": "object",
    "description": "What a list says of itself.",
    "properties": {
        "resourceVersion": {**_TEXT, "description": "Version of the list, from which a watch can go on."},
        "continue": {**_TEXT, "description": "Token that asks for the next page; absent on the last one."},
        "remainingItemCount": {
            **_INT64,
            "description": "Number of items on the pages after this one; absent on the last one.",
        },
    },
}


class Schemas:
    """The schemas of one group and version by name, to which `add` adds those of a resource."""

    def __init__(self, group: str, version: str) -> None:
        self._prefix: Final = ".".join((*reversed(group.split(".")), version, ""))
        self._structs: Final[dict[type, str]] = {}
        self.by_name: Final[dict[str, Schema]] = {
            f"{self._prefix}Quantity": _QUANTITY,
            f"{self._prefix}ObjectMeta": _OBJECT_META,
            f"{self._prefix}ListMeta": _LIST_META,
        }

    def add(self, resource: ComputedResource) -> tuple[Schema, Schema]:
        """Adds all schemas of a resource; returns references to the schemas of its objects and lists."""
        kind = f"{self._prefix}{resource.kind}"
        self.by_name[f"{kind}Status"] = self._struct(resource.status_type)
        self.by_name[kind] = {
            "type": "object",
            "description": resource.help,
            "properties": {
                **_TYPE,
                "metadata": _described(f"{self._prefix}ObjectMeta", "What identifies the object."),
                **self._row_key(resource),
                "status": _described(f"{kind}Status", _STATUS),
            },
            "x-kubernetes-group-version-kind": [gvk(resource)],
        }
        items = {"type": "array", "items": _reference(kind), "description": "The objects, by namespace and name."}
        self.by_name[f"{kind}List"] = {
            "type": "object",
            "description": f"A list of objects of kind {resource.kind}.",
            "properties": {
                **_TYPE,
                "metadata": _described(f"{self._prefix}ListMeta", "What the list says of itself."),
                "items": items,
            },
            "required": ["items"],
            "x-kubernetes-group-version-kind": [{**gvk(resource), "kind": f"{resource.kind}List"}],
        }
        return _reference(kind), _reference(f"{kind}List")

    def _row_key(self, resource: ComputedResource) -> Schema:
        if resource.row_key is None:
            return {}
        return {"key": _described(self._named(resource.row_key.struct), "Values of the keys of the group.")}

    def _named(self, struct: type) -> str:
        """The name of a struct's schema, which is added at its first reference."""
        if struct not in self._structs:
            name = plain = f"{self._prefix}{struct.__name__}"
            # Structs of different resources may have the same name.
            for number in count(2):
                if name not in self.by_name:
                    break
                name = f"{plain}{number}"
            self._structs[struct] = name
            self.by_name[name] = self._struct(struct)
        return self._structs[struct]

    def _struct(self, struct: type) -> Schema:
        described = fields(struct)
        schema: Schema = {
            "type": "object",
            "description": _documented(struct),
            "properties": {field.name: self._property(field) for field in described},
        }
        # Clients never write these objects, so `required` matters only for the keys of list items.
        if keys := [field.name for field in described if field.is_key]:
            schema["required"] = keys
        return schema

    def _property(self, field: Field) -> Schema:
        if field.is_quantity:
            return _described(f"{self._prefix}Quantity", field.description)
        if isinstance(field.type, inspect.StructType):
            reference = _described(self._named(field.type.cls), field.description)
            return reference if field.is_optional else {**reference, "default": {}}
        return {**self._of_type(field.type), **field.schema, "description": field.description}

    def _of_type(self, kind: inspect.Type) -> Schema:
        if isinstance(kind, inspect.StructType):
            return _reference(self._named(kind.cls))
        if isinstance(kind, inspect.VarTupleType):
            return {"type": "array", "items": self._of_type(kind.item_type), **_list_type(kind.item_type)}
        if isinstance(kind, inspect.DictType):
            return {"type": "object", "additionalProperties": self._of_type(kind.value_type)}
        if is_resource_list(kind):
            return {"type": "object", "additionalProperties": _reference(f"{self._prefix}Quantity")}
        return _SCALARS[type(kind)]


def gvk(resource: ComputedResource) -> dict[str, str]:
    """The group, version and kind of a resource."""
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}


def _reference(name: str) -> Schema:
    return {"$ref": f"{REFERENCE}{name}"}


def _described(name: str, description: str) -> Schema:
    """A reference with a description of its own, in `allOf`, since members beside `$ref` are ignored in 3.0."""
    return {"allOf": [_reference(name)], "description": description}


def _documented(struct: type) -> str:
    """The first line of a struct's docstring; empty if it has none."""
    return cleandoc(struct.__doc__ or "").partition("\n")[0]


def _list_type(item: inspect.Type) -> Schema:
    keys = [field.name for field in fields(item.cls) if field.is_key] if isinstance(item, inspect.StructType) else []
    if keys:
        return {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": keys}
    return {"x-kubernetes-list-type": "atomic"}
