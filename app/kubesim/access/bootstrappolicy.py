"""The roles and bindings of a new cluster, as objects: those of Kubernetes, of metrics-server, and of the users.

A part of kubernetes/plugin/pkg/auth/authorizer/rbac/bootstrappolicy/policy.go: what the users and extension API
servers need.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from kubesim.access.authentication import AUTHENTICATED, MASTERS, TENANT, UNAUTHENTICATED, VIEWER
from kubesim.access.rbac import RBAC_GROUP
from kubesim.store.apiresources import METRICS_GROUP
from kubesim.store.store import JsonObject

AGGREGATE_TO_VIEW: Final = f"{RBAC_GROUP}/aggregate-to-view"

_READ: Final = ["get", "list", "watch"]
_PUBLIC_PATHS: Final = ["/healthz", "/livez", "/readyz", "/version", "/version/"]
_DISCOVERY_PATHS: Final = ["/api", "/api/*", "/apis", "/apis/*", "/openapi", "/openapi/*", *_PUBLIC_PATHS]
_AUTHENTICATION_READER: Final = "extension-apiserver-authentication-reader"
_REVIEWS: Final = (
    ("authentication.k8s.io", "tokenreviews"),
    ("authorization.k8s.io", "subjectaccessreviews"),
)
_SELF_REVIEWS: Final = (
    ("authentication.k8s.io", "selfsubjectreviews"),
    ("authorization.k8s.io", "selfsubjectaccessreviews"),
    ("authorization.k8s.io", "selfsubjectrulesreviews"),
)


def default_objects(tenant_namespace: str) -> Iterator[tuple[str, JsonObject]]:
    """(resource, object) of each role and binding; the tenant may view one namespace."""
    for name, rules in _CLUSTER_ROLES.items():
        yield "clusterroles", {"metadata": {"name": name}, "rules": rules}
    yield "clusterroles", _VIEW
    yield "clusterroles", _METRICS_VIEW
    yield "roles", {"metadata": _in_namespace("kube-system", _AUTHENTICATION_READER), "rules": _READER_RULES}
    for name, role, subject in (
        ("cluster-admin", "cluster-admin", _group(MASTERS)),
        ("system:basic-user", "system:basic-user", _group(AUTHENTICATED)),
        ("system:discovery", "system:discovery", _group(AUTHENTICATED)),
        ("system:public-info-viewer", "system:public-info-viewer", _group(AUTHENTICATED)),
        ("system:public-info-viewer:anonymous", "system:public-info-viewer", _group(UNAUTHENTICATED)),
        ("viewer", "view", _user(VIEWER.name)),
    ):
        yield "clusterrolebindings", _binding({"name": name}, "ClusterRole", role, subject)
    yield (
        "rolebindings",
        _binding(_in_namespace(tenant_namespace, "tenant"), "ClusterRole", "view", _user(TENANT.name)),
    )


def _rule(group: str, resources: Iterable[str], verbs: list[str]) -> JsonObject:
    return {"apiGroups": [group], "resources": list(resources), "verbs": verbs}


def _paths(paths: list[str]) -> JsonObject:
    return {"nonResourceURLs": paths, "verbs": ["get"]}


def _group(name: str) -> JsonObject:
    return {"apiGroup": RBAC_GROUP, "kind": "Group", "name": name}


def _user(name: str) -> JsonObject:
    return {"apiGroup": RBAC_GROUP, "kind": "User", "name": name}


def _in_namespace(namespace: str, name: str) -> JsonObject:
    return {"namespace": namespace, "name": name}


def _binding(metadata: JsonObject, kind: str, role: str, subject: JsonObject) -> JsonObject:
    return {
        "metadata": metadata,
        "roleRef": {"apiGroup": RBAC_GROUP, "kind": kind, "name": role},
        "subjects": [subject],
    }


_CLUSTER_ROLES: Final = {
    "cluster-admin": [_rule("*", ["*"], ["*"]), {"nonResourceURLs": ["*"], "verbs": ["*"]}],
    "system:basic-user": [_rule(group, [resource], ["create"]) for group, resource in _SELF_REVIEWS],
    "system:discovery": [_paths(_DISCOVERY_PATHS)],
    "system:public-info-viewer": [_paths(_PUBLIC_PATHS)],
    "system:auth-delegator": [_rule(group, [resource], ["create"]) for group, resource in _REVIEWS],
}

_VIEW: Final[JsonObject] = {
    "metadata": {"name": "view"},
    "aggregationRule": {"clusterRoleSelectors": [{"matchLabels": {AGGREGATE_TO_VIEW: "true"}}]},
    "rules": [
        _rule("", ["configmaps", "events", "namespaces", "pods", "serviceaccounts", "services"], _READ),
        _rule("apps", ["daemonsets", "deployments", "replicasets", "statefulsets"], _READ),
        _rule("batch", ["cronjobs", "jobs"], _READ),
    ],
}

# metrics-server/manifests/base/rbac.yaml.
_METRICS_VIEW: Final[JsonObject] = {
    "metadata": {"name": "system:aggregated-metrics-reader", "labels": {AGGREGATE_TO_VIEW: "true"}},
    "rules": [_rule(METRICS_GROUP, ["pods", "nodes"], _READ)],
}

_READER_RULES: Final = [
    {
        "apiGroups": [""],
        "resources": ["configmaps"],
        "resourceNames": ["extension-apiserver-authentication"],
        "verbs": _READ,
    }
]
