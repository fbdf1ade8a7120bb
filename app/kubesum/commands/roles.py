"""The ClusterRoles of the resources that this program has."""

from typing import Any

from kubesum.render.rbac import cluster_roles
from kubesum.resources import RESOURCES
from kubesum.rollupdefinitions.definition import DEFINITION_GROUP, DEFINITION_PLURAL
from kubesum.semantics.interner import Interner
from kubesum.semantics.watchedresources import watched_resources


def server_and_reader_roles() -> dict[str, Any]:
    """A List of all ClusterRoles, those of readers after that of the server."""
    watched = [(one.group, one.resource) for one in watched_resources(Interner())]
    return cluster_roles(
        RESOURCES,
        [*watched, (DEFINITION_GROUP, DEFINITION_PLURAL)],
        [(DEFINITION_GROUP, f"{DEFINITION_PLURAL}/status")],
    )
