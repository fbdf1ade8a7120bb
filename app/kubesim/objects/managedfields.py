"""metadata.managedFields, derived from the object itself as server-side apply does.

Follows sigs.k8s.io/structured-merge-diff.
"""

from collections.abc import Mapping
from typing import Final

import msgspec

from kubesim.store.store import JsonObject

_MERGE_KEYS: Final[Mapping[str, tuple[str, ...]]] = {
    "conditions": ("type",),
    "containers": ("name",),
    "env": ("name",),
    "ephemeralContainers": ("name",),
    "hostIPs": ("ip",),
    "imagePullSecrets": ("name",),
    "initContainers": ("name",),
    "ownerReferences": ("uid",),
    "podIPs": ("ip",),
    "ports": ("containerPort", "protocol"),
    "volumeMounts": ("mountPath",),
    "volumes": ("name",),
}
_ATOMIC: Final = frozenset({"selector", "valueFrom", "nodeSelector", "projected"})
_SELF: Final = frozenset({"labels", "annotations"})


def managed(manager: str, api_version: str, time: str, fields: JsonObject | msgspec.Raw) -> JsonObject:
    """One entry of managedFields."""
    return {
        "manager": manager,
        "operation": "Update",
        "apiVersion": api_version,
        "time": time,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }


def claimed_fields(metadata: JsonObject, spec: JsonObject) -> JsonObject:
    """The fieldsV1 of the manager that created an object: labels, annotations, generateName and spec."""
    described: JsonObject = {
        key: metadata[key] for key in ("annotations", "generateName", "labels") if key in metadata
    }
    return {"f:metadata": owned_fields(described), "f:spec": owned_fields(spec)}


def owned_fields(obj: JsonObject) -> JsonObject:
    """The fieldsV1 of a manager that set every field of `obj`."""
    return {f"f:{name}": _owned(name, value) for name, value in obj.items()}


def _owned(name: str, value: object) -> JsonObject:
    if isinstance(value, dict) and name not in _ATOMIC:
        return ({".": {}} if name in _SELF else {}) | owned_fields(value)
    if isinstance(value, list) and name in _MERGE_KEYS:
        keys = _MERGE_KEYS[name]
        return {_item_key(item, keys): {".": {}, **owned_fields(item)} for item in value}
    return {}


def _item_key(item: JsonObject, keys: tuple[str, ...]) -> str:
    return f"k:{msgspec.json.encode({key: item.get(key) for key in keys}).decode()}"
