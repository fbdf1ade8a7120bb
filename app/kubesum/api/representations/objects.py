"""Rows as Kubernetes objects: the whole object, or its metadata alone."""

from datetime import datetime
from typing import Any, Final

import msgspec
from msgspec import UNSET

from kubesum.rollups.rows import Row, status_of, uid_of
from kubesum.vocabulary.quantity import ResourceList
from kubesum.vocabulary.resource import ComputedResource, Subject


class ObjectMeta(msgspec.Struct, frozen=True, gc=False, kw_only=True, omit_defaults=True, rename="camel"):
    """metav1.ObjectMeta; `creation_timestamp` is null if there is no object to take it from."""

    name: str
    namespace: str = ""
    uid: str
    resource_version: str
    creation_timestamp: datetime | None
    labels: dict[str, str] = {}


class Object(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """One object of a computed resource; `status` is an instance of the resource's status type.

    `key` is one of its key type, and absent if it has none.
    """

    api_version: str
    kind: str
    metadata: ObjectMeta
    key: Any
    status: Any


class PartialObjectMetadata(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """metav1.PartialObjectMetadata, in a version of meta.k8s.io."""

    api_version: str
    kind: str
    metadata: ObjectMeta


def metadata_of(resource: ComputedResource, row: Row) -> ObjectMeta:
    """The metadata of a row."""
    subject: Subject | None = row.subject
    return ObjectMeta(
        name=row.key[1],
        namespace=row.key[0],
        uid=uid_of(resource, row),
        resource_version=str(row.version),
        creation_timestamp=subject.created if subject else None,
        labels=subject.labels if subject else {},
    )


def object_of(resource: ComputedResource, row: Row) -> Object:
    """A row as a whole object."""
    key = UNSET if resource.row_key is None else resource.row_key.of(row.subject)
    return Object(resource.api_version, resource.kind, metadata_of(resource, row), key, status_of(resource, row))


def partial_of(resource: ComputedResource, row: Row, api_version: str) -> PartialObjectMetadata:
    """A row's metadata as an object of its own; `api_version` is one of meta.k8s.io."""
    return PartialObjectMetadata(api_version, "PartialObjectMetadata", metadata_of(resource, row))


def _encoded(value: object) -> object:
    if isinstance(value, ResourceList):
        return value.quantities()
    raise NotImplementedError(f"{type(value).__name__} has no JSON form")


ENCODER: Final = msgspec.json.Encoder(enc_hook=_encoded)
"""Encodes all served objects; a ResourceList becomes a map of canonical quantities."""
