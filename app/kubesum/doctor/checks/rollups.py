"""Checks RollupDefinitions: the APIService of their kinds, which of them are served, and who may read those."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

import msgspec

from kubesum.doctor.checks.registration import API_SERVICES
from kubesum.doctor.cluster import Cluster, Denial, message_of
from kubesum.doctor.remedies import condition_remedy
from kubesum.doctor.report import Report
from kubesum.doctor.views import ApiService, Conditions
from kubesum.kube.objects.meta import Metadata
from kubesum.rollupdefinitions.watched import WATCHED_DEFINITIONS
from kubesum.vocabulary.resource import ROLLUP_GROUP, VERSION

API_SERVICE: Final = f"{VERSION}.{ROLLUP_GROUP}"
_SUBJECT: Final = f"APIService {API_SERVICE}"
_OK: Final = 200
_RBAC: Final = "/apis/rbac.authorization.k8s.io/v1"
_CAUSES: Final = ("Accepted", "NamesAccepted", "Established")


class _Definition(msgspec.Struct, frozen=True):
    metadata: Metadata
    status: Conditions = Conditions()

    @property
    def plural(self) -> str:
        return self.metadata.name.partition(".")[0]

    @property
    def is_established(self) -> bool:
        established = self.status.named("Established")
        return established is not None and established.status == "True"


class _Definitions(msgspec.Struct, frozen=True):
    items: tuple[_Definition, ...] | None = ()


class _Rule(msgspec.Struct, frozen=True, rename="camel"):
    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] | None = ()
    resources: tuple[str, ...] | None = ()

    def reads(self, plural: str) -> bool:
        """Whether the rule names the group, and allows reading a kind of it."""
        is_read = not {"*", "get", "list", "watch"}.isdisjoint(self.verbs)
        return is_read and ROLLUP_GROUP in (self.api_groups or ()) and bool({"*", plural} & {*(self.resources or ())})


class _ClusterRole(msgspec.Struct, frozen=True):
    metadata: Metadata
    rules: tuple[_Rule, ...] | None = ()


class _RoleRef(msgspec.Struct, frozen=True):
    name: str


class _Binding(msgspec.Struct, frozen=True, rename="camel"):
    role_ref: _RoleRef


async def check_rollups(cluster: Cluster, report: Report) -> None:
    """Checks the registration of the kinds, and all definitions."""
    if not await _is_registered(cluster, report):
        return
    found = await cluster.read(WATCHED_DEFINITIONS.path, _Definitions)
    match found:
        case Denial(message):
            report.skip(f"RollupDefinitions: {message}")
        case None:
            report.skip("RollupDefinitions: their CustomResourceDefinition is not installed")
        case _Definitions(items):
            await _check_definitions(cluster, report, items or ())


async def _is_registered(cluster: Cluster, report: Report) -> bool:
    found = await cluster.read(f"{API_SERVICES}/{API_SERVICE}", ApiService)
    if isinstance(found, Denial):
        report.skip(f"{_SUBJECT}: {found.message}")
        return False
    if found is None:
        report.fail(f"{_SUBJECT}: not found, so no kind of a RollupDefinition is served; apply the chart again")
        return False
    condition = found.status.named("Available")
    if condition is None or condition.status != "True":
        reason, message = (condition.reason, condition.message) if condition else ("Unknown", "not checked yet")
        remedy = condition_remedy(reason, message)
        report.fail(f"{_SUBJECT}: not available, {reason}: {message}; {remedy}")
        return False
    # Before Kubernetes 1.36, the availability is checked without the caBundle.
    answer = await cluster.ask(f"/apis/{ROLLUP_GROUP}/{VERSION}")
    if answer.code != _OK:
        report.fail(f"{_SUBJECT}: a request gets {answer.code}: {message_of(answer)}; check its caBundle")
    return answer.code == _OK


async def _check_definitions(cluster: Cluster, report: Report, found: Sequence[_Definition]) -> None:
    established = [one for one in found if one.is_established]
    for one in found:
        if not one.is_established:
            report.fail(f"RollupDefinition {one.metadata.name}: {_why_not(one)}")
    report.ok(f"RollupDefinitions: {len(established)} of {len(found)} are established; {_SUBJECT} is available")
    await _check_readers(cluster, report, sorted(one.plural for one in established))


def _why_not(one: _Definition) -> str:
    for name in _CAUSES:
        condition = one.status.named(name)
        if condition is not None and condition.status == "False":
            return f"not established, {condition.message}"
    return (
        "it has no status; kubesum may lack the right to list and watch rollupdefinitions.kubesum.dev or to patch "
        "their status: apply the chart again"
    )


async def _check_readers(cluster: Cluster, report: Report, plurals: Iterable[str]) -> None:
    """Names the kinds that no bound ClusterRole names; what administrators may read by `*` does not count."""
    roles = await cluster.listed(f"{_RBAC}/clusterroles", _ClusterRole, {})
    bound: set[str] = set()
    for resource in ("clusterrolebindings", "rolebindings"):
        bindings = await cluster.listed(f"{_RBAC}/{resource}", _Binding, {})
        if isinstance(bindings, Denial):
            return
        bound.update(one.role_ref.name for one in bindings)
    if isinstance(roles, Denial):
        return
    rules = [rule for role in roles if role.metadata.name in bound for rule in role.rules or ()]
    if unread := [plural for plural in plurals if not _may_be_read(plural, rules)]:
        report.warn(
            f"{', '.join(unread)} of {ROLLUP_GROUP}: only administrators may read them; to let others do so, "
            "kubectl create clusterrolebinding readers-of-rollups --clusterrole=kubesum:rollups --group=GROUP"
        )


def _may_be_read(plural: str, rules: Collection[_Rule]) -> bool:
    return any(rule.reads(plural) for rule in rules)
