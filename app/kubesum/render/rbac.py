"""The ClusterRoles, written from the declarations: what kubesum reads, and who may read what it serves.

No rule has a wildcard, and none names a Secret: what the process needs besides, for its certificates, depends
on how it is installed and is granted there.
"""

from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Any, Final

from kubesum.semantics.watchedresources import POLLED_RESOURCES
from kubesum.vocabulary.resource import ComputedResource, ReaderRole

JsonObject = dict[str, Any]

NAME_PREFIX: Final = "kubesum:"
AGGREGATED_TO: Final = ("view", "edit", "admin")
"""The roles of Kubernetes that get the rules of `kubesum:view` added."""

GroupResource = tuple[str, str]
"""(API group, plural)."""

USAGE: Final[tuple[GroupResource, ...]] = tuple(
    (kind.group, kind.resource.partition(".")[0]) for kind in POLLED_RESOURCES
)
"""Live usage; its API cannot be watched."""


def cluster_roles(resources: Sequence[ComputedResource], watched: Iterable[GroupResource]) -> JsonObject:
    """A List of all ClusterRoles: that of the server, then those of its readers."""
    server = _role("server", {}, [*_rules(watched, ("list", "watch")), *_rules(USAGE, ("list",))])
    return {
        "apiVersion": "v1",
        "kind": "List",
        "items": [server, *(_reading(reader, resources) for reader in ReaderRole)],
    }


def _reading(reader: ReaderRole, resources: Iterable[ComputedResource]) -> JsonObject:
    readable = [(resource.group, resource.plural) for resource in resources if reader in resource.all_reader_roles]
    return _role(reader.value, _labels(reader), _rules(readable, ("get", "list", "watch")))


def _labels(reader: ReaderRole) -> dict[str, str]:
    roles = AGGREGATED_TO if reader is ReaderRole.VIEW else ()
    return {f"rbac.authorization.k8s.io/aggregate-to-{role}": "true" for role in roles}


def _rules(named: Iterable[GroupResource], verbs: Iterable[str]) -> list[JsonObject]:
    """One rule for each API group."""
    return [
        {"apiGroups": [group], "resources": [resource for _, resource in of_group], "verbs": [*verbs]}
        for group, of_group in groupby(sorted(named), lambda pair: pair[0])
    ]


def _role(name: str, labels: dict[str, str], rules: list[JsonObject]) -> JsonObject:
    metadata = {"name": f"{NAME_PREFIX}{name}"} | ({"labels": labels} if labels else {})
    return {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata, "rules": rules}
