"""The objects that a new cluster has: namespaces, roles, authentication configuration, what is installed in it."""

from collections.abc import Iterator
from typing import Final

import msgspec

from kubesim.access.bootstrappolicy import default_objects
from kubesim.access.pki import FRONT_PROXY, Pki
from kubesim.apiserver.customresources import created
from kubesim.apiserver.metrics import metrics_api_service
from kubesim.installation import Installation
from kubesim.store.apiresources import BY_KIND, BY_PLURAL, METRICS_VERSIONS
from kubesim.store.store import JsonObject, Store

AUTHENTICATION_CONFIG: Final = "extension-apiserver-authentication"

_NAMESPACES: Final = ("default", "kube-node-lease", "kube-public", "kube-system")


def bootstrap(store: Store, pki: Pki, installation: Installation, tenant_namespace: str) -> None:
    """Creates the objects that do not exist yet; existing ones are not changed."""
    for resource, obj in (*_objects(pki, tenant_namespace), *_installed(installation)):
        metadata = obj["metadata"]
        if store.get(resource, metadata.get("namespace", ""), metadata["name"]) is None:
            store.put(resource, created(store, BY_PLURAL[resource], obj) if BY_PLURAL[resource].is_custom else obj)


def _objects(pki: Pki, tenant_namespace: str) -> Iterator[tuple[str, JsonObject]]:
    for name in (*_NAMESPACES, tenant_namespace):
        yield "namespaces", _namespace(name, {})
    yield "configmaps", _authentication_config(pki)
    for version in METRICS_VERSIONS:
        yield "apiservices", metrics_api_service(version)
    yield from default_objects(tenant_namespace)


def _installed(installation: Installation) -> Iterator[tuple[str, JsonObject]]:
    metadata = installation.namespace["metadata"]
    yield "namespaces", _namespace(metadata["name"], metadata.get("labels", {}))
    for obj in (installation.service_account, *installation.objects):
        yield BY_KIND[obj["kind"]].plural, obj


def _namespace(name: str, labels: dict[str, str]) -> JsonObject:
    """A namespace with the label and status that the API server adds."""
    labels = {"kubernetes.io/metadata.name": name, **labels}
    return {"metadata": {"name": name, "labels": labels}, "status": {"phase": "Active"}}


def _authentication_config(pki: Pki) -> JsonObject:
    """The authorities and header names with which extension servers authenticate requests of the front proxy.

    kubernetes/pkg/controlplane/controller/clusterauthenticationtrust/cluster_authentication_trust_controller.go.
    """
    return {
        "metadata": {"namespace": "kube-system", "name": AUTHENTICATION_CONFIG},
        "data": {
            "client-ca-file": pki.authority.certificate.decode(),
            "requestheader-client-ca-file": pki.front_proxy_authority.certificate.decode(),
            "requestheader-username-headers": _json(["X-Remote-User"]),
            "requestheader-uid-headers": _json(["X-Remote-Uid"]),
            "requestheader-group-headers": _json(["X-Remote-Group"]),
            "requestheader-extra-headers-prefix": _json(["X-Remote-Extra-"]),
            "requestheader-allowed-names": _json([FRONT_PROXY]),
        },
    }


def _json(names: list[str]) -> str:
    return msgspec.json.encode(names).decode()
