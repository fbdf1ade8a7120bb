"""Role-based access control: whether the roles that are bound to a user allow a request.

Roles and bindings are objects of the store, so a change by kubectl takes effect at once. A request is allowed if a
rule of one bound role allows it; there are no deny rules. Follows kubernetes/plugin/pkg/auth/authorizer/rbac/rbac.go.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from typing import Final

import msgspec

from kubesim.access.authentication import MASTERS, User
from kubesim.apierrors import Forbidden, StatusDetails
from kubesim.requests.requestinfo import RequestInfo
from kubesim.store.store import JsonObject, Store, StoredObject

RBAC_GROUP: Final = "rbac.authorization.k8s.io"


class _Rule(msgspec.Struct, frozen=True, rename="camel"):
    verbs: tuple[str, ...] = ()
    api_groups: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    resource_names: tuple[str, ...] = ()
    non_resource_paths: tuple[str, ...] = msgspec.field(default=(), name="nonResourceURLs")


class _LabelSelector(msgspec.Struct, frozen=True, rename="camel"):
    match_labels: dict[str, str] = {}


class _Aggregation(msgspec.Struct, frozen=True, rename="camel"):
    cluster_role_selectors: tuple[_LabelSelector, ...] = ()


class _Role(msgspec.Struct, frozen=True, rename="camel"):
    rules: tuple[_Rule, ...] | None = ()
    aggregation_rule: _Aggregation = _Aggregation()


class _Reference(msgspec.Struct, frozen=True):
    kind: str
    name: str
    namespace: str = ""


class _Binding(msgspec.Struct, frozen=True, rename="camel"):
    role_ref: _Reference
    subjects: tuple[_Reference, ...] | None = ()


@dataclass(frozen=True, slots=True)
class _Grant:
    """The rules of a role for one subject of a binding; an empty namespace means all namespaces."""

    subject: _Reference
    namespace: str
    rules: tuple[_Rule, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a request is allowed, and by which binding; the reason of a denial is empty."""

    allowed: bool
    reason: str = ""


class RbacAuthorizer:
    """Evaluates the roles and bindings of a store; they are decoded again after one of them has changed."""

    def __init__(self, store: Store) -> None:
        self._store: Final = store
        self._grants: tuple[_Grant, ...] = ()
        self._read_at = -1

    def decision(self, user: User, info: RequestInfo) -> Decision:
        """Whether `user` may make a request; system:masters may make any."""
        if MASTERS in user.groups:
            return Decision(True)
        for grant in self._grants_of(user):
            if grant.namespace in ("", info.namespace) and any(_allows(rule, info) for rule in grant.rules):
                return Decision(True, grant.reason)
        return Decision(False)

    def authorize(self, user: User, info: RequestInfo) -> None:
        """Raises Forbidden, with kube-apiserver's text, if `user` may not make a request."""
        if not self.decision(user, info).allowed:
            raise _forbidden(user, info)

    def rules(self, user: User, namespace: str) -> list[JsonObject]:
        """The rules that apply to `user` in one namespace, as JSON."""
        grants = [grant for grant in self._grants_of(user) if grant.namespace in ("", namespace)]
        rules: list[JsonObject] = msgspec.to_builtins([rule for grant in grants for rule in grant.rules])
        return rules

    def _grants_of(self, user: User) -> Iterator[_Grant]:
        self._refresh()
        return (grant for grant in self._grants if _applies_to(grant.subject, user))

    def _refresh(self) -> None:
        version = max(
            self._store.version_of(resource)
            for resource in ("clusterroles", "roles", "clusterrolebindings", "rolebindings")
        )
        if version != self._read_at:
            self._grants, self._read_at = tuple(_grants(self._store)), version


def _grants(store: Store) -> Iterator[_Grant]:
    roles = {("Role", *stored.key): _rules(stored) for stored in store.list("roles")}
    roles |= {("ClusterRole", "", name): rules for name, rules in _cluster_roles(store).items()}
    for resource in ("clusterrolebindings", "rolebindings"):
        for stored in store.list(resource):
            binding = msgspec.json.decode(stored.body, type=_Binding)
            reference = binding.role_ref
            namespace = stored.namespace if reference.kind == "Role" else ""
            rules = roles.get((reference.kind, namespace, reference.name), ())
            for subject in binding.subjects or ():
                yield _Grant(subject, stored.namespace, rules, _reason(stored, reference, subject))


def _cluster_roles(store: Store) -> Mapping[str, tuple[_Rule, ...]]:
    """The rules of each ClusterRole by name; an aggregating role has those of the roles that it selects by label."""
    stored_roles = store.list("clusterroles")
    own = {stored.name: _rules(stored) for stored in stored_roles}
    complete = dict(own)
    for stored in stored_roles:
        for selector in msgspec.json.decode(stored.body, type=_Role).aggregation_rule.cluster_role_selectors:
            for other in stored_roles:
                if selector.match_labels.items() <= other.labels.items():
                    complete[stored.name] += own[other.name]
    return complete


def _rules(stored: StoredObject) -> tuple[_Rule, ...]:
    return msgspec.json.decode(stored.body, type=_Role).rules or ()


def _reason(binding: StoredObject, role: _Reference, subject: _Reference) -> str:
    kind = "RoleBinding" if binding.namespace else "ClusterRoleBinding"
    name = f"{binding.name}/{binding.namespace}" if binding.namespace else binding.name
    who = f"{subject.name}/{subject.namespace}" if subject.kind == "ServiceAccount" else subject.name
    return f'RBAC: allowed by {kind} "{name}" of {role.kind} "{role.name}" to {subject.kind} "{who}"'


def _applies_to(subject: _Reference, user: User) -> bool:
    if subject.kind == "User":
        return subject.name == user.name
    if subject.kind == "Group":
        return subject.name in user.groups
    return user.name == f"system:serviceaccount:{subject.namespace}:{subject.name}"


def _allows(rule: _Rule, info: RequestInfo) -> bool:
    if not _matches(rule.verbs, info.verb):
        return False
    if not info.resource:
        return any(
            path in ("*", info.path) or (path.endswith("*") and info.path.startswith(path[:-1]))
            for path in rule.non_resource_paths
        )
    return (
        _matches(rule.api_groups, info.group)
        and _matches_resource(rule.resources, info)
        and (not rule.resource_names or info.name in rule.resource_names)
    )


def _matches_resource(resources: Iterable[str], info: RequestInfo) -> bool:
    if not info.subresource:
        return _matches(resources, info.resource)
    return any(
        resource in ("*", f"{info.resource}/{info.subresource}", f"*/{info.subresource}") for resource in resources
    )


def _matches(values: Iterable[str], requested: str) -> bool:
    return any(value in ("*", requested) for value in values)


def _forbidden(user: User, info: RequestInfo) -> Forbidden:
    """The error of a denial; k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go, Forbidden."""
    who = f'User "{user.name}" cannot {info.verb}'
    if not info.resource:
        return Forbidden(_escaped(f'forbidden: {who} path "{info.path}"'), StatusDetails())
    resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    where = f'in the namespace "{info.namespace}"' if info.namespace else "at the cluster scope"
    what = f'{info.group_resource} "{info.name}"' if info.name else info.group_resource
    message = f'{what} is forbidden: {who} resource "{resource}" in API group "{info.group}" {where}'
    details = StatusDetails(name=info.name, group=info.group, kind=info.resource)
    return Forbidden(_escaped(message), details)


def _escaped(message: str) -> str:
    return escape(message, quote=False)
