"""Views of the objects of an installation: the fields that a check reads.

Lists that Go encodes as null when they are empty may be None. Names and shapes: k8s.io/kube-aggregator/pkg/apis/
apiregistration/v1, k8s.io/api/core/v1, apps/v1 and discovery/v1.
"""

from datetime import datetime

import msgspec

from kubesum.kube.objects.core import ContainerStatus
from kubesum.kube.objects.meta import Condition, Metadata


class ServiceReference(msgspec.Struct, frozen=True):
    """apiregistration/v1.ServiceReference: where requests for a group version are sent."""

    namespace: str
    name: str
    port: int = 443

    def __str__(self) -> str:
        return f"Service {self.namespace}/{self.name}"


class ApiServiceSpec(msgspec.Struct, frozen=True, rename={"is_unverified": "insecureSkipTLSVerify"}):
    """apiregistration/v1.APIServiceSpec; `ca_bundle` is PEM."""

    service: ServiceReference | None = None
    priority: int = msgspec.field(default=0, name="groupPriorityMinimum")
    ca_bundle: bytes | None = msgspec.field(default=None, name="caBundle")
    is_unverified: bool = False


class Conditions(msgspec.Struct, frozen=True):
    """A status that has conditions."""

    conditions: tuple[Condition, ...] = ()

    def named(self, name: str) -> Condition | None:
        """The condition of a type, None if there is none."""
        return next((one for one in self.conditions if one.type == name), None)


class ApiService(msgspec.Struct, frozen=True):
    """apiregistration/v1.APIService."""

    spec: ApiServiceSpec
    status: Conditions = Conditions()


class ServicePort(msgspec.Struct, frozen=True, rename="camel"):
    """corev1.ServicePort."""

    port: int
    name: str = ""
    target_port: int | str = 0


class ServiceSpec(msgspec.Struct, frozen=True, rename="camel"):
    """corev1.ServiceSpec."""

    ports: tuple[ServicePort, ...] = ()
    selector: dict[str, str] = {}
    cluster_ip: str = msgspec.field(default="", name="clusterIP")


class Service(msgspec.Struct, frozen=True):
    """corev1.Service."""

    metadata: Metadata
    spec: ServiceSpec = ServiceSpec()


class EndpointPort(msgspec.Struct, frozen=True):
    """discoveryv1.EndpointPort; a port of None means all ports."""

    name: str = ""
    port: int | None = None


class EndpointConditions(msgspec.Struct, frozen=True):
    """discoveryv1.EndpointConditions; `ready` None means ready."""

    ready: bool | None = None


class Endpoint(msgspec.Struct, frozen=True):
    """discoveryv1.Endpoint."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()


class EndpointSlice(msgspec.Struct, frozen=True):
    """discoveryv1.EndpointSlice."""

    endpoints: tuple[Endpoint, ...] | None = ()
    ports: tuple[EndpointPort, ...] | None = ()

    @property
    def ready_addresses(self) -> list[str]:
        """The first address of each ready endpoint."""
        ready = [one for one in self.endpoints or () if one.conditions.ready is not False]
        return [address for one in ready for address in one.addresses[:1]]

    def has_port(self, name: str) -> bool:
        """Whether it has a port of this name."""
        return any(port.name == name for port in self.ports or ())


class Container(msgspec.Struct, frozen=True):
    """corev1.Container."""

    name: str = ""
    image: str = ""
    args: tuple[str, ...] = ()


class PodSpec(msgspec.Struct, frozen=True, rename="camel"):
    """corev1.PodSpec."""

    service_account_name: str = "default"
    init_containers: tuple[Container, ...] = ()
    containers: tuple[Container, ...] = ()

    def option(self, name: str) -> str | None:
        """The value of a flag in the arguments of the containers, None if it is not set."""
        arguments = iter([argument for one in self.containers for argument in one.args])
        for argument in arguments:
            option, is_joined, value = argument.partition("=")
            if option == name:
                return value if is_joined else next(arguments, "")
        return None


class PodStatus(msgspec.Struct, frozen=True, rename="camel"):
    """corev1.PodStatus."""

    phase: str = ""
    conditions: tuple[Condition, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(msgspec.Struct, frozen=True):
    """corev1.Pod."""

    metadata: Metadata
    spec: PodSpec = PodSpec()
    status: PodStatus = PodStatus()

    @property
    def name(self) -> str:
        """Kind, namespace and name, as messages begin."""
        return f"Pod {self.metadata.namespace}/{self.metadata.name}"

    @property
    def is_active(self) -> bool:
        """Whether it neither has terminated nor is terminating, as IsPodActive of kube-controller-manager says."""
        return self.metadata.deletion_timestamp is None and self.status.phase not in ("Succeeded", "Failed")

    @property
    def is_ready(self) -> bool:
        """Whether its condition Ready is True."""
        return any(one.type == "Ready" and one.status == "True" for one in self.status.conditions)


class PodTemplate(msgspec.Struct, frozen=True):
    """corev1.PodTemplateSpec."""

    metadata: Metadata = Metadata()
    spec: PodSpec = PodSpec()


class DeploymentSpec(msgspec.Struct, frozen=True):
    """appsv1.DeploymentSpec."""

    template: PodTemplate
    replicas: int = 1


class DeploymentStatus(msgspec.Struct, frozen=True, rename="camel"):
    """appsv1.DeploymentStatus."""

    ready_replicas: int = 0
    conditions: tuple[Condition, ...] = ()


class Deployment(msgspec.Struct, frozen=True):
    """appsv1.Deployment."""

    metadata: Metadata
    spec: DeploymentSpec
    status: DeploymentStatus = DeploymentStatus()

    @property
    def name(self) -> str:
        """Kind, namespace and name, as messages begin."""
        return f"Deployment {self.metadata.namespace}/{self.metadata.name}"


class SourceState(msgspec.Struct, frozen=True, rename="camel"):
    """Whether one watched resource is synced, and since when it is not."""

    resource: str
    synced: bool
    last_transition_time: datetime | None = None


class ClusterSummaryStatus(msgspec.Struct, frozen=True):
    """The sources of a ClusterSummary."""

    sources: tuple[SourceState, ...] = ()


class ClusterSummary(msgspec.Struct, frozen=True):
    """summary.kubesum.dev/v1alpha1.ClusterSummary."""

    status: ClusterSummaryStatus = ClusterSummaryStatus()


class Version(msgspec.Struct, frozen=True, rename="camel"):
    """k8s.io/apimachinery/pkg/version.Info."""

    git_version: str
