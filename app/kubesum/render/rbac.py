"""The ClusterRoles, generated from the declarations: one for the server itself, the others for its users.

No rule but that for the readers of all rollups, whose kinds are made at run time, has a wildcard, and none names a
Secret. The rights that the server needs for its certificates depend on the installation; the chart grants them.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from kubesum.kube.serverversion import VERSION_PATH
from kubesum.semantics.watchedresources import POLLED_RESOURCES
from kubesum.vocabulary.resource import ROLLUP_GROUP, ComputedResource, ReaderRole

JsonObject = dict[str, Any]

NAME_PREFIX: Final = "kubesum:"
AGGREGATED_TO: Final = ("view", "edit", "admin")
"""The default ClusterRoles that `kubesum:view` is aggregated to."""

_READ: Final = ("get", "list", "watch")

GroupResource = tuple[str, str]
"""(API group, plural)."""

USAGE_RESOURCES: Final[tuple[GroupResource, ...]] = tuple(
    (one.group, one.resource.partition(".")[0]) for one in POLLED_RESOURCES
)
"""The resources of metrics.k8s.io, which cannot be watched."""


ROLLUPS_ROLE: Final = "rollups"
"""Reads all kinds of RollupDefinitions. It is bound to nobody: they show pods of all namespaces."""


def cluster_roles(
    resources: Sequence[ComputedResource], watched: Iterable[GroupResource], written: Iterable[GroupResource]
) -> JsonObject:
    """A List of all ClusterRoles: that of the server, then those of its users.

    The server lists and watches what is `watched`, and patches what is `written`.
    """
    # Hardened clusters delete the bindings of system:discovery and system:public-info-viewer, which allow it to all.
    version = {"nonResourceURLs": [VERSION_PATH], "verbs": ["get"]}
    rules = [*_rules(watched, ("list", "watch")), *_rules(USAGE_RESOURCES, ("list",)), *_rules(written, ("patch",))]
    server = _role("server", {}, [*rules, version])
    rollups = _role(ROLLUPS_ROLE, {}, _rules([(ROLLUP_GROUP, "*")], _READ))
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": [server, *(_reader_role(role, resources) for role in ReaderRole), rollups],
    }


def _reader_role(role: ReaderRole, resources: Iterable[ComputedResource]) -> JsonObject:
    readable = [(resource.group, resource.plural) for resource in resources if role in resource.all_reader_roles]
    return _role(role.value, _labels(role), _rules(readable, _READ))


def _labels(role: ReaderRole) -> dict[str, str]:
    targets = AGGREGATED_TO if role is ReaderRole.VIEW else ()
    return {f"rbac.authorization.k8s.io/aggregate-to-{target}": "true" for target in targets}


def _rules(named: Iterable[GroupResource], verbs: Iterable[str]) -> list[JsonObject]:
    """One rule for each API group."""
    return [
        {"apiGroups": [group], "resources": [resource for _, resource in of_group], "verbs": [*verbs]}
        for group, of_group in groupby(sorted(named), lambda pair: pair[0])
    ]


def _role(name: str, labels: dict[str, str], rules: list[JsonObject]) -> JsonObject:
    metadata = {"name": f"{NAME_PREFIX}{name}"} | ({"labels": labels} if labels else {})
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}
