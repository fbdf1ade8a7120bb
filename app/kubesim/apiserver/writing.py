"""Create, update, patch and delete of stored objects; the status is a subresource of its own.

Enough for kubectl to change the cluster: there are no finalizers, no grace periods and no cascading deletion.
"""

from typing import Final

import msgspec

from kubesim.apierrors import (
    AlreadyExists,
    BadRequest,
    Conflict,
    Invalid,
    NotFound,
    StatusDetails,
    UnsupportedMediaType,
)
from kubesim.apiserver.customresources import created, updated
from kubesim.requests import protobuf
from kubesim.requests.requestinfo import RequestInfo
from kubesim.store.apiresources import ApiResource
from kubesim.store.store import JsonObject, Store, StoredObject

_APPLY: Final = "application/apply-patch+yaml"
_MERGE: Final = "application/merge-patch+json"
_STRATEGIC: Final = "application/strategic-merge-patch+json"


class Writer:
    """Writes objects of one store; each method returns the new state of the object."""

    def __init__(self, store: Store) -> None:
        self._store: Final = store

    def create(self, resource: ApiResource, info: RequestInfo, body: bytes) -> StoredObject:
        """Creates an object without status; raises AlreadyExists, Invalid, or NotFound for its namespace."""
        obj = _decoded(body)
        metadata = obj.get("metadata", {})
        if not metadata.get("name"):
            raise Invalid(f'{resource.kind} "" is invalid: metadata.name: Required value: name is required')
        if info.namespace and self._store.get("namespaces", "", info.namespace) is None:
            raise NotFound(
                f'namespaces "{info.namespace}" not found',
                StatusDetails(name=info.namespace, kind="namespaces"),
            )
        _set_identity(obj, info.namespace, metadata["name"])
        if self._store.get(resource.plural, info.namespace, metadata["name"]) is not None:
            name = metadata["name"]
            raise AlreadyExists(f'{resource.group_resource} "{name}" already exists', _details(resource, name))
        if "status" in resource.subresources:
            obj["status"] = {"phase": "Pending"} if resource.plural == "pods" else {}
        metadata.pop("resourceVersion", None)
        if resource.is_custom:
            obj = created(self._store, resource, obj)
        return self._store.put(resource.plural, obj)

    def update(self, resource: ApiResource, info: RequestInfo, body: bytes) -> StoredObject:
        """Replaces an object, or only its status; raises NotFound, Conflict."""
        before = self.current(resource, info)
        return self._replace(resource, info, before, _decoded(body))

    def patch(self, resource: ApiResource, info: RequestInfo, body: bytes, media_type: str) -> StoredObject:
        """Merges a patch into an object; raises NotFound, Conflict, UnsupportedMediaType."""
        before = self.current(resource, info)
        patch = _decoded(body)
        if media_type == _APPLY and info.subresource == "status":
            return self._apply_status(resource, info, before, patch)
        # Both types of patch are equal for maps; strategic merge of lists by key is not implemented.
        if media_type != _MERGE and not (media_type == _STRATEGIC and not _has_list(patch)):
            raise _unsupported(f"{_MERGE}, {_STRATEGIC} without lists")
        return self._replace(resource, info, before, _merged(before.decoded(), patch))

    def _apply_status(
        self, resource: ApiResource, info: RequestInfo, before: StoredObject, applied: JsonObject
    ) -> StoredObject:
        """Server-side apply of a status that has one manager: what it no longer states is removed."""
        old = before.decoded()
        obj = {**old, "metadata": {**old["metadata"], "resourceVersion": ""}, "status": applied.get("status", {})}
        if version := applied.get("metadata", {}).get("resourceVersion"):
            obj["metadata"]["resourceVersion"] = version
        return self._replace(resource, info, before, obj)

    def delete(self, resource: ApiResource, info: RequestInfo) -> StoredObject:
        """Deletes an object and returns its last state; raises NotFound."""
        last = self._store.delete(resource.plural, info.namespace, info.name)
        if last is None:
            raise _not_found(resource, info.name)
        return last

    def current(self, resource: ApiResource, info: RequestInfo) -> StoredObject:
        """The object that a request names; raises NotFound."""
        stored = self._store.get(resource.plural, info.namespace, info.name)
        if stored is None:
            raise _not_found(resource, info.name)
        return stored

    def _replace(
        self, resource: ApiResource, info: RequestInfo, before: StoredObject, obj: JsonObject
    ) -> StoredObject:
        _set_identity(obj, info.namespace, info.name)
        version = obj["metadata"].pop("resourceVersion", "")
        if version and version != str(before.version):
            raise Conflict(
                f'Operation cannot be fulfilled on {resource.group_resource} "{info.name}": the object has been '
                "modified; please apply your changes to the latest version and try again",
                _details(resource, info.name),
            )
        old = before.decoded()
        del old["metadata"]["resourceVersion"]
        obj["metadata"] |= {name: old["metadata"][name] for name in ("uid", "creationTimestamp")}
        if info.subresource == "status":
            obj = {**old, "status": obj.get("status", {})}
        elif "status" in resource.subresources:
            obj["status"] = old.get("status", {})
        if resource.is_custom:
            obj = updated(self._store, resource, old, obj)
            # What changes nothing is not written: the version stays.
            if obj == old:
                return before
        return self._store.put(resource.plural, obj)


def _decoded(body: bytes) -> JsonObject:
    """The JSON object in a body; raises UnsupportedMediaType for protobuf, BadRequest for anything else."""
    if body.startswith(protobuf.MAGIC):
        raise _unsupported("application/json")
    try:
        obj: JsonObject = msgspec.json.decode(body, type=dict)
    except msgspec.DecodeError as error:
        raise BadRequest(f"the body is not a JSON object: {error}") from None
    return obj


def _set_identity(obj: JsonObject, namespace: str, name: str) -> None:
    metadata = obj.setdefault("metadata", {})
    for field, expected in (("namespace", namespace), ("name", name)):
        if metadata.get(field, expected) != expected:
            raise BadRequest(f"the {field} of the provided object does not match the {field} sent on the request")
        if expected:
            metadata[field] = expected


def _merged(target: JsonObject, patch: JsonObject) -> JsonObject:
    """A JSON merge patch (RFC 7386): null removes, objects merge, other values replace."""
    merged = dict(target)
    for name, value in patch.items():
        if value is None:
            merged.pop(name, None)
        elif isinstance(value, dict):
            current = merged.get(name)
            merged[name] = _merged(current if isinstance(current, dict) else {}, value)
        else:
            merged[name] = value
    return merged


def _has_list(value: object) -> bool:
    if isinstance(value, dict):
        return any(_has_list(item) for item in value.values())
    return isinstance(value, list)


def _unsupported(accepted: str) -> UnsupportedMediaType:
    return UnsupportedMediaType(
        f"the body of the request was in an unknown format - accepted media types include: {accepted}"
    )


def _not_found(resource: ApiResource, name: str) -> NotFound:
    return NotFound(f'{resource.group_resource} "{name}" not found', _details(resource, name))


def _details(resource: ApiResource, name: str) -> StatusDetails:
    return StatusDetails(name=name, group=resource.group, kind=resource.plural)
