"""Kubeconfigs of the simulated cluster, to be encoded as JSON or YAML."""

from base64 import b64encode
from typing import Final

from kubesim.access.authentication import TENANT_NAMESPACE
from kubesim.access.pki import Pki
from kubesim.store.store import JsonObject

CLUSTER: Final = "kubesum-demo"


def kubeconfig(url: str, pki: Pki, context: str = "admin") -> JsonObject:
    """A kubeconfig with a context for each user of `pki.people`; it contains their private keys."""
    users = [
        {
            "name": name,
            "user": {
                "client-certificate-data": _base64(pair.certificate),
                "client-key-data": _base64(pair.key),
            },
        }
        for name, pair in pki.people.items()
    ]
    return _config(url, pki, users, context)


def service_kubeconfig(url: str, pki: Pki) -> JsonObject:
    """A kubeconfig of the extension server's ServiceAccount, with its bearer token; the context has its name."""
    name = pki.service_account.name.rpartition(":")[2]
    return _config(url, pki, [{"name": name, "user": {"token": pki.service_token}}], name)


def _config(url: str, pki: Pki, users: list[JsonObject], current: str) -> JsonObject:
    cluster = {"server": url, "certificate-authority-data": _base64(pki.authority.certificate)}
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": CLUSTER, "cluster": cluster}],
        "users": users,
        "contexts": [{"name": user["name"], "context": _context(user["name"])} for user in users],
        "current-context": current,
    }


def _context(user: str) -> JsonObject:
    # The tenant may list nothing in other namespaces.
    namespace = {"namespace": TENANT_NAMESPACE} if user == "tenant" else {}
    return {"cluster": CLUSTER, "user": user, **namespace}


def _base64(content: bytes) -> str:
    return b64encode(content).decode()
