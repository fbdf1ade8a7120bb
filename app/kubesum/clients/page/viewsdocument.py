"""The views of `clients.model` for the page: which resource each lists, and how bad a value is.

Columns are not in it: they are those of the Table that the server makes of a resource.
"""

from dataclasses import dataclass
from typing import Any

from kubesum import __version__
from kubesum.clients.model.cells import FULL_PERCENT, TIGHT_PERCENT
from kubesum.clients.model.columns import HEALTH_TONES, TRANSIENT
from kubesum.clients.model.defined import DEFINITIONS, ROOT
from kubesum.clients.model.views import CLUSTERS, PODS, VIEWS, Resource, View
from kubesum.vocabulary.resource import VERSION


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a page looks at: a context of a kubeconfig, its default namespace (empty for all), the server's URL."""

    context: str
    namespace: str
    server: str


def views_document(cluster: Cluster) -> dict[str, Any]:
    """The document that the page reads first."""
    return {
        "version": __version__,
        "context": cluster.context,
        "namespace": cluster.namespace,
        "server": cluster.server,
        "kinds": ROOT,
        "definitions": DEFINITIONS,
        "cluster": _resource(CLUSTERS),
        "pods": _resource(PODS),
        "views": [_view(view) for view in VIEWS],
        "healthTones": {health: tone.name.lower() for health, tone in HEALTH_TONES.items()},
        "transientReasons": sorted(TRANSIENT),
        "tightPercent": TIGHT_PERCENT,
        "fullPercent": FULL_PERCENT,
    }


def _view(view: View) -> dict[str, Any]:
    return {
        "name": view.name,
        "description": view.description,
        "resource": _resource(view.resource),
        "clusterResource": _resource(view.cluster_resource) if view.cluster_resource else None,
        "fieldSelector": view.field_selector,
    }


def _resource(resource: Resource) -> dict[str, Any]:
    root = f"/apis/{resource.group}/{VERSION}"
    return {"root": root, "plural": resource.plural, "namespaced": resource.namespaced}
