"""The cluster straight from the API, without Prometheus: tables of the Infinity data source.

grafana.com/grafana/plugins/yesoreyeram-infinity-datasource. The data source has the URL of the API server and the
token of a ServiceAccount that may read summaries; Grafana's server sends the requests.
"""

from collections.abc import Sequence
from typing import Final

from deploy.monitoring.panels import INFINITY, WIDTH, JsonObject, Panel, dashboard, source_variable

UID: Final = "kubesum-api"
API: Final = "/apis/summary.kubesum.dev/v1alpha1"

Column = tuple[str, str, str]
"""JSON path below an item, name, and type: string, number or timestamp."""

NODES: Final[Sequence[Column]] = (
    ("metadata.name", "Node", "string"),
    ("status.reason", "Status", "string"),
    ("status.pods.active", "Pods", "number"),
    ("status.pods.notReady", "Not ready", "number"),
    ("status.requests.cpu", "CPU requested", "string"),
    ("status.requestsPercent.cpu", "CPU %", "number"),
    ("status.requests.memory", "Memory requested", "string"),
    ("status.requestsPercent.memory", "Memory %", "number"),
)
NAMESPACES: Final[Sequence[Column]] = (
    ("metadata.name", "Namespace", "string"),
    ("status.pods.active", "Pods", "number"),
    ("status.pods.unscheduled", "Pending", "number"),
    ("status.workloads.degraded", "Degraded workloads", "number"),
    ("status.requests.cpu", "CPU requested", "string"),
    ("status.requests.memory", "Memory requested", "string"),
)
WORKLOADS: Final[Sequence[Column]] = (
    ("metadata.namespace", "Namespace", "string"),
    ("metadata.name", "Workload", "string"),
    ("status.health", "Health", "string"),
    ("status.replicas.desired", "Desired", "number"),
    ("status.replicas.ready", "Ready", "number"),
    ("status.requests.cpu", "CPU requested", "string"),
    ("status.requests.memory", "Memory requested", "string"),
)
UNHEALTHY: Final[Sequence[Column]] = (
    ("metadata.namespace", "Namespace", "string"),
    ("metadata.name", "Pod", "string"),
    ("status.reason", "Reason", "string"),
    ("status.restarts", "Restarts", "number"),
    ("status.nodeName", "Node", "string"),
)


def infinity(title: str, help_: str, path: str, columns: Sequence[Column], height: int = 10) -> Panel:
    """A table of the items of a list."""
    target = {
        "refId": "A",
        "datasource": INFINITY,
        "type": "json",
        "source": "url",
        "format": "table",
        "parser": "backend",
        "url": path,
        "url_options": {"method": "GET", "data": ""},
        "root_selector": "items",
        "columns": [{"selector": selector, "text": name, "type": kind} for selector, name, kind in columns],
    }
    body: JsonObject = {
        "type": "table",
        "title": title,
        "description": help_,
        "datasource": INFINITY,
        "targets": [target],
        "fieldConfig": {"defaults": {}, "overrides": []},
        "options": {"showHeader": True},
    }
    return Panel(body, WIDTH, height)


def infinity_dashboard() -> JsonObject:
    """The dashboard."""
    panels = [
        infinity("Nodes", "How full each node is.", f"{API}/nodesummaries", NODES),
        infinity("Namespaces", "What each namespace requests.", f"{API}/namespacesummaries", NAMESPACES),
        infinity(
            "Degraded workloads",
            "Workloads that failed or do not recover by themselves.",
            f"{API}/workloadsummaries?fieldSelector=status.health%3DDegraded",
            WORKLOADS,
        ),
        infinity(
            "Unhealthy pods",
            "Pods that are not healthy, and why.",
            f"{API}/podsummaries?fieldSelector=status.healthy%3Dfalse",
            UNHEALTHY,
        ),
    ]
    return dashboard(
        UID,
        "kubesum / Cluster from the API",
        "The summaries as they are served, without Prometheus; needs the Infinity data source.",
        [source_variable(INFINITY)],
        panels,
    )
