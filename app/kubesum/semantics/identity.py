"""The least that makes an object an object: its name, and its namespace where its kind has one."""

from kubesum.kube.objects import Metadata
from kubesum.vocabulary.errors import ObjectError


def checked(metadata: Metadata) -> Metadata:
    """The metadata of a cluster-scoped object; raises ObjectError where it has no name."""
    if not metadata.name:
        raise ObjectError("metadata.name is missing")
    return metadata


def checked_in_namespace(metadata: Metadata) -> Metadata:
    """The metadata of a namespaced object; raises ObjectError where it has no name or no namespace."""
    if not metadata.namespace:
        raise ObjectError(f"metadata.namespace of {checked(metadata).name!r} is missing")
    return checked(metadata)
