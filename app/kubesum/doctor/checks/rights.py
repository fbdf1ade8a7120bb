"""The rights of kubesum's service account, asked for one by one as the API server decides about them."""

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from kubesum.doctor.checks.certificate import is_self_managed
from kubesum.doctor.checks.usage import is_wanted
from kubesum.doctor.cluster import Cluster, Denial, Right
from kubesum.doctor.report import Report
from kubesum.doctor.views import PodSpec
from kubesum.edge.authn.requestheader import CONFIG_MAP
from kubesum.render.rbac import USAGE
from kubesum.semantics.interner import Interner
from kubesum.semantics.watchedresources import watched_resources

SECRET: Final = "kubesum-tls"  # noqa: S105 - the name of a Secret
"""Where certificates are kept unless --tls-secret names another."""

_RESTORED: Final = "helm upgrade restores that"


@dataclass(frozen=True, slots=True)
class Need:
    """Rights that serve one purpose, and what gives them; without an essential one nothing works as it should."""

    purpose: str
    rights: tuple[Right, ...]
    remedy: str
    is_essential: bool = True


async def rights(
    cluster: Cluster, report: Report, namespace: str, spec: PodSpec, api_services: Sequence[str]
) -> None:
    """Judges what the service account of the pods may do."""
    account = f"ServiceAccount {namespace}/{spec.service_account_name}"
    user = f"system:serviceaccount:{namespace}:{spec.service_account_name}"
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", "system:authenticated")
    for need in needs(namespace, spec, api_services):
        answers = await asyncio.gather(*(cluster.may(user, groups, right) for right in need.rights))
        denied = [answer for answer in answers if isinstance(answer, Denial)]
        if denied:
            report.skip(f"{account}: its rights are not known, {denied[0].sentence}")
            return
        missing = [right for right, is_allowed in zip(need.rights, answers, strict=True) if not is_allowed]
        if not missing:
            report.ok(f"{account}: may {need.purpose}")
        else:
            tell = report.fail if need.is_essential else report.warn
            tell(f"{account}: may not {told(missing)}; {need.remedy}")


def told(missing: Iterable[Right]) -> str:
    """Rights with as few words as possible: `list and watch pods, nodes`."""
    verbs: dict[str, list[str]] = {}
    for right in missing:
        verbs.setdefault(right.target, []).append(right.verb)
    targets: dict[str, list[str]] = {}
    for target, those in verbs.items():
        targets.setdefault(" and ".join(those), []).append(target)
    return ", ".join(f"{those} {', '.join(names)}" for those, names in targets.items())


def needs(namespace: str, spec: PodSpec, api_services: Sequence[str]) -> Iterator[Need]:
    """What kubesum needs to be allowed, most needed first."""
    yield _watching()
    yield Need(
        "ask who somebody is and what they may do",
        (
            Right(verb="create", group="authentication.k8s.io", resource="tokenreviews"),
            Right(verb="create", group="authorization.k8s.io", resource="subjectaccessreviews"),
        ),
        f"the ClusterRoleBinding kubesum:auth-delegator gives it system:auth-delegator; {_RESTORED}",
    )
    yield Need(
        f"follow the ConfigMap {'/'.join(CONFIG_MAP)}",
        tuple(
            Right(verb=verb, resource="configmaps", namespace=CONFIG_MAP[0], name=CONFIG_MAP[1])
            for verb in ("list", "watch")
        ),
        "the RoleBinding kube-system/kubesum:auth-reader gives it extension-apiserver-authentication-reader; "
        f"{_RESTORED}",
    )
    if is_self_managed(spec):
        yield _keeping(namespace, spec.option("--tls-secret") or SECRET, api_services)
    if is_wanted(spec):
        yield Need(
            "read live usage",
            tuple(Right(verb="list", group=group, resource=resource) for group, resource in USAGE),
            f"so usage is left out; the ClusterRoleBinding kubesum:server gives it kubesum:server; {_RESTORED}",
            is_essential=False,
        )


def _watching() -> Need:
    watched = watched_resources(Interner())
    return Need(
        f"list and watch {_enumerated(kind.resource for kind in watched)}",
        tuple(
            Right(verb=verb, group=kind.group, resource=kind.resource)
            for kind in watched
            for verb in ("list", "watch")
        ),
        f"the ClusterRoleBinding kubesum:server gives it kubesum:server; {_RESTORED}",
    )


def _keeping(namespace: str, secret: str, api_services: Sequence[str]) -> Need:
    secrets = [Right(verb=verb, resource="secrets", namespace=namespace, name=secret) for verb in ("get", "patch")]
    services = [
        Right(verb=verb, group="apiregistration.k8s.io", resource="apiservices", name=name)
        for name in api_services
        for verb in ("get", "patch")
    ]
    return Need(
        f"keep its certificates in the Secret {namespace}/{secret}, and have them believed",
        (*secrets, *services),
        f"the ClusterRole kubesum:server and a Role of the namespace {namespace} give it that; {_RESTORED}",
    )


def _enumerated(names: Iterable[str]) -> str:
    *others, last = names
    return f"{', '.join(others)} and {last}"
