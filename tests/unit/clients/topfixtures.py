"""Fixtures of the tests of top: objects as kubesum serves them, and browsers of them without a server."""

import asyncio
from collections.abc import Iterable
from typing import Any

import msgspec

from kubesum.clients.model.browser import Browser, Connection
from kubesum.clients.model.informer import Informer
from kubesum.clients.model.table import Table
from kubesum.clients.model.views import BY_NAME, CLUSTER, Scope
from kubesum.kube.decoding import Decoder
from kubesum.kube.deltas import Deltas, ListStarted, Synced

NOW = 1_800_000_000.0
"""2027-01-15T08:00:00Z."""
DAY_BEFORE = "2027-01-14T08:00:00Z"
MONTH_BEFORE = "2026-12-16T08:00:00Z"
CONNECTION = Connection("shop", "https://127.0.0.1:6443")


def metadata(name: str, namespace: str = "", created: str | None = MONTH_BEFORE) -> dict[str, Any]:
    """The metadata of an object."""
    return {
        "name": name,
        "namespace": namespace,
        "resourceVersion": "7",
        "creationTimestamp": created,
        "labels": {"app": name},
    }


def node(name: str, cpu: int = 50, memory: int = 40, **status: Any) -> dict[str, Any]:
    """A ready node of 4 cpus and 16 GiB, so much of it requested in percent."""
    return {
        "metadata": metadata(name),
        "status": {
            "ready": "True",
            "roles": ["worker"],
            "kubeletVersion": "v1.36.1",
            "allocatable": {"cpu": "4", "memory": "16Gi", "pods": "110"},
            "requests": {"cpu": f"{cpu * 40}m", "memory": "1Gi"},
            "requestsPercent": {"cpu": cpu, "memory": memory},
            "pods": {"total": 9, "active": 8, "ready": 7, "notReady": 1},
            "restarts": 3,
            **status,
        },
    }


def namespace(name: str, **status: Any) -> dict[str, Any]:
    """A namespace of two pods."""
    return {
        "metadata": metadata(name, name),
        "status": {
            "phase": "Active",
            "pods": {"total": 2, "active": 2, "ready": 1},
            "workloads": {"total": 2, "healthy": 1, "degraded": 1},
            "requests": {"cpu": "1500m", "memory": "1840Mi"},
            "restarts": 4,
            **status,
        },
    }


def workload(name: str, namespace: str = "payments", health: str = "Healthy", **status: Any) -> dict[str, Any]:
    """A Deployment of two pods."""
    return {
        "metadata": metadata(f"deployment.{name}", namespace),
        "status": {
            "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name, "uid": "1"},
            "health": health,
            "replicas": {"desired": 2, "ready": 2, "updated": 2},
            "pods": {"total": 2, "active": 2, "ready": 2},
            "requests": {"cpu": "500m", "memory": "256Mi"},
            "nodes": 2,
            **status,
        },
    }


def pod(name: str, namespace: str = "payments", reason: str = "Running", **status: Any) -> dict[str, Any]:
    """A healthy pod of the Deployment ledger on the node worker-1."""
    return {
        "metadata": metadata(name, namespace, DAY_BEFORE),
        "status": {
            "phase": "Running",
            "reason": reason,
            "reasonClass": reason.partition(":")[0],
            "healthy": True,
            "readyContainers": 1,
            "totalContainers": 1,
            "nodeName": "worker-1",
            "workloadRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "ledger", "uid": "1"},
            "requests": {"cpu": "250m", "memory": "128Mi"},
            **status,
        },
    }


def image(repository: str, tag: str = "v1", namespace: str = "", **status: Any) -> dict[str, Any]:
    """An image that three pods use."""
    return {
        "metadata": metadata(repository.replace("/", "-"), namespace, None),
        "status": {
            "repository": repository,
            "tag": tag,
            "pods": 3,
            "workloads": 2,
            "namespaces": 1,
            "nodes": 2,
            **status,
        },
    }


def cluster(**status: Any) -> dict[str, Any]:
    """The summary of a cluster of three nodes."""
    return {
        "metadata": metadata("cluster"),
        "status": {
            "nodes": {"total": 3, "ready": 2, "unschedulable": 1},
            "allocatable": {"cpu": "12", "memory": "48Gi", "nvidia.com/gpu": "8"},
            "requests": {"cpu": "6", "memory": "12Gi", "nvidia.com/gpu": "5"},
            "requestsPercent": {"cpu": 50, "memory": 25},
            "limitsPercent": {"cpu": 150, "memory": 75},
            "pods": {"total": 40, "active": 38, "unscheduled": 2},
            "unhealthy": 3,
            "workloads": {"total": 9, "degraded": 1},
            "conditions": [{"type": "Synced", "status": "True", "message": "all kinds are listed and watched"}],
            **status,
        },
    }


def list_once(informer: Informer, *objects: dict[str, Any]) -> Informer:
    """The informer after an initial list of these objects."""
    informer.apply(ListStarted())
    changed(informer, *objects)
    informer.apply(Synced())
    return informer


def changed(informer: Informer, *objects: dict[str, Any]) -> None:
    """Applies watch events of these objects, decoded as those of a server."""
    raw = [msgspec.Raw(msgspec.json.encode(one)) for one in objects]
    informer.apply(Deltas(Decoder(informer.scope.watched).objects(raw)))


def synced(scope: Scope, *objects: dict[str, Any]) -> Informer:
    """An informer that has listed these objects."""
    return list_once(Informer(scope, lambda: NOW, asyncio.Event()), *objects)


def arranged(view: str, *objects: dict[str, Any]) -> Table:
    """A table of these objects, as a view arranges them over all namespaces."""
    table = Table(synced(Scope(BY_NAME[view]), *objects))
    table.arrange()
    return table


class Informers:
    """Replaces what runs informers: records which ones run."""

    def __init__(self) -> None:
        self.open: list[Informer] = []

    def start(self, informer: Informer) -> Any:
        """Starts an informer; returns what stops it."""
        self.open.append(informer)
        return lambda: self.open.remove(informer)

    @property
    def scopes(self) -> list[tuple[str, str, dict[str, str]]]:
        """(plural, namespace, selectors) of the running informers, without the ClusterSummary's."""
        kinds = [informer.scope.watched for informer in self.open if informer.scope is not CLUSTER]
        return [(kind.resource, kind.namespace, dict(kind.selectors)) for kind in kinds]


def browsing(
    view: str, *objects: dict[str, Any], namespace: str = "", label_selector: str = ""
) -> tuple[Browser, Informers]:
    """A browser that shows these objects, and the informers that it runs."""
    informers = Informers()
    browser = Browser(Scope(BY_NAME[view], namespace, label_selector), CONNECTION, informers.start, lambda: NOW)
    list_once(browser.table.informer, *objects)
    browser.table.arrange()
    return browser, informers


def names(rows: Iterable[Any]) -> list[str]:
    """The names of objects."""
    return [row.metadata.name for row in rows]
