"""Custom resources: the schema of their CustomResourceDefinition, applied to the objects that are written.

Of a structural schema (apiextensions.k8s.io/v1) types, enums, patterns, bounds and required fields are checked,
defaults set and unknown fields pruned. Rules in CEL are not evaluated.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from kubesim.apierrors import Invalid, StatusCause, StatusDetails, no_such_path
from kubesim.store.apiresources import ApiResource
from kubesim.store.store import JsonObject, Store

Schema = Mapping[str, Any]

_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "integer": (int,),
}
_COUNTED: Final = {"string": "Length", "array": "Items", "object": "Properties"}


def definition_of(store: Store, resource: ApiResource) -> JsonObject:
    """The CustomResourceDefinition of a resource; raises NotFound without one."""
    stored = store.get("customresourcedefinitions", "", resource.group_resource)
    if stored is None:
        raise no_such_path()
    return stored.decoded()


def admitted(store: Store, resource: ApiResource, obj: JsonObject) -> JsonObject:
    """An object as it is stored; raises Invalid for one that its schema does not allow."""
    (version,) = definition_of(store, resource)["spec"]["versions"]
    schema = version["schema"]["openAPIV3Schema"]
    name = obj["metadata"]["name"]
    of_type = {"apiVersion": resource.api_version, "kind": resource.kind}
    made: JsonObject = _defaulted(schema, {**obj, **of_type})
    if problems := [*_problems(schema, made, "")]:
        many = f"[{', '.join(problems)}]" if len(problems) > 1 else problems[0]
        causes = tuple(_cause(*problem.split(": ", 1)) for problem in problems)
        details = StatusDetails(name=name, group=resource.group, kind=resource.kind, causes=causes)
        raise Invalid(f'{resource.kind}.{resource.group} "{name}" is invalid: {many}', details)
    content = {field: value for field, value in made.items() if field not in of_type}
    return {**content, "metadata": obj["metadata"]}


def _cause(field: str, message: str) -> StatusCause:
    """What kubectl prints of a problem."""
    reason = "FieldValueRequired" if message == "Required value" else "FieldValueInvalid"
    return StatusCause(reason=reason, message=message, field=field)


def created(store: Store, resource: ApiResource, obj: JsonObject) -> JsonObject:
    """A new object as it is stored: its first generation, and no status; raises Invalid."""
    metadata = {**obj["metadata"], "generation": 1}
    return admitted(store, resource, {**obj, "metadata": metadata, "status": {}})


def updated(store: Store, resource: ApiResource, old: JsonObject, obj: JsonObject) -> JsonObject:
    """A changed object as it is stored; another spec is another generation. Raises Invalid."""
    made = admitted(store, resource, obj)
    generation = old["metadata"]["generation"] + (made.get("spec") != old.get("spec"))
    return {**made, "metadata": {**made["metadata"], "generation": generation}}


def _defaulted(schema: Schema, value: Any) -> Any:
    """A value with its defaults, without the fields that its schema does not have."""
    if isinstance(value, dict) and "properties" in schema:
        known = schema["properties"]
        defaults = {name: one["default"] for name, one in known.items() if "default" in one and name not in value}
        return {name: _defaulted(known[name], one) for name, one in {**value, **defaults}.items() if name in known}
    if isinstance(value, list) and "items" in schema:
        return [_defaulted(schema["items"], one) for one in value]
    return value


def _problems(schema: Schema, value: Any, path: str) -> Iterator[str]:
    expected = schema.get("type", "")
    if not _is_of_type(value, expected):
        yield f'{path}: Invalid value: "{type(value).__name__}": {path} in body must be of type {expected}'
        return
    yield from _own_problems(schema, value, path)
    if isinstance(value, dict):
        yield from _problems_of_fields(schema, value, path)
    elif isinstance(value, list):
        for at, one in enumerate(value):
            yield from _problems(schema.get("items", {}), one, f"{path}[{at}]")


def _problems_of_fields(schema: Schema, value: JsonObject, path: str) -> Iterator[str]:
    prefix = f"{path}." if path else ""
    yield from (f"{prefix}{name}: Required value" for name in schema.get("required", ()) if name not in value)
    known, others = schema.get("properties", {}), schema.get("additionalProperties", {})
    for name, one in value.items():
        # The metadata are those of every object.
        if path or name != "metadata":
            yield from _problems(known.get(name, others), one, f"{prefix}{name}")


def _is_of_type(value: Any, expected: str) -> bool:
    # In Python a bool is an int.
    is_bool = isinstance(value, bool)
    return is_bool if expected == "boolean" else isinstance(value, _TYPES.get(expected, object)) and not is_bool


def _matches(pattern: str, value: str) -> bool:
    # In Python `$` also matches before a line break at the end.
    return re.search(f"{pattern[:-1]}\\Z" if pattern.endswith("$") else pattern, value) is not None


def _own_problems(schema: Schema, value: Any, path: str) -> Iterator[str]:
    if "enum" in schema and value not in schema["enum"]:
        supported = ", ".join(f'"{one}"' for one in schema["enum"])
        yield f'{path}: Unsupported value: "{value}": supported values: {supported}'
    if "pattern" in schema and isinstance(value, str) and not _matches(schema["pattern"], value):
        yield f"{path}: Invalid value: \"{value}\": {path} in body should match '{schema['pattern']}'"
    counted = _COUNTED.get(schema.get("type", ""))
    size = len(value) if counted else value
    most, least = (f"max{counted}", f"min{counted}") if counted else ("maximum", "minimum")
    if most in schema and size > schema[most]:
        yield f"{path}: Invalid value: {path} in body should be at most {schema[most]}"
    if least in schema and size < schema[least]:
        yield f"{path}: Invalid value: {path} in body should be at least {schema[least]}"
