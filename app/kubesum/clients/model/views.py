"""The views: what each shows of which resource, and where opening a row leads.

Declarations and pure functions. A scope is a view of a part of the cluster: one namespace or all, and what
labels and fields select. Opening a row gives the scope of what the row is made of.
"""

from collections.abc import Callable, Mapping
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
    Summary,
    Workload,
    WorkloadReference,
    readable,
)
from kubesum.kube.deltas import WatchedResource
from kubesum.vocabulary.resource import GROUP, VERSION

VIEW_ROLE: Final = "kubesum:view"
CLUSTER_ROLE: Final = "kubesum:cluster-view"
IMAGES_ROLE: Final = "kubesum:cluster-images"


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind that kubesum serves, the view that decodes it, and the ClusterRole that grants it."""

    plural: str
    kind: str
    decoded: type[Summary[Any]]
    role: str
    namespaced: bool = True


NODES: Final = Resource("nodesummaries", "NodeSummary", Node, CLUSTER_ROLE, namespaced=False)
NAMESPACES: Final = Resource("namespacesummaries", "NamespaceSummary", Namespace, VIEW_ROLE)
WORKLOADS: Final = Resource("workloadsummaries", "WorkloadSummary", Workload, VIEW_ROLE)
PODS: Final = Resource("podsummaries", "PodSummary", Pod, VIEW_ROLE)
IMAGES: Final = Resource("imagesummaries", "ImageSummary", Image, VIEW_ROLE)
CLUSTER_IMAGES: Final = Resource("clusterimagesummaries", "ClusterImageSummary", Image, IMAGES_ROLE, namespaced=False)
CLUSTERS: Final = Resource("clustersummaries", "ClusterSummary", Cluster, CLUSTER_ROLE, namespaced=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One way to look at a cluster.

    `everywhere` takes the place of `resource` where all namespaces are looked at. `fields` selects what belongs
    to the view. `searched` is the text that a filter looks into; `opened` takes the scope and one of its rows.
    """

    name: str
    tells: str
    resource: Resource
    everywhere: Resource | None = None
    fields: str = ""
    columns: tuple[Column, ...] = ()
    sorted_by: str = ""
    searched: Callable[[Any], str] = name_of
    opened: Callable[["Scope", Any], "Scope | None"] = lambda _scope, _row: None


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of the cluster as one view shows it.

    `namespace` is empty for all, `labels` and `fields` are selectors; `of` names the row that was opened to get
    here, empty if there was none.
    """

    view: View
    namespace: str = ""
    labels: str = ""
    fields: str = ""
    of: str = ""

    @property
    def resource(self) -> Resource:
        """The kind that is shown."""
        return (not self.namespace and self.view.everywhere) or self.view.resource

    @property
    def kind(self) -> WatchedResource[Any]:
        """What to watch."""
        resource = self.resource
        fields = ",".join(filter(None, (self.view.fields, self.fields)))
        selectors = {"labelSelector": self.labels, "fieldSelector": fields}
        return WatchedResource(
            resource=resource.plural,
            group=GROUP,
            version=VERSION,
            kind=resource.kind,
            view=resource.decoded,
            transform=readable,
            namespace=self.namespace if resource.namespaced else "",
            selectors={name: selector for name, selector in selectors.items() if selector},
        )

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns that tell something: a namespace that all rows are in does not."""
        shown = self.view.columns
        return tuple(column for column in shown if column is not columns.NAMESPACE) if self.namespace else shown

    def opened(self, row: Any) -> "Scope | None":
        """What a row is made of, None where there is nothing to open."""
        return self.view.opened(self, row)


def _pods_of_node(scope: Scope, node: Node) -> Scope:
    name = node.metadata.name
    return Scope(_PODS_OF_NODE, scope.namespace, fields=f"status.nodeName={name}", of=name)


def _workloads_of_namespace(_scope: Scope, namespace: Namespace) -> Scope:
    name = namespace.metadata.name
    return Scope(BY_NAME["workloads"], name, of=name)


def _pods_of_workload(_scope: Scope, workload: Workload) -> Scope:
    fields = _reference_fields(workload.status.workload_ref)
    return Scope(_PODS_OF_WORKLOAD, workload.metadata.namespace, fields=fields, of=workload.metadata.name)


def _workload_of_pod(_scope: Scope, pod: Pod) -> Scope:
    fields = _reference_fields(pod.status.workload_ref)
    return Scope(BY_NAME["workloads"], pod.metadata.namespace, fields=fields, of=pod.metadata.name)


def _namespaces_of_image(scope: Scope, image: Image) -> Scope | None:
    if scope.namespace:
        return None
    fields = f"status.repository={image.status.repository},status.tag={image.status.tag}"
    return Scope(_IMAGES_BY_NAMESPACE, fields=fields, of=f"{image.status.repository}:{image.status.tag}")


def _all_pods(told: Column) -> View:
    """The healthy ones too, without the column of what they were opened from: the way to them says it."""
    shown = tuple(column for column in columns.PODS if column is not told)
    return replace(BY_NAME["unhealthy"], name="pods", tells="pods", fields="", columns=shown, sorted_by="NAME")


def _reference_fields(reference: WorkloadReference) -> str:
    return f"status.workloadRef.kind={reference.kind},status.workloadRef.name={reference.name}"


def _place(row: Any) -> str:
    return f"{namespace_of(row)}/{name_of(row)}"


VIEWS: Final = (
    View(
        name="nodes",
        tells="how full each node is, and what is wrong with it",
        resource=NODES,
        columns=columns.NODES,
        sorted_by="NAME",
        searched=lambda node: f"{name_of(node)} {columns.node_condition(node)} {' '.join(node.status.roles)}",
        opened=_pods_of_node,
    ),
    View(
        name="namespaces",
        tells="what each asks for, and how its pods and workloads are",
        resource=NAMESPACES,
        columns=columns.NAMESPACES,
        sorted_by="NAME",
        opened=_workloads_of_namespace,
    ),
    View(
        name="workloads",
        tells="each owner of pods, those in the worst health first",
        resource=WORKLOADS,
        columns=columns.WORKLOADS,
        sorted_by="HEALTH",
        searched=lambda row: f"{_place(row)} {row.status.health} {columns.worst(row)}",
        opened=_pods_of_workload,
    ),
    View(
        name="unhealthy",
        tells="the pods that something is wrong with",
        resource=PODS,
        fields="status.healthy=false",
        columns=columns.PODS,
        sorted_by="NAMESPACE",
        searched=lambda pod: f"{_place(pod)} {pod.status.reason} {pod.status.node_name}",
        opened=_workload_of_pod,
    ),
    View(
        name="images",
        tells="which images run where, the most used first",
        resource=IMAGES,
        everywhere=CLUSTER_IMAGES,
        columns=columns.IMAGES,
        sorted_by="PODS",
        searched=lambda image: f"{image.status.repository}:{image.status.tag}",
        opened=_namespaces_of_image,
    ),
)
"""The views that have a key of their own, in the order of the keys."""

BY_NAME: Final[Mapping[str, View]] = {view.name: view for view in VIEWS}
_PODS_OF_NODE: Final = _all_pods(columns.NODE)
_PODS_OF_WORKLOAD: Final = _all_pods(columns.WORKLOAD)
_IMAGES_BY_NAMESPACE: Final = replace(
    BY_NAME["images"],
    everywhere=None,
    columns=(columns.NAMESPACE, *columns.IMAGES),
    opened=lambda _scope, _row: None,
)
CLUSTER: Final = Scope(View(name="cluster", tells="the whole cluster", resource=CLUSTERS))
"""The one object that tells of the whole cluster."""
