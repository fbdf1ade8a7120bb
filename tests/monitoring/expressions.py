"""The expressions of dashboards and alerts, each with where it stands."""

from collections.abc import Iterator

from deploy.monitoring.alerts import ALERTS
from deploy.monitoring.clusterdashboard import cluster_dashboard
from deploy.monitoring.panels import JsonObject
from deploy.monitoring.serverdashboard import server_dashboard

Placed = tuple[str, str]


def _of(dashboard: JsonObject) -> Iterator[Placed]:
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield f"{dashboard['title']}: {panel['title']} {target['refId']}", target["expr"]


OF_CLUSTER = list(_of(cluster_dashboard()))
OF_SERVER = list(_of(server_dashboard()))
OF_ALERTS = [(alert.name, alert.expr) for alert in ALERTS]
EVERY = [*OF_CLUSTER, *OF_SERVER, *OF_ALERTS]
