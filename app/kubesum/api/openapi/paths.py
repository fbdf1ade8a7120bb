"""Path items of OpenAPI 3.0: the paths of a computed resource and their parameters.

`kubectl explain` finds the schema of a resource through the operations of its paths.
Form and names: k8s.io/apiserver/pkg/endpoints/installer.go; operation ids are unique in a whole cluster.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from kubesum.api.openapi.schemas import Schema, gvk
from kubesum.api.requests.negotiation import SERVED
from kubesum.api.requests.selectors import field_paths
from kubesum.vocabulary.resource import ComputedResource

Operation = dict[str, object]
Parameter = dict[str, object]

_WATCH: Final = "watch"
_STREAMED: Final = (*SERVED, "application/json;stream=watch")


def path_items(
    resource: ComputedResource, one: Schema, many: Schema, verbs: Collection[str]
) -> Mapping[str, Mapping[str, object]]:
    """The path items of a resource by path; `one` and `many` refer to the schemas of an object and of a list."""
    kind, root = resource.kind, f"/apis/{resource.api_version}"
    prefix = "".join(word.capitalize() for word in re.split(r"[.-]", f"{resource.group}.{resource.version}"))
    whole = f"{root}/{resource.plural}"
    listing, reading = _list(resource, many, verbs), _read(resource, one)
    if not resource.namespaced:
        return {
            whole: _item(listing, f"list{prefix}{kind}"),
            f"{whole}/{{name}}": _item(reading, f"read{prefix}{kind}", _name(kind)),
        }
    within = f"{root}/namespaces/{{namespace}}/{resource.plural}"
    return {
        whole: _item(listing, f"list{prefix}{kind}ForAllNamespaces"),
        within: _item(listing, f"list{prefix}Namespaced{kind}", _NAMESPACE),
        f"{within}/{{name}}": _item(reading, f"read{prefix}Namespaced{kind}", _NAMESPACE, _name(kind)),
    }


def _item(operation: Operation, operation_id: str, *parameters: Parameter) -> dict[str, object]:
    """A path item with its one operation; every path has the parameter `pretty` too."""
    return {"get": {**operation, "operationId": operation_id}, "parameters": [*parameters, _PRETTY]}


def _read(resource: ComputedResource, answer: Schema) -> Operation:
    return {
        **_operation(resource, "get", answer, SERVED),
        "description": f"Reads one object of kind {resource.kind}.",
        "parameters": [_VERSION],
    }


def _list(resource: ComputedResource, answer: Schema, verbs: Collection[str]) -> Operation:
    is_watched = _WATCH in verbs
    suffix = ", or follows their changes" if is_watched else ""
    return {
        **_operation(resource, "list", answer, _STREAMED if is_watched else SERVED),
        "description": f"Lists objects of kind {resource.kind}{suffix}.",
        "parameters": [_field_selector(resource), *_LIST, *(_WATCHING if is_watched else ())],
    }


def _operation(resource: ComputedResource, action: str, answer: Schema, media_types: Iterable[str]) -> Operation:
    content = {media_type: {"schema": answer} for media_type in media_types}
    return {
        "tags": [f"{resource.group}_{resource.version}"],
        "responses": {
            "200": {"description": "OK", "content": content},
            "401": {"description": "Unauthorized"},
        },
        "x-kubernetes-action": action,
        "x-kubernetes-group-version-kind": gvk(resource),
    }


def _query(name: str, kind: str, description: str) -> Parameter:
    return {
        "name": name,
        "in": "query",
        "description": description,
        "schema": {"type": kind, "uniqueItems": True},
    }


def _path(name: str, description: str) -> Parameter:
    return {**_query(name, "string", description), "in": "path", "required": True}


def _name(kind: str) -> Parameter:
    return _path("name", f"Name of the {kind}.")


def _field_selector(resource: ComputedResource) -> Parameter:
    """The parameter fieldSelector, whose description names the fields that a resource can be selected by."""
    return _query(
        "fieldSelector",
        "string",
        "Restricts the answer to objects whose fields have the values given as field=value or field!=value, "
        f"separated by commas. Fields: {', '.join(field_paths(resource))}.",
    )


_NAMESPACE: Final = _path("namespace", "Namespace of the objects.")
_PRETTY: Final = _query("pretty", "string", "If true, the answer is indented for a person to read.")
_VERSION: Final = _query(
    "resourceVersion", "string", "Version that the answer must not be older than; 0 or absent for any."
)
_LIST: Final = (
    _query("labelSelector", "string", "Restricts the answer to objects whose labels match."),
    _query("limit", "integer", "Largest number of objects to answer with; what is left is asked for with continue."),
    _query("continue", "string", "The token that the page before gave: asks for the objects that follow it."),
    _VERSION,
    _query(
        "resourceVersionMatch",
        "string",
        "How resourceVersion is meant: NotOlderThan for a version that is as new, Exact for that version alone.",
    ),
)
_WATCHING: Final = (
    _query("watch", "boolean", "Answers with changes of the objects as they occur, instead of a list."),
    _query("allowWatchBookmarks", "boolean", "Lets a watch send bookmarks, which carry the current resourceVersion."),
    _query(
        "sendInitialEvents",
        "boolean",
        "Lets a watch begin with the existing objects, followed by a bookmark that marks their end.",
    ),
    _query("timeoutSeconds", "integer", "Number of seconds after which a watch ends."),
)
