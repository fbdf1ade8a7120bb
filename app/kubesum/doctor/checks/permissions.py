"""Checks the permissions of kubesum's service account, with one SubjectAccessReview each."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kubesum.doctor.checks.certificate import is_self_managed
from kubesum.doctor.checks.metricsapi import reads_usage
from kubesum.doctor.cluster import Cluster, Denial, ResourceAttributes
from kubesum.doctor.report import Report
from kubesum.doctor.views import PodSpec
from kubesum.edge.authn.requestheader import CONFIG_MAP
from kubesum.render.rbac import USAGE_RESOURCES
from kubesum.semantics.interner import Interner
from kubesum.semantics.watchedresources import watched_resources
from kubesum.vocabulary import defaults

_HELM: Final = "helm upgrade restores it"


@dataclass(frozen=True, slots=True)
class Requirement:
    """Permissions for one purpose, and the binding that grants them; without an optional one kubesum still works."""

    purpose: str
    permissions: tuple[ResourceAttributes, ...]
    remedy: str
    is_optional: bool = False


async def check_permissions(
    cluster: Cluster, report: Report, namespace: str, spec: PodSpec, api_services: Sequence[str]
) -> None:
    """Checks what the service account of the pods is authorized to do."""
    account = f"ServiceAccount {namespace}/{spec.service_account_name}"
    user = f"system:serviceaccount:{namespace}:{spec.service_account_name}"
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    for requirement in requirements(namespace, spec, api_services):
        answers = await asyncio.gather(*(cluster.allowed(user, groups, one) for one in requirement.permissions))
        denied = [answer for answer in answers if isinstance(answer, Denial)]
        if denied:
            report.skip(f"{account}: its permissions are unknown, {denied[0].message}")
            return
        pairs = zip(requirement.permissions, answers, strict=True)
        missing = [permission for permission, is_allowed in pairs if not is_allowed]
        if not missing:
            report.ok(f"{account}: may {requirement.purpose}")
        else:
            write = report.warn if requirement.is_optional else report.fail
            write(f"{account}: may not {permissions_text(missing)}; {requirement.remedy}")


def permissions_text(permissions: Iterable[ResourceAttributes]) -> str:
    """Permissions grouped by their verbs: `list and watch pods, nodes`."""
    verbs: dict[str, list[str]] = {}
    for one in permissions:
        verbs.setdefault(one.target, []).append(one.verb)
    targets: dict[str, list[str]] = {}
    for target, those in verbs.items():
        targets.setdefault(" and ".join(those), []).append(target)
    return ", ".join(f"{those} {', '.join(names)}" for those, names in targets.items())


def requirements(namespace: str, spec: PodSpec, api_services: Sequence[str]) -> Iterator[Requirement]:
    """What kubesum must be allowed to do, in the order of importance."""
    yield _watching()
    yield Requirement(
        "create TokenReviews and SubjectAccessReviews",
        (
            ResourceAttributes(verb="create", group="authentication.k8s.io", resource="tokenreviews"),
            ResourceAttributes(verb="create", group="authorization.k8s.io", resource="subjectaccessreviews"),
        ),
        f"the ClusterRoleBinding kubesum:auth-delegator grants system:auth-delegator; {_HELM}",
    )
    yield Requirement(
        f"list and watch the ConfigMap {'/'.join(CONFIG_MAP)}",
        tuple(
            ResourceAttributes(verb=verb, resource="configmaps", namespace=CONFIG_MAP[0], name=CONFIG_MAP[1])
            for verb in ("list", "watch")
        ),
        f"the RoleBinding kube-system/kubesum:auth-reader grants extension-apiserver-authentication-reader; {_HELM}",
    )
    if is_self_managed(spec):
        yield _certificates(namespace, spec.option("--tls-secret") or defaults.TLS_SECRET, api_services)
    if reads_usage(spec):
        yield Requirement(
            "list pods and nodes of metrics.k8s.io",
            tuple(
                ResourceAttributes(verb="list", group=group, resource=resource) for group, resource in USAGE_RESOURCES
            ),
            f"so usage is not shown; the ClusterRoleBinding kubesum:server grants kubesum:server; {_HELM}",
            is_optional=True,
        )


def _watching() -> Requirement:
    watched = watched_resources(Interner())
    return Requirement(
        f"list and watch {_enumerated(kind.resource for kind in watched)}",
        tuple(
            ResourceAttributes(verb=verb, group=kind.group, resource=kind.resource)
            for kind in watched
            for verb in ("list", "watch")
        ),
        f"the ClusterRoleBinding kubesum:server grants kubesum:server; {_HELM}",
    )


def _certificates(namespace: str, secret: str, api_services: Sequence[str]) -> Requirement:
    secrets = [
        ResourceAttributes(verb=verb, resource="secrets", namespace=namespace, name=secret)
        for verb in ("get", "patch")
    ]
    services = [
        ResourceAttributes(verb=verb, group="apiregistration.k8s.io", resource="apiservices", name=name)
        for name in api_services
        for verb in ("get", "patch")
    ]
    return Requirement(
        f"keep its certificates in the Secret {namespace}/{secret}, and set the caBundle of its APIServices",
        (*secrets, *services),
        f"the ClusterRole kubesum:server and a Role in the namespace {namespace} grant it; {_HELM}",
    )


def _enumerated(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}"
