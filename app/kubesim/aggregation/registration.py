"""The registration of an extension server: what installing it stores, and what the aggregator reads of that.

Installing stores the Service with a cluster IP, its EndpointSlice as the endpointslice controller would write it, and
the APIService. Afterwards these are ordinary objects that anybody may change; the aggregator reads them again for
each check and each request.
"""

from base64 import b64encode
from collections.abc import Iterator, Mapping
from typing import Final

import msgspec

from kubesim.installation import Installation
from kubesim.store.store import JsonObject, Store

SERVICE_LABEL: Final = "kubernetes.io/service-name"
CLUSTER_IP: Final = "10.96.143.7"
# Listed where no pod of the extension server is ready, because it responds all the same; RFC 5737 reserves it.
_ALWAYS_READY: Final = {"addresses": ["192.0.2.1"], "conditions": {"ready": True}}


class ServiceReference(msgspec.Struct, frozen=True):
    """apiregistration/v1.ServiceReference."""

    namespace: str
    name: str
    port: int = 443

    def __str__(self) -> str:
        return f'service/{self.name} in "{self.namespace}"'


class ApiServiceSpec(msgspec.Struct, frozen=True):
    """The spec of an APIService; `ca_bundle` is PEM."""

    service: ServiceReference
    ca_bundle: bytes | None = msgspec.field(default=None, name="caBundle")
    insecure_skip_tls_verify: bool = msgspec.field(default=False, name="insecureSkipTLSVerify")


class _ApiService(msgspec.Struct, frozen=True):
    spec: ApiServiceSpec


class ServicePort(msgspec.Struct, frozen=True):
    """A port of a Service or of an EndpointSlice."""

    port: int
    name: str = ""


class ServiceSpec(msgspec.Struct, frozen=True, rename="camel"):
    """The spec of a Service."""

    ports: tuple[ServicePort, ...] = ()
    cluster_ip: str = msgspec.field(default="", name="clusterIP")


def install(store: Store, installation: Installation, ca_bundle: bytes) -> None:
    """Stores the Service, its EndpointSlice and the APIService with a caBundle in PEM."""
    for resource, obj in _objects(store, installation, ca_bundle):
        store.put(resource, obj)


def api_service(store: Store, name: str) -> ApiServiceSpec | None:
    """The spec of an APIService, None if it does not exist or is invalid."""
    stored = store.get("apiservices", "", name)
    try:
        return msgspec.json.decode(stored.body, type=_ApiService).spec if stored else None
    except msgspec.ValidationError:
        # kube-apiserver would have refused to store it.
        return None


def service_spec(store: Store, service: ServiceReference) -> ServiceSpec:
    """The spec of a Service; an empty one if it does not exist."""
    stored = store.get("services", service.namespace, service.name)
    return msgspec.convert(stored.decoded()["spec"] if stored else {}, type=ServiceSpec)


def address(store: Store, service: ServiceReference) -> str:
    """The cluster IP and port of a Service, host:port."""
    return f"{service_spec(store, service).cluster_ip}:{service.port}"


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
    """The endpoints of a new EndpointSlice: the pods that the selector of the Service matches."""
    found = [
        _endpoint(stored.decoded())
        for stored in store.list("pods", namespace)
        if selector.items() <= stored.labels.items()
    ]
    return found if any(one["conditions"]["ready"] for one in found) else [*found, _ALWAYS_READY]


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
