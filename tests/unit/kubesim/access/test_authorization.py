"""Credentials, roles, reviews, and the text of Forbidden."""

import pytest

from tests.unit.kubesim.runningcluster import Cluster, pod

SUMMARIES = "/apis/summary.kubesum.dev/v1alpha1"


async def test_an_invalid_token_is_unauthorized_and_no_token_is_anonymous(cluster: Cluster) -> None:
    wrong = await cluster.request("GET", "/version", "nobody", headers={"Authorization": "Bearer guess"})
    version = await cluster.get("/version", "nobody")
    pods = await cluster.get("/api/v1/pods", "nobody")

    assert (wrong.code, wrong.json["reason"]) == (401, "Unauthorized")
    assert (version.code, version.json["gitVersion"]) == (200, "v1.36.2")
    assert pods.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" '
        "at the cluster scope",
        "reason": "Forbidden",
        "details": {"kind": "pods"},
        "code": 403,
    }


@pytest.mark.parametrize(
    ("who", "path", "message"),
    [
        (
            "viewer",
            "/api/v1/nodes/a",
            'nodes "a" is forbidden: User "viewer" cannot get resource "nodes" in API group "" at the cluster scope',
        ),
        (
            "viewer",
            f"{SUMMARIES}/nodesummaries",
            'nodesummaries.summary.kubesum.dev is forbidden: User "viewer" cannot list resource "nodesummaries" '
            'in API group "summary.kubesum.dev" at the cluster scope',
        ),
        (
            "tenant",
            "/apis/apps/v1/namespaces/shop/deployments/x/status",
            'deployments.apps "x" is forbidden: User "zoë@example.org" cannot get resource "deployments/status" '
            'in API group "apps" in the namespace "shop"',
        ),
        ("tenant", "/metrics", 'forbidden: User "zoë@example.org" cannot get path "/metrics"'),
    ],
)
async def test_forbidden_comes_before_not_found(cluster: Cluster, who: str, path: str, message: str) -> None:
    answer = await cluster.get(path, who)

    assert (answer.code, answer.json["message"]) == (403, message)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


async def test_the_tenant_reads_one_namespace(cluster: Cluster) -> None:
    cluster.store.put("pods", pod("a", "payments"))

    own = await cluster.get("/api/v1/namespaces/payments/pods", "tenant")
    others = await cluster.get("/api/v1/namespaces/default/pods", "tenant")

    assert [item["metadata"]["name"] for item in own.json["items"]] == ["a"]
    assert others.code == 403


async def test_a_new_role_takes_effect_at_once(cluster: Cluster) -> None:
    assert (await cluster.get("/api/v1/nodes", "viewer")).code == 403
    cluster.store.put(
        "clusterroles",
        {
            "metadata": {"name": "nodes", "labels": {"rbac.authorization.k8s.io/aggregate-to-view": "true"}},
            "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list"]}],
        },
    )

    assert (await cluster.get("/api/v1/nodes", "viewer")).code == 200


async def review(cluster: Cluster, group: str, resource: str, spec: dict[str, object], token: str) -> object:
    answer = await cluster.request(
        "POST",
        f"/apis/{group}/v1/{resource}",
        "nobody",
        {"spec": spec},
        {"Authorization": f"Bearer {token}"},
    )
    assert answer.code == 201, answer.body
    return answer.json["status"]


async def test_the_service_account_reviews_tokens(cluster: Cluster) -> None:
    token = cluster.pki.service_token

    known = await review(cluster, "authentication.k8s.io", "tokenreviews", {"token": token}, token)
    unknown = await review(cluster, "authentication.k8s.io", "tokenreviews", {"token": "guess"}, token)

    assert known == {
        "authenticated": True,
        "user": {
            "username": "system:serviceaccount:kubesum-system:kubesum",
            "uid": "94d69266-c99b-5e9f-8467-c1c056873d00",
            "groups": [
                "system:serviceaccounts",
                "system:serviceaccounts:kubesum-system",
                "system:authenticated",
            ],
        },
    }
    assert unknown == {"user": {}, "error": "invalid bearer token"}


@pytest.mark.parametrize(
    ("user", "namespace", "resource", "is_allowed"),
    [
        ("viewer", "", "podsummaries", True),
        ("viewer", "", "nodesummaries", False),
        ("zoë@example.org", "payments", "workloadsummaries", True),
        ("zoë@example.org", "default", "workloadsummaries", False),
        ("zoë@example.org", "", "workloadsummaries", False),
    ],
)
async def test_the_service_account_reviews_access(
    cluster: Cluster, user: str, namespace: str, resource: str, is_allowed: bool
) -> None:
    wanted = {"namespace": namespace, "verb": "list", "group": "summary.kubesum.dev", "resource": resource}
    spec: dict[str, object] = {"user": user, "groups": ["system:authenticated"], "resourceAttributes": wanted}

    status = await review(cluster, "authorization.k8s.io", "subjectaccessreviews", spec, cluster.pki.service_token)

    assert isinstance(status, dict)
    assert status["allowed"] is is_allowed


async def test_reviews_cover_system_masters_and_paths(cluster: Cluster) -> None:
    token = cluster.pki.service_token
    master: dict[str, object] = {"groups": ["system:masters"], "nonResourceAttributes": {"path": "/x", "verb": "put"}}
    other: dict[str, object] = {
        "groups": ["system:authenticated"],
        "nonResourceAttributes": {"path": "/openapi/v3/apis", "verb": "get"},
    }

    resource = ("authorization.k8s.io", "subjectaccessreviews")
    assert await review(cluster, *resource, master, token) == {"allowed": True}
    assert await review(cluster, *resource, other, token) == {
        "allowed": True,
        "reason": 'RBAC: allowed by ClusterRoleBinding "system:discovery" of ClusterRole "system:discovery" '
        'to Group "system:authenticated"',
    }


async def test_the_service_account_reads_the_authentication_config_only_by_name(cluster: Cluster) -> None:
    path = "/api/v1/namespaces/kube-system/configmaps"
    headers = {"Authorization": f"Bearer {cluster.pki.service_token}"}
    by_name = f"{path}?fieldSelector=metadata.name%3Dextension-apiserver-authentication"

    allowed = await cluster.request("GET", by_name, "nobody", headers=headers)
    refused = await cluster.request("GET", path, "nobody", headers=headers)

    data = allowed.json["items"][0]["data"]
    assert data["requestheader-allowed-names"] == '["front-proxy-client"]'
    assert data["requestheader-username-headers"] == '["X-Remote-User"]'
    assert data["requestheader-uid-headers"] == '["X-Remote-Uid"]'
    assert data["requestheader-group-headers"] == '["X-Remote-Group"]'
    assert data["requestheader-extra-headers-prefix"] == '["X-Remote-Extra-"]'
    assert data["requestheader-client-ca-file"] != data["client-ca-file"]
    assert refused.code == 403


async def test_the_service_account_lists_and_watches_only_the_resources_of_its_role(cluster: Cluster) -> None:
    headers = {"Authorization": f"Bearer {cluster.pki.service_token}"}
    paths = {
        "/api/v1/pods": 200,
        "/api/v1/nodes?watch=true&timeoutSeconds=1": 200,
        "/apis/apps/v1/replicasets": 200,
        "/apis/batch/v1/cronjobs": 200,
        "/api/v1/configmaps": 403,
    }

    codes = {path: (await cluster.request("GET", path, "nobody", headers=headers)).code for path in paths}

    assert codes == paths


async def test_impersonation_needs_its_own_permission(cluster: Cluster) -> None:
    headers = {"Impersonate-User": "viewer", "Impersonate-Group": "some"}

    admin = await cluster.request("GET", "/api/v1/nodes", "admin", headers=headers)
    tenant = await cluster.request("GET", "/api/v1/pods", "tenant", headers=headers)

    assert 'User "viewer" cannot list' in admin.json["message"]
    assert 'cannot impersonate resource "users"' in tenant.json["message"]
