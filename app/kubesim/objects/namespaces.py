"""The JSON of namespaces."""

from datetime import datetime

from kubesim.model.state import NamespaceState
from kubesim.objects.managedfields import managed, owned_fields
from kubesim.objects.parts import stamp
from kubesim.store.store import JsonObject


def namespace_manifest(namespace: NamespaceState) -> JsonObject:
    """A Namespace as the API server returns it."""
    labels = {"kubernetes.io/metadata.name": namespace.name, **namespace.labels}
    metadata: JsonObject = {
        "name": namespace.name,
        "uid": namespace.uid,
        "creationTimestamp": stamp(namespace.created),
        "labels": labels,
        "managedFields": [
            managed("kubectl", "v1", stamp(namespace.created), {"f:metadata": owned_fields({"labels": labels})})
        ],
    }
    status: JsonObject = {"phase": "Active"}
    if namespace.deletion_timestamp:
        metadata["deletionTimestamp"] = stamp(namespace.deletion_timestamp)
        status = {"phase": "Terminating", "conditions": [_content_remains(namespace.deletion_timestamp)]}
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": metadata,
        "spec": {"finalizers": ["kubernetes"]},
        "status": status,
    }


def _content_remains(since: datetime) -> JsonObject:
    return {
        "type": "NamespaceFinalizersRemaining",
        "status": "True",
        "lastTransitionTime": stamp(since),
        "reason": "SomeFinalizersRemain",
        "message": "Some content in the namespace has finalizers remaining",
    }
