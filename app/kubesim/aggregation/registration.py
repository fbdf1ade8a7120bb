"""What installs an extension server in a cluster, and whether it is available: its APIService and what that names.

Installed are the objects that kubesum's chart makes and kube-controller-manager fills in: the Service, the
addresses behind it, and the APIService. From then on they belong to whoever changes them; the aggregator reads
them anew for each verdict. Checks, their order and words are those of k8s.io/kube-aggregator/pkg/controllers/
status/remote/remote_available_controller.go.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

import msgspec

from kubesim.installation import Installation
from kubesim.store.store import JsonObject, Store

READ: Final = ("apiservices", "endpointslices", "services")
"""The kinds that a verdict depends on."""

SERVICE_LABEL: Final = "kubernetes.io/service-name"
CLUSTER_IP: Final = "10.96.143.7"
# The address where no pod of the extension server is ready: it serves all the same. RFC 5737 reserves it.
_ELSEWHERE: Final = {"addresses": ["192.0.2.1"], "conditions": {"ready": True}}


class ServiceReference(msgspec.Struct, frozen=True):
    """apiregistration/v1.ServiceReference."""

    namespace: str
    name: str
    port: int = 443

    def __str__(self) -> str:
        return f'service/{self.name} in "{self.namespace}"'


class ApiServiceSpec(msgspec.Struct, frozen=True):
    """The spec of the APIService; `ca_bundle` is PEM."""

    service: ServiceReference
    ca_bundle: bytes | None = msgspec.field(default=None, name="caBundle")
    insecure_skip_tls_verify: bool = msgspec.field(default=False, name="insecureSkipTLSVerify")


class _ApiService(msgspec.Struct, frozen=True):
    spec: ApiServiceSpec


class _Port(msgspec.Struct, frozen=True):
    port: int
    name: str = ""


class _ServiceSpec(msgspec.Struct, frozen=True, rename="camel"):
    ports: tuple[_Port, ...] = ()
    cluster_ip: str = msgspec.field(default="", name="clusterIP")


class _Conditions(msgspec.Struct, frozen=True):
    ready: bool | None = None


class _Endpoint(msgspec.Struct, frozen=True):
    addresses: tuple[str, ...] = ()
    conditions: _Conditions = _Conditions()


class _Slice(msgspec.Struct, frozen=True):
    endpoints: tuple[_Endpoint, ...] | None = ()
    ports: tuple[_Port, ...] | None = ()


@dataclass(frozen=True, slots=True)
class Availability:
    """The condition Available in the making."""

    reason: str
    message: str

    @property
    def is_available(self) -> bool:
        """Whether requests may go to the extension server."""
        return self.reason == "Passed"


PASSED: Final = Availability("Passed", "all checks passed")


def install(store: Store, installation: Installation, ca_bundle: bytes) -> None:
    """Puts the objects of an extension server into the store, verified with a PEM bundle."""
    for resource, obj in _objects(store, installation, ca_bundle):
        store.put(resource, obj)


def registration(store: Store, name: str) -> ApiServiceSpec | None:
    """The APIService of this name as it is now, None without one that can be understood."""
    stored = store.get("apiservices", "", name)
    try:
        return msgspec.json.decode(stored.body, type=_ApiService).spec if stored else None
    except msgspec.ValidationError:
        # A real server would not have taken it.
        return None


def address(store: Store, service: ServiceReference) -> str:
    """The host:port of a Service as the aggregator resolves it."""
    return f"{_service(store, service).cluster_ip}:{service.port}"


def service_problem(store: Store, service: ServiceReference) -> Availability | None:
    """What keeps requests from a Service even before one is made, None if nothing does."""
    if store.get("services", service.namespace, service.name) is None:
        return Availability("ServiceNotFound", f"{service} is not present")
    names = [port.name for port in _service(store, service).ports if port.port == service.port]
    if not names:
        return Availability("ServicePortError", f"{service} is not listening on port {service.port}")
    slices = list(_slices(store, service))
    if not slices:
        return Availability("EndpointsNotFound", f"cannot find endpointslices for {service}")
    if not any(_is_served(one, names[0]) for one in slices):
        message = f'endpointslices for {service} have no addresses with port name "{names[0]}"'
        return Availability("MissingEndpoints", message)
    return None


def write_availability(store: Store, name: str, availability: Availability) -> None:
    """Writes a verdict into the status of the APIService; only a change of it is news."""
    stored = store.get("apiservices", "", name)
    if stored is None:
        return
    obj = stored.decoded()
    was: JsonObject = next(iter(obj.get("status", {}).get("conditions", ())), {})
    condition = {
        "type": "Available",
        "status": "True" if availability.is_available else "False",
        "lastTransitionTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "reason": availability.reason,
        "message": availability.message,
    }
    if was.get("status") == condition["status"]:
        condition["lastTransitionTime"] = was["lastTransitionTime"]
    if was != condition:
        store.put("apiservices", {**obj, "status": {"conditions": [condition]}})


def _service(store: Store, service: ServiceReference) -> _ServiceSpec:
    stored = store.get("services", service.namespace, service.name)
    return msgspec.convert(stored.decoded()["spec"] if stored else {}, type=_ServiceSpec)


def _slices(store: Store, service: ServiceReference) -> Iterator[_Slice]:
    for stored in store.list("endpointslices", service.namespace):
        if stored.labels.get(SERVICE_LABEL) == service.name:
            yield msgspec.json.decode(stored.body, type=_Slice)


def _is_served(one: _Slice, port_name: str) -> bool:
    """Whether a slice has a ready address with the port; what does not say whether it is ready is."""
    has_address = any(
        endpoint.addresses and endpoint.conditions.ready is not False for endpoint in one.endpoints or ()
    )
    return has_address and any(port.name == port_name for port in one.ports or ())


def _objects(store: Store, installation: Installation, ca_bundle: bytes) -> Iterator[tuple[str, JsonObject]]:
    service, api_service = installation.service, installation.api_service
    cluster_ip = {"type": "ClusterIP", "clusterIP": CLUSTER_IP}
    yield "services", {**service, "spec": {**cluster_ip, **service["spec"]}}
    yield "endpointslices", _endpoint_slice(store, installation)
    bundle = {"caBundle": b64encode(ca_bundle).decode()}
    yield "apiservices", {**api_service, "spec": {**api_service["spec"], **bundle}}


def _endpoint_slice(store: Store, installation: Installation) -> JsonObject:
    metadata = installation.service["metadata"]
    (port,) = installation.service["spec"]["ports"]
    return {
        "metadata": {
            "namespace": metadata["namespace"],
            "name": f"{metadata['name']}-5xk2p",
            "labels": {**installation.selector, SERVICE_LABEL: metadata["name"]},
        },
        "addressType": "IPv4",
        "endpoints": _endpoints(store, metadata["namespace"], installation.selector),
        "ports": [{"name": port["name"], "protocol": port["protocol"], "port": installation.container_port}],
    }


def _endpoints(store: Store, namespace: str, selector: Mapping[str, str]) -> list[JsonObject]:
    """What a new EndpointSlice lists: the pods behind the Service."""
    found = [
        _endpoint(stored.decoded())
        for stored in store.list("pods", namespace)
        if selector.items() <= stored.labels.items()
    ]
    return found if any(one["conditions"]["ready"] for one in found) else [*found, _ELSEWHERE]


def _endpoint(pod: JsonObject) -> JsonObject:
    conditions = pod["status"].get("conditions", ())
    ready = any(one["type"] == "Ready" and one["status"] == "True" for one in conditions)
    metadata = pod["metadata"]
    return {
        "addresses": [one["ip"] for one in pod["status"].get("podIPs", ())],
        "conditions": {"ready": ready, "serving": ready, "terminating": False},
        "nodeName": pod["spec"].get("nodeName", ""),
        "targetRef": {"kind": "Pod", "namespace": metadata["namespace"], "name": metadata["name"]},
    }
