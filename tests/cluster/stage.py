"""Plays the scheduler, the kubelets and the users that a control plane without nodes lacks."""

from collections.abc import Iterable

from tests.cluster.controlplane import Client
from tests.computation import JsonObject, key_of

_SERVER_SETS = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds")


def enact(client: Client, nodes: Iterable[JsonObject], pods: Iterable[JsonObject]) -> None:
    """Brings nodes and pods into the state that they show, through the API; raises Refused."""
    for node in nodes:
        _with_status(client, "/api/v1/nodes", "Node", node)
    pods = list(pods)
    for namespace in sorted({pod["metadata"]["namespace"] for pod in pods}):
        body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}}
        client.create("/api/v1/namespaces", body)
    for pod in pods:
        enact_pod(client, pod)


def unowned(pods: Iterable[JsonObject]) -> list[JsonObject]:
    """Those that nobody owns: where the garbage collector works, it removes pods whose owners do not exist."""
    return [pod for pod in pods if "ownerReferences" not in pod["metadata"]]


def enact_pod(client: Client, pod: JsonObject) -> None:
    """Creates one pod, reports its status, and deletes it if it is to be seen while it goes."""
    _with_status(client, f"/api/v1/namespaces/{pod['metadata']['namespace']}/pods", "Pod", pod)
    if "deletionTimestamp" in pod["metadata"]:
        client.delete(_path(pod))


def report(client: Client, pod: JsonObject) -> None:
    """Reports the status of a pod that exists, as a kubelet does."""
    path = _path(pod)
    client.update(f"{path}/status", {**client.get(path), "status": pod["status"]})


def remove(client: Client, pod: JsonObject) -> None:
    """Removes a pod at once."""
    client.delete(f"{_path(pod)}?gracePeriodSeconds=0")


def _path(pod: JsonObject) -> str:
    namespace, name = key_of(pod)
    return f"/api/v1/namespaces/{namespace}/pods/{name}"


def _with_status(client: Client, collection: str, kind: str, obj: JsonObject) -> None:
    metadata = {name: value for name, value in obj["metadata"].items() if name not in _SERVER_SETS}
    created = client.create(collection, {"apiVersion": "v1", "kind": kind, "metadata": metadata, "spec": obj["spec"]})
    # What the server says of a new pod, such as its class, stays unless a kubelet says otherwise.
    status = created.get("status", {}) | obj["status"]
    client.update(f"{collection}/{metadata['name']}/status", {**created, "status": status})
