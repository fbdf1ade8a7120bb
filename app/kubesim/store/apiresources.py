"""The kinds that the simulated API server stores and serves, as data.

Discovery, routing, listing and selecting all read this table; nothing else names a kind. Names, short names
and selectable fields are those of kube-apiserver (pkg/registry/*/storage and pkg/apis/core/v1/conversion.go).
"""

from dataclasses import dataclass
from typing import Final

READING: Final = ("get", "list", "watch")
WRITING: Final = ("create", "delete", "patch", "update")


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One built-in kind; `fields` are the paths, besides metadata, that field selectors may name.

    `subresources` are views of the object that can be read and replaced on their own. `measured`: no such objects
    are stored, each answer is made of what is known at its moment; they can be got and listed.
    """

    kind: str
    plural: str
    namespaced: bool
    group: str = ""
    version: str = "v1"
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    subresources: tuple[str, ...] = ()
    measured: bool = False

    @property
    def api_version(self) -> str:
        """`v1` or `group/version`, as objects carry it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def singular(self) -> str:
        """The kind in lower case; metrics-server has none to tell."""
        return "" if self.measured else self.kind.lower()

    @property
    def resource_group(self) -> str:
        """`pods` or `deployments.apps`, as error messages name a resource."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def verbs(self) -> tuple[str, ...]:
        """What may be done with objects of this kind, in ascending order."""
        return ("get", "list") if self.measured else tuple(sorted(READING + WRITING))


_RBAC: Final = "rbac.authorization.k8s.io"
_STATUS: Final = ("status",)
_ALL: Final = ("all",)
_INVOLVED: Final = tuple(
    f"involvedObject.{field}"
    for field in ("apiVersion", "fieldPath", "kind", "name", "namespace", "resourceVersion", "uid")
)

KINDS: Final = (
    Kind(
        kind="Pod",
        plural="pods",
        namespaced=True,
        short_names=("po",),
        categories=_ALL,
        fields=("spec.nodeName", "spec.restartPolicy", "spec.serviceAccountName", "status.phase"),
        subresources=_STATUS,
    ),
    Kind(
        kind="Node",
        plural="nodes",
        namespaced=False,
        short_names=("no",),
        fields=("spec.unschedulable",),
        subresources=_STATUS,
    ),
    Kind(
        kind="Namespace",
        plural="namespaces",
        namespaced=False,
        short_names=("ns",),
        fields=("status.phase",),
        subresources=_STATUS,
    ),
    Kind(
        kind="Event",
        plural="events",
        namespaced=True,
        short_names=("ev",),
        fields=(*_INVOLVED, "reason", "type"),
    ),
    Kind(kind="ConfigMap", plural="configmaps", namespaced=True, short_names=("cm",)),
    Kind(kind="Secret", plural="secrets", namespaced=True, fields=("type",)),
    Kind(
        kind="Service",
        plural="services",
        namespaced=True,
        short_names=("svc",),
        categories=_ALL,
        subresources=_STATUS,
    ),
    Kind(kind="ServiceAccount", plural="serviceaccounts", namespaced=True, short_names=("sa",)),
    Kind(
        kind="Deployment",
        plural="deployments",
        namespaced=True,
        group="apps",
        short_names=("deploy",),
        categories=_ALL,
        subresources=_STATUS,
    ),
    Kind(
        kind="StatefulSet",
        plural="statefulsets",
        namespaced=True,
        group="apps",
        short_names=("sts",),
        categories=_ALL,
        subresources=_STATUS,
    ),
    Kind(
        kind="DaemonSet",
        plural="daemonsets",
        namespaced=True,
        group="apps",
        short_names=("ds",),
        categories=_ALL,
        subresources=_STATUS,
    ),
    Kind(
        kind="ReplicaSet",
        plural="replicasets",
        namespaced=True,
        group="apps",
        short_names=("rs",),
        categories=_ALL,
        fields=("status.replicas",),
        subresources=_STATUS,
    ),
    Kind(
        kind="Job",
        plural="jobs",
        namespaced=True,
        group="batch",
        categories=_ALL,
        fields=("status.successful",),
        subresources=_STATUS,
    ),
    Kind(
        kind="CronJob",
        plural="cronjobs",
        namespaced=True,
        group="batch",
        short_names=("cj",),
        categories=_ALL,
        subresources=_STATUS,
    ),
    Kind(kind="EndpointSlice", plural="endpointslices", namespaced=True, group="discovery.k8s.io"),
    Kind(kind="Lease", plural="leases", namespaced=True, group="coordination.k8s.io"),
    Kind(
        kind="APIService",
        plural="apiservices",
        namespaced=False,
        group="apiregistration.k8s.io",
        subresources=_STATUS,
    ),
    Kind(kind="ClusterRole", plural="clusterroles", namespaced=False, group=_RBAC),
    Kind(kind="ClusterRoleBinding", plural="clusterrolebindings", namespaced=False, group=_RBAC),
    Kind(kind="Role", plural="roles", namespaced=True, group=_RBAC),
    Kind(kind="RoleBinding", plural="rolebindings", namespaced=True, group=_RBAC),
)

METRICS_GROUP: Final = "metrics.k8s.io"
METRICS_VERSION: Final = "v1beta1"
NODE_METRICS, POD_METRICS = METRICS = (
    Kind(
        kind="NodeMetrics",
        plural="nodes",
        namespaced=False,
        group=METRICS_GROUP,
        version=METRICS_VERSION,
        measured=True,
    ),
    Kind(
        kind="PodMetrics",
        plural="pods",
        namespaced=True,
        group=METRICS_GROUP,
        version=METRICS_VERSION,
        measured=True,
    ),
)
"""The kinds of metrics-server, which are not stored (sigs.k8s.io/metrics-server/pkg/api)."""

BY_PLURAL: Final = {kind.plural: kind for kind in KINDS}
BY_KIND: Final = {kind.kind: kind for kind in KINDS}
GROUP_VERSIONS: Final = tuple(sorted({(kind.group, kind.version) for kind in KINDS}))
"""The (group, version) pairs of stored kinds, the core group first."""


def in_group_version(group: str, version: str) -> tuple[Kind, ...]:
    """The kinds of one group version, in ascending order of plural."""
    found = (kind for kind in (*KINDS, *METRICS) if (kind.group, kind.version) == (group, version))
    return tuple(sorted(found, key=lambda kind: kind.plural))
