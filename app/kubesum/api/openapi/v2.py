"""Converts OpenAPI 3.0 to OpenAPI 2.0 (Swagger).

kube-apiserver reads the 2.0 document of an extension server, and merges the paths of its group.
The differences: https://swagger.io/specification/v2 against v3.
"""

from collections.abc import Mapping
from typing import Any, Final

from kubesum.api.openapi.schemas import REFERENCE

_DEFINITIONS: Final = "#/definitions/"
# `nullable` does not exist in 2.0, and the only default is an empty object.
_DROPPED: Final = frozenset({"nullable", "default"})


def path_item(item: Mapping[str, Any]) -> dict[str, object]:
    """A path item of OpenAPI 3.0 in the form of 2.0."""
    return {"get": _operation(item["get"]), "parameters": [*map(_parameter, item["parameters"])]}


def schema(value: Mapping[str, Any]) -> dict[str, object]:
    """A schema of OpenAPI 3.0 in the form of 2.0."""
    converted = {name: _converted(name, part) for name, part in value.items() if name not in _DROPPED}
    # In 2.0 a description may stand beside a reference.
    for referred in converted.pop("allOf", ()):
        converted |= referred
    return converted


def _converted(name: str, part: Any) -> Any:
    match name:
        case "$ref":
            return part.replace(REFERENCE, _DEFINITIONS)
        case "properties":
            return {property_name: schema(value) for property_name, value in part.items()}
        case "items" | "additionalProperties":
            return schema(part)
        case "allOf":
            return [schema(value) for value in part]
        case _:
            return part


def _operation(operation: Mapping[str, Any]) -> dict[str, object]:
    content = operation["responses"]["200"]["content"]
    return {
        **operation,
        "parameters": [*map(_parameter, operation["parameters"])],
        "produces": [*content],
        "responses": {code: _response(response) for code, response in operation["responses"].items()},
        "schemes": ["https"],
    }


def _response(response: Mapping[str, Any]) -> dict[str, object]:
    converted = {"description": response["description"]}
    for content in response.get("content", {}).values():
        converted["schema"] = schema(content["schema"])
    return converted


def _parameter(parameter: Mapping[str, Any]) -> dict[str, object]:
    """A parameter, which has the members of its schema itself."""
    return {**{name: value for name, value in parameter.items() if name != "schema"}, **parameter["schema"]}
