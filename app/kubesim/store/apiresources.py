"""The resources that the simulated API server serves, as data.

Discovery, routing, lists, watches and selectors read these tables; nothing else enumerates resources. Names, short
names and selectable fields are those of kube-apiserver (pkg/registry/*/storage and pkg/apis/core/v1/conversion.go).
"""

from dataclasses import dataclass
from typing import Final

METRICS_GROUP: Final = "metrics.k8s.io"
METRICS_VERSIONS: Final = ("v1", "v1beta1")
"""In order of preference; they differ in nothing but the name (KEP-5207)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiResource:
    """One resource (metav1.APIResource) and what can be selected of its objects.

    `fields` are the paths that field selectors may name besides those of metadata. `subresources` are parts of the
    object that are read and replaced on their own.
    """

    kind: str
    plural: str
    namespaced: bool
    group: str = ""
    version: str = "v1"
    verbs: tuple[str, ...] = ("create", "delete", "get", "list", "patch", "update", "watch")
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    is_custom: bool = False
    """Served while its CustomResourceDefinition exists, whose schema its objects have."""

    @property
    def api_version(self) -> str:
        """`v1` or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        """The kind in lower case; metrics-server states no singular name."""
        return "" if self.group == METRICS_GROUP else self.kind.lower()

    @property
    def group_resource(self) -> str:
        """`pods` or `deployments.apps`, as error messages name a resource (schema.GroupResource)."""
        return f"{self.plural}.{self.group}" if self.group else self.plural


_RBAC: Final = "rbac.authorization.k8s.io"
_STATUS: Final = ("status",)
_ALL: Final = ("all",)
_INVOLVED_OBJECT: Final = tuple(
    f"involvedObject.{field}"
    for field in ("apiVersion", "fieldPath", "kind", "name", "namespace", "resourceVersion", "uid")
)

STORED_RESOURCES: Final = (
    ApiResource(
        kind="Pod",
        plural="pods",
        namespaced=True,
        short_names=("po",),
        categories=_ALL,
        fields=("spec.nodeName", "spec.restartPolicy", "spec.serviceAccountName", "status.phase"),
        subresources=_STATUS,
    ),
    ApiResource(
        kind="Node",
        plural="nodes",
        namespaced=False,
        short_names=("no",),
        fields=("spec.unschedulable",),
        subresources=_STATUS,
    ),
    ApiResource(
        kind="Namespace",
        plural="namespaces",
        namespaced=False,
        short_names=("ns",),
        fields=("status.phase",),
        subresources=_STATUS,
    ),
    ApiResource(
        kind="Event",
        plural="events",
        namespaced=True,
        short_names=("ev",),
        fields=(*_INVOLVED_OBJECT, "reason", "type"),
    ),
    ApiResource(kind="ConfigMap", plural="configmaps", namespaced=True, short_names=("cm",)),
    ApiResource(kind="Secret", plural="secrets", namespaced=True, fields=("type",)),
    ApiResource(
        kind="Service",
        plural="services",
        namespaced=True,
        short_names=("svc",),
        categories=_ALL,
        subresources=_STATUS,
    ),
    ApiResource(kind="ServiceAccount", plural="serviceaccounts", namespaced=True, short_names=("sa",)),
    ApiResource(
        kind="Deployment",
        plural="deployments",
        namespaced=True,
        group="apps",
        short_names=("deploy",),
        categories=_ALL,
        subresources=_STATUS,
    ),
    ApiResource(
        kind="StatefulSet",
        plural="statefulsets",
        namespaced=True,
        group="apps",
        short_names=("sts",),
        categories=_ALL,
        subresources=_STATUS,
    ),
    ApiResource(
        kind="DaemonSet",
        plural="daemonsets",
        namespaced=True,
        group="apps",
        short_names=("ds",),
        categories=_ALL,
        subresources=_STATUS,
    ),
    ApiResource(
        kind="ReplicaSet",
        plural="replicasets",
        namespaced=True,
        group="apps",
        short_names=("rs",),
        categories=_ALL,
        fields=("status.replicas",),
        subresources=_STATUS,
    ),
    ApiResource(
        kind="Job",
        plural="jobs",
        namespaced=True,
        group="batch",
        categories=_ALL,
        fields=("status.successful",),
        subresources=_STATUS,
    ),
    ApiResource(
        kind="CronJob",
        plural="cronjobs",
        namespaced=True,
        group="batch",
        short_names=("cj",),
        categories=_ALL,
        subresources=_STATUS,
    ),
    ApiResource(kind="EndpointSlice", plural="endpointslices", namespaced=True, group="discovery.k8s.io"),
    ApiResource(kind="Lease", plural="leases", namespaced=True, group="coordination.k8s.io"),
    ApiResource(
        kind="APIService",
        plural="apiservices",
        namespaced=False,
        group="apiregistration.k8s.io",
        subresources=_STATUS,
    ),
    ApiResource(
        kind="CustomResourceDefinition",
        plural="customresourcedefinitions",
        namespaced=False,
        group="apiextensions.k8s.io",
        short_names=("crd", "crds"),
        subresources=_STATUS,
    ),
    ApiResource(
        kind="RollupDefinition",
        plural="rollupdefinitions",
        namespaced=False,
        group="kubesum.dev",
        version="v1alpha1",
        short_names=("rollup", "rollups"),
        subresources=_STATUS,
        is_custom=True,
    ),
    ApiResource(kind="ClusterRole", plural="clusterroles", namespaced=False, group=_RBAC),
    ApiResource(kind="ClusterRoleBinding", plural="clusterrolebindings", namespaced=False, group=_RBAC),
    ApiResource(kind="Role", plural="roles", namespaced=True, group=_RBAC),
    ApiResource(kind="RoleBinding", plural="rolebindings", namespaced=True, group=_RBAC),
)

REVIEWS: Final = tuple(
    ApiResource(kind=kind, plural=f"{kind.lower()}s", namespaced=False, group=group, verbs=("create",))
    for kind, group in (
        ("TokenReview", "authentication.k8s.io"),
        ("SelfSubjectReview", "authentication.k8s.io"),
        ("SubjectAccessReview", "authorization.k8s.io"),
        ("SelfSubjectAccessReview", "authorization.k8s.io"),
        ("SelfSubjectRulesReview", "authorization.k8s.io"),
    )
)
"""The resources that are not stored: the response to a create is the object with its status."""

METRICS_RESOURCES: Final = tuple(
    ApiResource(
        kind=kind,
        plural=plural,
        namespaced=namespaced,
        group=METRICS_GROUP,
        version=version,
        verbs=("get", "list"),
    )
    for version in METRICS_VERSIONS
    for kind, plural, namespaced in (("NodeMetrics", "nodes", False), ("PodMetrics", "pods", True))
)
"""The resources of metrics-server, which are not stored: each response is measured (metrics-server/pkg/api)."""

BY_PLURAL: Final = {resource.plural: resource for resource in STORED_RESOURCES}
BY_KIND: Final = {resource.kind: resource for resource in STORED_RESOURCES}
STORED_GROUP_VERSIONS: Final = tuple(sorted({(resource.group, resource.version) for resource in STORED_RESOURCES}))
"""The (group, version) pairs of stored resources, the core group first."""
GROUP_VERSIONS: Final = tuple(
    sorted({*STORED_GROUP_VERSIONS, *((review.group, review.version) for review in REVIEWS)})
)
"""The (group, version) pairs of the built-in resources, in order of priority.

Those of metrics.k8s.io and of the extension server have a lower one: `pods` and `nodes` are those of the core group.
"""


def resources_of(group: str, version: str) -> tuple[ApiResource, ...]:
    """The resources of one group version, in ascending order of plural."""
    found = (
        resource
        for resource in (*STORED_RESOURCES, *REVIEWS, *METRICS_RESOURCES)
        if (resource.group, resource.version) == (group, version)
    )
    return tuple(sorted(found, key=lambda resource: resource.plural))
