"""An extension API server as it is installed in a simulated cluster: as Kubernetes manifests.

All that the simulation has of the extension server comes from here: its group, Service, pods and permissions.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from kubesim.store.store import JsonObject


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """The manifests of one extension API server.

    `objects` are those that the cluster only stores: Secrets, roles and bindings. The first port of the Service leads
    to the container port of that name. The caBundle of each APIService is set when the server is registered.
    """

    namespace: JsonObject
    service_account: JsonObject
    deployment: JsonObject
    service: JsonObject
    api_service: JsonObject
    objects: Sequence[JsonObject]
    further_api_services: Sequence[JsonObject] = ()
    """Those of the other groups that the extension server serves."""

    def by_api_service(self) -> Sequence["Installation"]:
        """The installation as it is for each of its APIServices alone."""
        return [
            replace(self, api_service=one, further_api_services=())
            for one in (self.api_service, *self.further_api_services)
        ]

    @property
    def group(self) -> str:
        """The API group that the extension server serves."""
        group: str = self.api_service["spec"]["group"]
        return group

    @property
    def version(self) -> str:
        """The version of the group."""
        version: str = self.api_service["spec"]["version"]
        return version

    @property
    def api_service_name(self) -> str:
        """The name of the APIService."""
        name: str = self.api_service["metadata"]["name"]
        return name

    @property
    def root(self) -> str:
        """The path below which the extension server is served."""
        return f"/apis/{self.group}/{self.version}"

    @property
    def service_host(self) -> str:
        """The host that the aggregator verifies the serving certificate for."""
        metadata = self.service["metadata"]
        return f"{metadata['name']}.{metadata['namespace']}.svc"

    @property
    def selector(self) -> dict[str, str]:
        """The labels of the extension server's pods."""
        selector: dict[str, str] = self.service["spec"]["selector"]
        return selector

    @property
    def container_port(self) -> int:
        """The port that the Service leads to in each pod."""
        target = self.service["spec"]["ports"][0]["targetPort"]
        containers = self.deployment["spec"]["template"]["spec"]["containers"]
        ports = {port["name"]: port["containerPort"] for container in containers for port in container["ports"]}
        number: int = ports[target]
        return number
