"""The views: which columns of which resource each shows, and what opening a row shows.

A scope is what one table lists: a view, narrowed by a namespace, a label selector and a field selector. Opening a row
gives the scope of what the row consists of, such as the pods of a node.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from kubesum.clients.model import columns
from kubesum.clients.model.cells import Column
from kubesum.clients.model.columns import name_of, namespace_of
from kubesum.clients.model.objects import (
    Cluster,
    Image,
    Namespace,
    Node,
    Pod,
    Workload,
    WorkloadReference,
    readable,
)
from kubesum.clients.model.tablerows import received_row
from kubesum.kube.client import Upstream
from kubesum.kube.deltas import WatchedResource
from kubesum.vocabulary.resource import GROUP, VERSION

VIEW_ROLE: Final = "kubesum:view"
CLUSTER_ROLE: Final = "kubesum:cluster-view"
IMAGES_ROLE: Final = "kubesum:cluster-images"


@dataclass(frozen=True, slots=True)
class Resource:
    """A resource that kubesum serves, the type that it is decoded to, and the ClusterRole that grants it."""

    plural: str
    kind: str
    object_type: type[Any]
    role: str
    namespaced: bool = True
    group: str = GROUP
    is_table: bool = False
    """Its objects are rows of the Table that the server makes."""


NODES: Final = Resource("nodesummaries", "NodeSummary", Node, CLUSTER_ROLE, namespaced=False)
NAMESPACES: Final = Resource("namespacesummaries", "NamespaceSummary", Namespace, VIEW_ROLE)
WORKLOADS: Final = Resource("workloadsummaries", "WorkloadSummary", Workload, VIEW_ROLE)
PODS: Final = Resource("podsummaries", "PodSummary", Pod, VIEW_ROLE)
IMAGES: Final = Resource("imagesummaries", "ImageSummary", Image, VIEW_ROLE)
CLUSTER_IMAGES: Final = Resource("clusterimagesummaries", "ClusterImageSummary", Image, IMAGES_ROLE, namespaced=False)
CLUSTERS: Final = Resource("clustersummaries", "ClusterSummary", Cluster, CLUSTER_ROLE, namespaced=False)

RESOURCES: Final[Mapping[str, Resource]] = {
    resource.plural: resource for resource in (NODES, NAMESPACES, WORKLOADS, PODS, IMAGES, CLUSTER_IMAGES, CLUSTERS)
}
"""All resources by their plural."""


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One way to look at a cluster.

    `cluster_resource` replaces `resource` when all namespaces are shown. `filter_text` gives the text of a row that a
    filter searches. `drill_down` gives the scope that opens from one row of a scope, None if nothing does.
    `read_columns` reads the columns that a scope has now, None for a view whose columns never change.
    """

    name: str
    description: str
    resource: Resource
    cluster_resource: Resource | None = None
    field_selector: str = ""
    columns: tuple[Column, ...] = ()
    read_columns: Callable[[Upstream, "Scope"], Awaitable[tuple[Column, ...]]] | None = None
    sorted_by: str = ""
    filter_text: Callable[[Any], str] = name_of
    drill_down: Callable[["Scope", Any], "Scope | None"] = lambda _scope, _row: None


@dataclass(frozen=True, slots=True)
class Scope:
    """What one table lists.

    `namespace` is empty for all; `opened_from` is the name of the row that it was opened from, empty for none.
    """

    view: View
    namespace: str = ""
    label_selector: str = ""
    field_selector: str = ""
    opened_from: str = ""

    @property
    def resource(self) -> Resource:
        """The resource that is listed."""
        return (not self.namespace and self.view.cluster_resource) or self.view.resource

    @property
    def watched(self) -> WatchedResource[Any]:
        """What a reflector lists and watches."""
        resource = self.resource
        field_selector = ",".join(filter(None, (self.view.field_selector, self.field_selector)))
        selectors = {"labelSelector": self.label_selector, "fieldSelector": field_selector}
        return WatchedResource(
            resource=resource.plural,
            group=resource.group,
            version=VERSION,
            kind=resource.kind,
            view=resource.object_type,
            transform=received_row if resource.is_table else readable,
            namespace=self.namespace if resource.namespaced else "",
            selectors={name: selector for name, selector in selectors.items() if selector},
            is_table=resource.is_table,
        )

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns of the view, without NAMESPACE if there is only one."""
        return self.shown(self.view.columns)

    async def columns_now(self, upstream: Upstream) -> tuple[Column, ...]:
        """The columns as the server has them now; raises UpstreamError."""
        read = self.view.read_columns
        return self.columns if read is None else self.shown(await read(upstream, self))

    def shown(self, found: tuple[Column, ...]) -> tuple[Column, ...]:
        """These columns, without NAMESPACE if there is only one."""
        return tuple(column for column in found if column is not columns.NAMESPACE) if self.namespace else found

    def drill_down(self, row: Any) -> "Scope | None":
        """The scope of what a row consists of, None if there is nothing to open."""
        return self.view.drill_down(self, row)


def _pods_of_node(scope: Scope, node: Node) -> Scope:
    name = node.metadata.name
    return Scope(_PODS_OF_NODE, scope.namespace, field_selector=f"status.nodeName={name}", opened_from=name)


def _workloads_of_namespace(_scope: Scope, namespace: Namespace) -> Scope:
    name = namespace.metadata.name
    return Scope(BY_NAME["workloads"], name, opened_from=name)


def _pods_of_workload(_scope: Scope, workload: Workload) -> Scope:
    field_selector = _reference_fields(workload.status.workload_ref)
    return Scope(
        _PODS_OF_WORKLOAD,
        workload.metadata.namespace,
        field_selector=field_selector,
        opened_from=workload.metadata.name,
    )


def _workload_of_pod(_scope: Scope, pod: Pod) -> Scope:
    field_selector = _reference_fields(pod.status.workload_ref)
    return Scope(
        BY_NAME["workloads"], pod.metadata.namespace, field_selector=field_selector, opened_from=pod.metadata.name
    )


def _namespaces_of_image(scope: Scope, image: Image) -> Scope | None:
    if scope.namespace:
        return None
    field_selector = f"status.repository={image.status.repository},status.tag={image.status.tag}"
    return Scope(
        _IMAGES_BY_NAMESPACE,
        field_selector=field_selector,
        opened_from=f"{image.status.repository}:{image.status.tag}",
    )


def _all_pods(omitted: Column) -> View:
    """Pods, healthy ones included, without the column that has the same value in all rows."""
    shown = tuple(column for column in columns.PODS if column is not omitted)
    return replace(
        BY_NAME["unhealthy"], name="pods", description="pods", field_selector="", columns=shown, sorted_by="NAME"
    )


def _reference_fields(reference: WorkloadReference) -> str:
    return f"status.workloadRef.kind={reference.kind},status.workloadRef.name={reference.name}"


def _location(row: Any) -> str:
    return f"{namespace_of(row)}/{name_of(row)}"


VIEWS: Final = (
    View(
        name="nodes",
        description="how full each node is, and what is wrong with it",
        resource=NODES,
        columns=columns.NODES,
        sorted_by="NAME",
        filter_text=lambda node: f"{name_of(node)} {columns.node_condition(node)} {' '.join(node.status.roles)}",
        drill_down=_pods_of_node,
    ),
    View(
        name="namespaces",
        description="requests and usage of each, its pods and workloads",
        resource=NAMESPACES,
        columns=columns.NAMESPACES,
        sorted_by="NAME",
        drill_down=_workloads_of_namespace,
    ),
    View(
        name="workloads",
        description="each owner of pods, the worst health first",
        resource=WORKLOADS,
        columns=columns.WORKLOADS,
        sorted_by="HEALTH",
        filter_text=lambda row: f"{_location(row)} {row.status.health} {columns.commonest_problem(row)}",
        drill_down=_pods_of_workload,
    ),
    View(
        name="unhealthy",
        description="pods that are not healthy",
        resource=PODS,
        field_selector="status.healthy=false",
        columns=columns.PODS,
        sorted_by="NAMESPACE",
        filter_text=lambda pod: f"{_location(pod)} {pod.status.reason} {pod.status.node_name}",
        drill_down=_workload_of_pod,
    ),
    View(
        name="images",
        description="which images run where, the most used first",
        resource=IMAGES,
        cluster_resource=CLUSTER_IMAGES,
        columns=columns.IMAGES,
        sorted_by="PODS",
        filter_text=lambda image: f"{image.status.repository}:{image.status.tag}",
        drill_down=_namespaces_of_image,
    ),
)
"""The views of the keys 1 to 5."""

BY_NAME: Final[Mapping[str, View]] = {view.name: view for view in VIEWS}
_PODS_OF_NODE: Final = _all_pods(columns.NODE)
_PODS_OF_WORKLOAD: Final = _all_pods(columns.WORKLOAD)
_IMAGES_BY_NAMESPACE: Final = replace(
    BY_NAME["images"],
    cluster_resource=None,
    columns=(columns.NAMESPACE, *columns.IMAGES),
    drill_down=lambda _scope, _row: None,
)
CLUSTER: Final = Scope(View(name="cluster", description="the whole cluster", resource=CLUSTERS))
"""The ClusterSummary."""
