"""kubesum lacks a permission; only the lines about it change."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.doctor.brokencluster import (
    FOLLOWING,
    MEASURING,
    METRICS,
    NAMESPACE,
    REVIEWING,
    VERSIONS,
    WATCHING,
    Installation,
    healthy_except,
    unexpected,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")


def drop_watch(obj: Any) -> None:
    obj["rules"][0]["verbs"] = ["list"]


def drop_patch(obj: Any) -> None:
    obj["rules"] = [rule for rule in obj["rules"] if "patch" not in rule["verbs"]]


def drop_usage(obj: Any) -> None:
    obj["rules"] = [rule for rule in obj["rules"] if rule.get("apiGroups") != ["metrics.k8s.io"]]


@pytest.mark.parametrize(
    ("how", "healthy", "broken"),
    [
        (
            drop_watch,
            WATCHING,
            "FAIL  ServiceAccount kubesum-system/kubesum: may not watch pods, nodes, namespaces; the "
            "ClusterRoleBinding kubesum:server grants kubesum:server; helm upgrade restores it",
        ),
        (
            drop_usage,
            MEASURING,
            "warn  ServiceAccount kubesum-system/kubesum: may not list nodes.metrics.k8s.io, pods.metrics.k8s.io; so "
            "usage is not shown; the ClusterRoleBinding kubesum:server grants kubesum:server; helm upgrade restores "
            "it",
        ),
    ],
)
async def test_a_rule_is_missing(
    installation: Installation, how: Callable[[Any], None], healthy: str, broken: str
) -> None:
    with installation.changed("clusterroles", "", "kubesum:server", how):
        assert await installation.lines() == healthy_except({healthy: [broken]})


async def test_usage_is_switched_off(installation: Installation) -> None:
    def without_usage(obj: Any) -> None:
        obj["spec"]["template"]["spec"]["containers"][0]["args"] += ["--usage-interval=0"]

    with installation.changed("deployments", NAMESPACE, "kubesum", without_usage):
        assert await installation.lines() == healthy_except(
            {MEASURING: [], METRICS: ["skip  metrics.k8s.io: not read, because --usage-interval is 0"]}
        )


@pytest.mark.parametrize(
    ("binding", "healthy", "broken"),
    [
        (
            ("clusterrolebindings", "", "kubesum:auth-delegator"),
            REVIEWING,
            "FAIL  ServiceAccount kubesum-system/kubesum: may not create tokenreviews.authentication.k8s.io, "
            "subjectaccessreviews.authorization.k8s.io; the ClusterRoleBinding kubesum:auth-delegator grants "
            "system:auth-delegator; helm upgrade restores it",
        ),
        (
            ("rolebindings", "kube-system", "kubesum:auth-reader"),
            FOLLOWING,
            "FAIL  ServiceAccount kubesum-system/kubesum: may not list and watch configmaps "
            "extension-apiserver-authentication; the RoleBinding kube-system/kubesum:auth-reader grants "
            "extension-apiserver-authentication-reader; helm upgrade restores it",
        ),
    ],
)
async def test_a_binding_is_missing(
    installation: Installation, binding: tuple[str, str, str], healthy: str, broken: str
) -> None:
    with installation.without(*binding):
        lines = await installation.lines()

    # Pods answer /version to anonymous requests only if a SubjectAccessReview allows it.
    assert [line for line in lines if "versions: " not in line] == healthy_except({healthy: [broken], VERSIONS: []})


CERTIFICATES = (
    "ok    ServiceAccount kubesum-system/kubesum: may keep its certificates in the Secret "
    "kubesum-system/kubesum-tls, and set the caBundle of its APIServices"
)


def self_managed(obj: Any) -> None:
    (container,) = obj["spec"]["template"]["spec"]["containers"]
    container["args"] = ["serve", "--secure-port=10250", "--tls-secret", "kubesum-tls"]


async def test_self_managed_certificates_need_more_permissions(installation: Installation) -> None:
    with installation.changed("deployments", NAMESPACE, "kubesum", self_managed):
        complete = await installation.lines()
        with installation.without("rolebindings", NAMESPACE, "kubesum"):
            without_secret = await installation.lines()
        with installation.changed("clusterroles", "", "kubesum:server", drop_patch):
            without_service = await installation.lines()

    assert complete == healthy_except({FOLLOWING: [FOLLOWING, CERTIFICATES]})
    remedy = (
        "the ClusterRole kubesum:server and a Role in the namespace kubesum-system grant it; helm upgrade restores it"
    )
    account = "FAIL  ServiceAccount kubesum-system/kubesum"
    assert unexpected(without_secret) == [f"{account}: may not get and patch secrets kubesum-tls; {remedy}"]
    group = "apiservices.apiregistration.k8s.io"
    services = f"{group} v1alpha1.summary.kubesum.dev, {group} v1alpha1.rollup.kubesum.dev"
    assert unexpected(without_service) == [f"{account}: may not get and patch {services}; {remedy}"]
