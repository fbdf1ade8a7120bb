"""Discovery documents: the served groups, versions and resources.

They are a pure function of the declarations, in a fixed order and without times, so that all replicas send the same
bytes and the same ETag.
Shapes: k8s.io/api/apidiscovery/v2 and k8s.io/apimachinery/pkg/apis/meta/v1 (APIGroup, APIResourceList).
"""

import hashlib
from collections.abc import Iterable
from typing import Final

import msgspec

from kubesum.api.representations.status import UNKNOWN_PATH
from kubesum.rollups.catalogue import Catalogue
from kubesum.vocabulary.errors import NotFound
from kubesum.vocabulary.resource import ComputedResource

VERBS: Final = ("get", "list", "watch")
"""The verbs of every resource. A listed verb that fails would stop controllers such as the namespace controller."""

LISTED_PATHS: Final = (
    "/apis",
    "/healthz",
    "/livez",
    "/metrics",
    "/openapi/v2",
    "/openapi/v3",
    "/readyz",
    "/version",
)


def aggregated(catalogue: Catalogue, version: str) -> bytes:
    """The APIGroupDiscoveryList in a version of apidiscovery.k8s.io: all groups in one document."""
    document = {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": f"apidiscovery.k8s.io/{version}",
        "metadata": {},
        "items": [_aggregated_group(catalogue, group) for group in _groups(catalogue)],
    }
    return msgspec.json.encode(document) + b"\n"


def etag(document: bytes) -> str:
    """The ETag of a document: its SHA-512 in upper-case hexadecimal, quoted."""
    return f'"{hashlib.sha512(document).hexdigest().upper()}"'


def _aggregated_group(catalogue: Catalogue, group: str) -> dict[str, object]:
    return {
        "metadata": {"name": group, "creationTimestamp": None},
        "versions": [
            {
                "version": version,
                "freshness": "Current",
                "resources": [_aggregated_resource(r) for r in _resources(catalogue, group, version)],
            }
            for version in _versions(catalogue, group)
        ],
    }


def _aggregated_resource(resource: ComputedResource) -> dict[str, object]:
    kind = {"group": resource.group, "version": resource.version, "kind": resource.kind}
    return {
        "resource": resource.plural,
        # client-go drops a resource whose responseKind is incomplete.
        "responseKind": kind,
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": VERBS,
        "shortNames": resource.short_names,
        "categories": resource.categories,
    }


def group_list(catalogue: Catalogue) -> bytes:
    """The APIGroupList, at /apis for clients that do not accept the aggregated document."""
    groups = [_group(catalogue, group) for group in _groups(catalogue)]
    return msgspec.json.encode({"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}) + b"\n"


def group(catalogue: Catalogue, name: str) -> bytes:
    """The APIGroup at /apis/{name}; raises NotFound."""
    if name not in _groups(catalogue):
        raise NotFound(UNKNOWN_PATH)
    return msgspec.json.encode({"kind": "APIGroup", "apiVersion": "v1", **_group(catalogue, name)}) + b"\n"


def _group(catalogue: Catalogue, name: str) -> dict[str, object]:
    versions = [{"groupVersion": f"{name}/{version}", "version": version} for version in _versions(catalogue, name)]
    return {"name": name, "versions": versions, "preferredVersion": versions[0]}


def resource_list(catalogue: Catalogue, group: str, version: str) -> bytes:
    """The APIResourceList at /apis/{group}/{version}; raises NotFound."""
    if (group, version) not in catalogue.group_versions():
        raise NotFound(UNKNOWN_PATH)
    resources = [_resource(resource) for resource in _resources(catalogue, group, version)]
    document = {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": f"{group}/{version}",
        "resources": resources,
    }
    return msgspec.json.encode(document) + b"\n"


def _resource(resource: ComputedResource) -> dict[str, object]:
    return {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": VERBS,
        "shortNames": resource.short_names,
        "categories": resource.categories,
    }


def paths(catalogue: Catalogue) -> tuple[str, ...]:
    """The paths that `/` lists, sorted."""
    served = {f"/apis/{group}" for group in _groups(catalogue)}
    served |= {f"/apis/{group}/{version}" for group, version in catalogue.group_versions()}
    return tuple(sorted({*LISTED_PATHS, *served}))


def _groups(catalogue: Catalogue) -> tuple[str, ...]:
    return tuple(sorted({group for group, _ in catalogue.group_versions()}))


def _versions(catalogue: Catalogue, group: str) -> tuple[str, ...]:
    return tuple(version for name, version in catalogue.group_versions() if name == group)


def _resources(catalogue: Catalogue, group: str, version: str) -> Iterable[ComputedResource]:
    return (collection.resource for collection in catalogue.in_version(group, version))
