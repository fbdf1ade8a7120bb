"""Discovery documents of the simulated API server: the built-in kinds, and the groups that are aggregated.

Shapes: k8s.io/api/apidiscovery/v2 and k8s.io/apimachinery/pkg/apis/meta/v1 (APIGroupList, APIResourceList).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from kubesim.store.apiresources import (
    GROUP_VERSIONS,
    KINDS,
    METRICS,
    METRICS_GROUP,
    METRICS_VERSION,
    Kind,
    in_group_version,
)
from kubesim.store.store import JsonObject

AGGREGATED: Final = "APIGroupDiscoveryList"
DISCOVERY_GROUP: Final = "apidiscovery.k8s.io"


@dataclass(frozen=True, slots=True)
class Review:
    """A resource that can only be created, and whose answer is computed on the spot."""

    kind: str
    plural: str
    group: str
    version: str = "v1"


REVIEWS: Final = (
    Review("TokenReview", "tokenreviews", "authentication.k8s.io"),
    Review("SelfSubjectReview", "selfsubjectreviews", "authentication.k8s.io"),
    Review("SubjectAccessReview", "subjectaccessreviews", "authorization.k8s.io"),
    Review("SelfSubjectAccessReview", "selfsubjectaccessreviews", "authorization.k8s.io"),
    Review("SelfSubjectRulesReview", "selfsubjectrulesreviews", "authorization.k8s.io"),
)
_ALL_GROUP_VERSIONS: Final = (
    *sorted({*GROUP_VERSIONS, *((review.group, review.version) for review in REVIEWS)}),
    # Of lower priority than all that is built in: `pods` and `nodes` are those of the core group.
    (METRICS_GROUP, METRICS_VERSION),
)


def aggregated(version: str, legacy: bool, extension: Sequence[JsonObject] = ()) -> JsonObject:
    """APIGroupDiscoveryList in one version of its group, of the core group or of all others.

    `extension` are items of aggregated groups; they come last, as their priority is lowest.
    """
    items = [
        {"metadata": {"name": group}, "versions": [_version_item(group, version) for _, version in versions]}
        for group, versions in groupby(_ALL_GROUP_VERSIONS, key=lambda pair: pair[0])
        if (group == "") is legacy
    ]
    return {
        "kind": AGGREGATED,
        "apiVersion": f"{DISCOVERY_GROUP}/{version}",
        "metadata": {},
        "items": [*items, *extension],
    }


def core_versions(url: str) -> JsonObject:
    """APIVersions, the legacy answer of `/api`."""
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": url}],
    }


def group_list(extension: Sequence[tuple[str, str]]) -> JsonObject:
    """APIGroupList of everything but the core group; `extension` are further (group, version) pairs."""
    pairs = [*(pair for pair in _ALL_GROUP_VERSIONS if pair[0]), *extension]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": [_group_item(*pair) for pair in pairs]}


def group(name: str, extension: Sequence[tuple[str, str]]) -> JsonObject | None:
    """APIGroup of one group, None if there is no such group."""
    for pair in (*_ALL_GROUP_VERSIONS, *extension):
        if pair[0] == name and name:
            return {"kind": "APIGroup", "apiVersion": "v1", **_group_item(*pair)}
    return None


def resource_list(group_name: str, version: str) -> JsonObject | None:
    """APIResourceList of one group version, None if there is no such group version."""
    if (group_name, version) not in _ALL_GROUP_VERSIONS:
        return None
    resources: list[JsonObject] = []
    for kind in in_group_version(group_name, version):
        resources.append(_resource(kind))
        resources += (
            {
                "name": f"{kind.plural}/{subresource}",
                "singularName": "",
                "namespaced": kind.namespaced,
                "kind": kind.kind,
                "verbs": ["get", "patch", "update"],
            }
            for subresource in kind.subresources
        )
    resources += (
        {
            "name": review.plural,
            "singularName": review.kind.lower(),
            "namespaced": False,
            "kind": review.kind,
            "verbs": ["create"],
        }
        for review in _reviews(group_name, version)
    )
    group_version = f"{group_name}/{version}" if group_name else version
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": group_version,
        "resources": resources,
    }


def paths(extension: Sequence[tuple[str, str]]) -> JsonObject:
    """The answer of `/`: the paths that exist."""
    known = {"/api", "/api/v1", "/apis", "/healthz", "/livez", "/openapi/v2", "/openapi/v3", "/readyz", "/version"}
    for name, version in (*(pair for pair in _ALL_GROUP_VERSIONS if pair[0]), *extension):
        known |= {f"/apis/{name}", f"/apis/{name}/{version}"}
    return {"paths": sorted(known)}


def openapi_index() -> JsonObject:
    """The index of `/openapi/v3`: a document for each group version."""
    return {
        "paths": {
            _root(group_name, version).strip("/"): {"serverRelativeURL": f"/openapi/v3{_root(group_name, version)}"}
            for group_name, version in GROUP_VERSIONS
        }
    }


def openapi_document(group_name: str, version: str) -> JsonObject | None:
    """A small OpenAPI v3 document; None if there is no such group version.

    It says only what kubectl looks up before it writes: that each kind can be patched, and that the server
    checks fields itself (kubectl/pkg/util/openapi, query_param_verifier_v3.go).
    """
    if (group_name, version) not in GROUP_VERSIONS:
        return None
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": "v1"},
        "paths": {_object_path(kind): {"patch": _patch(kind)} for kind in in_group_version(group_name, version)},
    }


def _object_path(kind: Kind) -> str:
    namespace = "/namespaces/{namespace}" if kind.namespaced else ""
    return f"{_root(kind.group, kind.version)}{namespace}/{kind.plural}/{{name}}"


def _patch(kind: Kind) -> JsonObject:
    return {
        "parameters": [{"name": "fieldValidation", "in": "query", "schema": {"type": "string"}}],
        "responses": {"200": {"description": "OK"}},
        "x-kubernetes-action": "patch",
        "x-kubernetes-group-version-kind": _response_kind(kind),
    }


def _root(group_name: str, version: str) -> str:
    return f"/apis/{group_name}/{version}" if group_name else f"/api/{version}"


def _reviews(group_name: str, version: str) -> list[Review]:
    return [review for review in REVIEWS if (review.group, review.version) == (group_name, version)]


def _group_item(name: str, version: str) -> JsonObject:
    item = {"groupVersion": f"{name}/{version}", "version": version}
    return {"name": name, "versions": [item], "preferredVersion": item}


def _version_item(group_name: str, version: str) -> JsonObject:
    kinds = [_discovered(k) for k in (*KINDS, *METRICS) if (k.group, k.version) == (group_name, version)]
    reviews = [
        {
            "resource": review.plural,
            "responseKind": {"group": review.group, "version": review.version, "kind": review.kind},
            "scope": "Cluster",
            "singularResource": review.kind.lower(),
            "verbs": ["create"],
        }
        for review in _reviews(group_name, version)
    ]
    return {"version": version, "freshness": "Current", "resources": [*kinds, *reviews]}


def _resource(kind: Kind) -> JsonObject:
    return {
        "name": kind.plural,
        "singularName": kind.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": kind.verbs,
        "shortNames": kind.short_names,
        "categories": kind.categories,
    }


def _discovered(kind: Kind) -> JsonObject:
    return {
        "resource": kind.plural,
        "responseKind": _response_kind(kind),
        "scope": "Namespaced" if kind.namespaced else "Cluster",
        "singularResource": kind.singular,
        "verbs": kind.verbs,
        "shortNames": kind.short_names,
        "categories": kind.categories,
        "subresources": [
            {
                "subresource": subresource,
                "responseKind": _response_kind(kind),
                "verbs": ["get", "patch", "update"],
            }
            for subresource in kind.subresources
        ],
    }


def _response_kind(kind: Kind) -> JsonObject:
    return {"group": kind.group, "version": kind.version, "kind": kind.kind}
