"""OpenAPI 2.0 (Swagger) out of OpenAPI 3.0: the same paths and schemas in the older form.

kube-apiserver reads this form of an extension server, and merges what is below the paths of its group.
The differences: https://swagger.io/specification/v2 against v3.
"""

from collections.abc import Mapping
from typing import Any, Final

from kubesum.api.openapi.schemas import REFERENCE

_DEFINITIONS: Final = "#/definitions/"
# What 2.0 does not know, and what would only repeat that an object can be empty.
_DROPPED: Final = frozenset({"nullable", "default"})


def path_item(item: Mapping[str, Any]) -> dict[str, object]:
    """A path item of OpenAPI 3.0 in the form of 2.0."""
    return {"get": _operation(item["get"]), "parameters": [*map(_parameter, item["parameters"])]}


def schema(value: Mapping[str, Any]) -> dict[str, object]:
    """A schema of OpenAPI 3.0 in the form of 2.0."""
    converted = {name: _converted(name, part) for name, part in value.items() if name not in _DROPPED}
    # Unlike 3.0, the readers of 2.0 take a description beside a reference.
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
    answered = operation["responses"]["200"]["content"]
    return {
        **operation,
        "parameters": [*map(_parameter, operation["parameters"])],
        "produces": [*answered],
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
