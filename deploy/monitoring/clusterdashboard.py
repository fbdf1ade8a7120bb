"""The dashboard of the cluster, from the gauges of `--rollup-metrics`.

Each replica exports all gauges, so that every expression takes the largest of the equal ones.
"""

from typing import Final

from deploy.monitoring.panels import (
    PROMETHEUS,
    JsonObject,
    Query,
    TableColumn,
    dashboard,
    series,
    source_variable,
    stat,
    table,
)

UID: Final = "kubesum-cluster"

_GOOD_IF_ZERO: Final = (("green", None), ("orange", 1.0), ("red", 10.0))
_FULL: Final = (("green", None), ("orange", 0.8), ("red", 0.95))


def cluster(metric: str, labels: str) -> str:
    """A gauge of the cluster."""
    return f"max(kubesum_cluster_{metric}{{{labels}}})"


def by(label: str, metric: str, labels: str = "") -> str:
    """A gauge by one of its labels."""
    return f"max by ({label}) (kubesum_{metric}{{{labels}}})"


def share(part: str, resource: str) -> str:
    """How much of what is allocatable is requested, used and so on."""
    labels = f'resource="{resource}"'
    return f"{cluster(part, labels)} / {cluster('allocatable', labels)}"


def node_share(part: str, resource: str) -> str:
    """The same for each node."""
    labels = f'resource="{resource}"'
    return f"{by('node', f'node_{part}', labels)} / {by('node', 'node_allocatable', labels)}"


def amounts(resource: str) -> list[Query]:
    """What there is of a resource, and what is requested, limited and used."""
    labels = f'resource="{resource}"'
    return [Query(cluster(part, labels), part) for part in ("allocatable", "requests", "limits", "usage")]


def cluster_dashboard() -> JsonObject:
    """The dashboard."""
    stats = [
        stat("Nodes ready", "Nodes whose condition Ready is True.", Query(cluster("nodes", 'state="ready"'))),
        stat("Pods active", "Pods that neither succeeded nor failed.", Query(cluster("pods", 'state="active"'))),
        stat(
            "Pods unhealthy", "Pods that are not healthy.", Query(cluster("unhealthy_pods", "")), steps=_GOOD_IF_ZERO
        ),
        stat(
            "Pods pending",
            "Active pods that are assigned to no node yet.",
            Query(cluster("pods", 'state="unscheduled"')),
            steps=_GOOD_IF_ZERO,
        ),
        *(
            stat(
                f"{name} {'requested' if part == 'requests' else 'used'}",
                f"{part.title()} of what is allocatable.",
                Query(share(part, name.lower())),
                "percentunit",
                _FULL,
            )
            for part in ("requests", "usage")
            for name in ("CPU", "Memory")
        ),
    ]
    panels = [
        *(panel.one_of(len(stats)) for panel in stats),
        series("CPU", "Cores of all nodes.", amounts("cpu")),
        series("Memory", "Bytes of all nodes.", amounts("memory"), "bytes"),
        series(
            "Pods by state",
            "A pod may be in several states.",
            [Query(by("state", "cluster_pods", 'state!="total"'), "{{state}}")],
        ).one_of(3),
        series(
            "Pods pending by reason",
            "Why pods are not scheduled.",
            [Query(by("reason", "cluster_pending_pods"), "{{reason}}")],
            stacked=True,
        ).one_of(3),
        series(
            "Workloads by health",
            "Workloads by health.",
            [Query(by("state", "cluster_workloads", 'state!="total"'), "{{state}}")],
            stacked=True,
        ).one_of(3),
        series(
            "CPU that fits",
            "Cores not requested: on all nodes that take pods, and on the emptiest one, above which no pod fits.",
            [
                Query(cluster("free", 'resource="cpu"'), "free"),
                Query(cluster("largest_node_free", 'resource="cpu"'), "on one node"),
            ],
        ),
        series(
            "Memory that fits",
            "Bytes not requested: on all nodes that take pods, and on the emptiest one, above which no pod fits.",
            [
                Query(cluster("free", 'resource="memory"'), "free"),
                Query(cluster("largest_node_free", 'resource="memory"'), "on one node"),
            ],
            "bytes",
        ),
        table(
            "Nodes",
            "Shares of what is allocatable.",
            "node",
            [
                TableColumn("CPU requested", node_share("requests", "cpu"), "percentunit", is_gauge=True),
                TableColumn("CPU used", node_share("usage", "cpu"), "percentunit", is_gauge=True),
                TableColumn("Memory requested", node_share("requests", "memory"), "percentunit", is_gauge=True),
                TableColumn("Memory used", node_share("usage", "memory"), "percentunit", is_gauge=True),
                TableColumn("Pods", by("node", "node_pods", 'state="active"')),
                TableColumn("Not ready", by("node", "node_pods", 'state="notReady"')),
            ],
        ),
        table(
            "Namespaces",
            "Requests and usage of active pods.",
            "namespace",
            [
                TableColumn("CPU requested", by("namespace", "namespace_requests", 'resource="cpu"')),
                TableColumn("CPU used", by("namespace", "namespace_usage", 'resource="cpu"')),
                TableColumn("Memory requested", by("namespace", "namespace_requests", 'resource="memory"'), "bytes"),
                TableColumn("Memory used", by("namespace", "namespace_usage", 'resource="memory"'), "bytes"),
                TableColumn("Pods", by("namespace", "namespace_pods", 'state="active"')),
                TableColumn("Pending", by("namespace", "namespace_pods", 'state="unscheduled"')),
                TableColumn("Degraded workloads", by("namespace", "namespace_workloads", 'state="degraded"')),
            ],
        ),
    ]
    return dashboard(
        UID,
        "kubesum / Cluster",
        "How full the cluster is, and what is wrong in it; needs --rollup-metrics=cluster,namespaces,nodes.",
        [source_variable(PROMETHEUS)],
        panels,
    )
