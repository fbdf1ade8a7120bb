"""Checks that objects have a name, and a namespace if their resource is namespaced."""

from kubesum.kube.objects.meta import Metadata
from kubesum.vocabulary.errors import ObjectError


def checked(metadata: Metadata) -> Metadata:
    """The metadata of a cluster-scoped object; raises ObjectError without a name."""
    if not metadata.name:
        raise ObjectError("metadata.name is missing")
    return metadata


def checked_in_namespace(metadata: Metadata) -> Metadata:
    """The metadata of a namespaced object; raises ObjectError without a name or a namespace."""
    if not metadata.namespace:
        raise ObjectError(f"metadata.namespace of {checked(metadata).name!r} is missing")
    return checked(metadata)
