"""The objects that install kubesum in the simulated cluster: those of the chart with its default values.

Roles and bindings are the chart's (`tests/chart/test_rights.py` compares them); the ClusterRoles of readers follow
from the declarations there and here. Two things differ from the default chart: the labels are fewer, and the pods
read their certificate from files.
"""

from typing import Any, Final

from kubesum import __version__
from kubesum.commands.roles import server_and_reader_roles
from kubesum.vocabulary.resource import GROUP, ROLLUP_GROUP, VERSION

JsonObject = dict[str, Any]

NAMESPACE: Final = "kubesum-system"
NAME: Final = "kubesum"
"""The name of the Service, the Deployment and the ServiceAccount."""
API_SERVICE: Final = f"{VERSION}.{GROUP}"
API_SERVICES: Final = (API_SERVICE, f"{VERSION}.{ROLLUP_GROUP}")
SERVICE_HOST: Final = f"{NAME}.{NAMESPACE}.svc"
"""The host that the API server verifies the serving certificate for."""

_SECRET: Final = "kubesum-tls"  # noqa: S105 - the name of a Secret
_LABELS: Final = {"app.kubernetes.io/name": NAME}
_PORT: Final = "https"
_SECURE_PORT: Final = 10250
_RBAC: Final = "rbac.authorization.k8s.io"
_RESOURCES: Final = {"cpu": "250m", "memory": "256Mi"}


def namespace() -> JsonObject:
    """The Namespace of everything that is namespaced here."""
    return {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"app.kubernetes.io/part-of": NAME}},
    }


def service_account() -> JsonObject:
    """The ServiceAccount that the pods run as."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _namespaced(NAME)}


def deployment() -> JsonObject:
    """The Deployment of two replicas."""
    container = {
        "name": NAME,
        "image": f"ghcr.io/kubesum/kubesum:{__version__}",
        "args": [
            "serve",
            f"--secure-port={_SECURE_PORT}",
            "--tls-cert-file=/etc/kubesum/tls/tls.crt",
            "--tls-private-key-file=/etc/kubesum/tls/tls.key",
            "--shutdown-delay-duration=10s",
        ],
        "ports": [{"name": _PORT, "containerPort": _SECURE_PORT, "protocol": "TCP"}],
        "resources": {"requests": _RESOURCES, "limits": _RESOURCES},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _namespaced(NAME),
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": _LABELS},
            "template": {
                "metadata": {"labels": _LABELS},
                "spec": {"serviceAccountName": NAME, "containers": [container]},
            },
        },
    }


def service() -> JsonObject:
    """The Service of the pods."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _namespaced(NAME) | {"labels": _LABELS},
        "spec": {
            "ports": [{"name": _PORT, "port": 443, "targetPort": _PORT, "protocol": "TCP"}],
            "selector": _LABELS,
        },
    }


def api_service(group: str) -> JsonObject:
    """The APIService of a group, without a caBundle."""
    return {
        "apiVersion": "apiregistration.k8s.io/v1",
        "kind": "APIService",
        "metadata": {"name": f"{VERSION}.{group}", "labels": _LABELS},
        "spec": {
            "group": group,
            "version": VERSION,
            # Of two kinds with one short name, kubectl takes that of the group of higher priority.
            "groupPriorityMinimum": 1000 if group == GROUP else 900,
            "versionPriority": 15,
            "service": {"name": NAME, "namespace": NAMESPACE, "port": 443},
        },
    }


def secret() -> JsonObject:
    """The Secret of the self-managed certificates, without data."""
    return {"apiVersion": "v1", "kind": "Secret", "metadata": _namespaced(_SECRET), "type": "Opaque"}


def rbac() -> list[JsonObject]:
    """The ClusterRoles of server and readers, the Role of the Secret, and the bindings of the ServiceAccount."""
    roles: list[JsonObject] = server_and_reader_roles()["items"]
    server = next(role for role in roles if role["metadata"]["name"] == "kubesum:server")
    server["rules"].append(_get_and_patch("apiregistration.k8s.io", "apiservices", *API_SERVICES))
    secret_rules = [_get_and_patch("", "secrets", _SECRET)]
    return [
        *roles,
        _binding("ClusterRoleBinding", {"name": "kubesum:server"}, "ClusterRole", "kubesum:server"),
        _binding("ClusterRoleBinding", {"name": "kubesum:auth-delegator"}, "ClusterRole", "system:auth-delegator"),
        {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": _namespaced(NAME), "rules": secret_rules},
        _binding("RoleBinding", _namespaced(NAME), "Role", NAME),
        _binding(
            "RoleBinding",
            {"namespace": "kube-system", "name": "kubesum:auth-reader"},
            "Role",
            "extension-apiserver-authentication-reader",
        ),
    ]


def _namespaced(name: str) -> JsonObject:
    return {"namespace": NAMESPACE, "name": name}


def _get_and_patch(group: str, resource: str, *names: str) -> JsonObject:
    return {"apiGroups": [group], "resources": [resource], "resourceNames": [*names], "verbs": ["get", "patch"]}


def _binding(kind: str, metadata: JsonObject, role_kind: str, role: str) -> JsonObject:
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": kind,
        "metadata": metadata,
        "roleRef": {"apiGroup": _RBAC, "kind": role_kind, "name": role},
        "subjects": [{"kind": "ServiceAccount", "name": NAME, "namespace": NAMESPACE}],
    }
