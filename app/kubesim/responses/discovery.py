"""Discovery documents: of the built-in resources, and of the group that is aggregated.

Shapes: k8s.io/api/apidiscovery/v2 and k8s.io/apimachinery/pkg/apis/meta/v1 (APIGroupList, APIResourceList).
"""

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from kubesim.store.apiresources import GROUP_VERSIONS, STORED_GROUP_VERSIONS, ApiResource, resources_of
from kubesim.store.store import JsonObject

GROUP_DISCOVERY_LIST: Final = "APIGroupDiscoveryList"
DISCOVERY_GROUP: Final = "apidiscovery.k8s.io"


def aggregated(version: str, legacy: bool, extension: Sequence[JsonObject] = ()) -> JsonObject:
    """APIGroupDiscoveryList in one version of its group, of the core group (`legacy`) or of all others.

    `extension` are the items of aggregated groups; they come last, because their priority is lowest.
    """
    built_in = items([pair for pair in GROUP_VERSIONS if (pair[0] == "") is legacy])
    return {
        "kind": GROUP_DISCOVERY_LIST,
        "apiVersion": f"{DISCOVERY_GROUP}/{version}",
        "metadata": {},
        "items": [*built_in, *extension],
    }


def items(group_versions: Sequence[tuple[str, str]]) -> list[JsonObject]:
    """The items of aggregated discovery for (group, version) pairs of resources that are served here."""
    return [
        {"metadata": {"name": group}, "versions": [_version_item(group, version) for version in versions]}
        for group, versions in _by_group(group_versions)
    ]


def core_versions(url: str) -> JsonObject:
    """APIVersions, the legacy document at `/api`."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": url}],
    }


def group_list(extension: Sequence[tuple[str, str]]) -> JsonObject:
    """APIGroupList of all groups but the core group; `extension` are (group, version) pairs of aggregated groups."""
    groups = _by_group([*(pair for pair in GROUP_VERSIONS if pair[0]), *extension])
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group_item(*group) for group in groups]}


def group(name: str, extension: Sequence[tuple[str, str]]) -> JsonObject | None:
    """APIGroup of one group, None if it does not exist."""
    for group_name, versions in _by_group([*GROUP_VERSIONS, *extension]):
        if group_name == name and name:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group_item(name, versions)}
    return None


def resource_list(group_name: str, version: str) -> JsonObject | None:
    """APIResourceList of one group version, None if it has no resources."""
    found = resources_of(group_name, version)
    if not found:
        return None
    resources: list[JsonObject] = []
    for resource in found:
        resources.append(_resource(resource))
        resources += (
            {
                "name": f"{resource.plural}/{subresource}",
                "singularName": "",
                "namespaced": resource.namespaced,
                "kind": resource.kind,
                "verbs": ["get", "patch", "update"],
            }
            for subresource in resource.subresources
        )
    group_version = f"{group_name}/{version}" if group_name else version
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": resources,
    }


def paths(extension: Sequence[tuple[str, str]]) -> JsonObject:
    """The document at `/`: all paths."""
    found = {"/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"}
    for name, version in (*(pair for pair in GROUP_VERSIONS if pair[0]), *extension):
        found |= {f"/apis/{name}", f"/apis/{name}/{version}"}
    return {"paths": sorted(found)}


def openapi_index() -> JsonObject:
    """The index at `/openapi/v3`: a document for each group version."""
    return {
        "paths": {
            _root(group_name, version).strip("/"): {"serverRelativeURL": f"/openapi/v3{_root(group_name, version)}"}
            for group_name, version in STORED_GROUP_VERSIONS
        }
    }


def openapi_document(group_name: str, version: str) -> JsonObject | None:
    """A partial OpenAPI v3 document; None if the group version does not exist.

    It has what kubectl looks up before it writes: that each kind can be patched, and that the server validates fields
    (kubectl/pkg/util/openapi, query_param_verifier_v3.go).
    """
    if (group_name, version) not in STORED_GROUP_VERSIONS:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1"},
        "paths": {
            _object_path(resource): {"patch": _patch(resource)} for resource in resources_of(group_name, version)
        },
    }


def _object_path(resource: ApiResource) -> str:
    namespace = "/namespaces/{namespace}" if resource.namespaced else ""
    return f"{_root(resource.group, resource.version)}{namespace}/{resource.plural}/{{name}}"


def _patch(resource: ApiResource) -> JsonObject:
    return {
        "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": _response_kind(resource),
    }


def _root(group_name: str, version: str) -> str:
    return f"/apis/{group_name}/{version}" if group_name else f"/api/{version}"


def _by_group(pairs: Sequence[tuple[str, str]]) -> list[tuple[str, list[str]]]:
    """(group, versions) of pairs in which the versions of a group follow each other."""
    return [(group, [version for _, version in found]) for group, found in groupby(pairs, key=lambda pair: pair[0])]


def _group_item(name: str, versions: Sequence[str]) -> JsonObject:
    found = [{"groupVersion": f"{name}/{version}", "version": version} for version in versions]
    return {"name": name, "versions": found, "preferredVersion": found[0]}


def _version_item(group_name: str, version: str) -> JsonObject:
    resources = [_discovered(resource) for resource in resources_of(group_name, version)]
    return {"version": version, "freshness": "Current", "resources": resources}


def _resource(resource: ApiResource) -> JsonObject:
    return {
        "name": resource.plural,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": resource.verbs,
        "shortNames": resource.short_names,
        "categories": resource.categories,
    }


def _discovered(resource: ApiResource) -> JsonObject:
    return {
        "resource": resource.plural,
        "responseKind": _response_kind(resource),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": resource.verbs,
        "shortNames": resource.short_names,
        "categories": resource.categories,
        "subresources": [
            {
                "subresource": subresource,
                "responseKind": _response_kind(resource),
                "verbs": ["get", "patch", "update"],
            }
            for subresource in resource.subresources
        ],
    }


def _response_kind(resource: ApiResource) -> JsonObject:
    return {"group": resource.group, "version": resource.version, "kind": resource.kind}
