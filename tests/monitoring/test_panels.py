"""What the dashboard of the cluster shows is what the API has, and the API lets those read it who are to."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import pytest
import pytest_asyncio

from deploy.monitoring.infinitydashboard import infinity_dashboard
from kubesum.server.runtime import Limits
from kubesum.vocabulary.defaults import ROLLUP_METRICS
from kubesum.vocabulary.quantity import nanos
from tests.commands.running import ROOT
from tests.monitoring.expressions import OF_CLUSTER
from tests.monitoring.promql import Vector, evaluated
from tests.monitoring.scraping import scrape
from tests.serving.runningserver import RunningServer, V, eventually, running_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

Status = Mapping[str, Any]

# By panel and query, the path of what it shows below the status of the one ClusterSummary; two of them are a share.
OF_THE_CLUSTER: Mapping[str, Sequence[str]] = {
    "Nodes ready A": ["nodes.ready"],
    "Pods active A": ["pods.active"],
    "Pods unhealthy A": ["unhealthy"],
    "Pods pending A": ["pods.unscheduled"],
    "CPU requested A": ["requests.cpu", "allocatable.cpu"],
    "Memory requested A": ["requests.memory", "allocatable.memory"],
    "CPU used A": ["usage.cpu", "allocatable.cpu"],
    "Memory used A": ["usage.memory", "allocatable.memory"],
    "CPU A": ["allocatable.cpu"],
    "CPU B": ["requests.cpu"],
    "CPU C": ["limits.cpu"],
    "CPU D": ["usage.cpu"],
    "Memory A": ["allocatable.memory"],
    "Memory B": ["requests.memory"],
    "Memory C": ["limits.memory"],
    "Memory D": ["usage.memory"],
    "CPU that fits A": ["free.cpu"],
    "CPU that fits B": ["largestNodeFree.cpu"],
    "Memory that fits A": ["free.memory"],
    "Memory that fits B": ["largestNodeFree.memory"],
}
OF_EACH_NODE: Mapping[str, Sequence[str]] = {
    "Nodes A": ["requests.cpu", "allocatable.cpu"],
    "Nodes B": ["usage.cpu", "allocatable.cpu"],
    "Nodes C": ["requests.memory", "allocatable.memory"],
    "Nodes D": ["usage.memory", "allocatable.memory"],
    "Nodes E": ["pods.active"],
    "Nodes F": ["pods.notReady"],
}
OF_EACH_NAMESPACE: Mapping[str, Sequence[str]] = {
    "Namespaces A": ["requests.cpu"],
    "Namespaces B": ["usage.cpu"],
    "Namespaces C": ["requests.memory"],
    "Namespaces D": ["usage.memory"],
    "Namespaces E": ["pods.active"],
    "Namespaces F": ["pods.unscheduled"],
    "Namespaces G": ["workloads.degraded"],
}
BY_STATE = {"Pods by state A": "pods", "Workloads by health A": "workloads"}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningServer]:
    """A server of a cluster in which nothing happens, with usage."""
    limits = Limits(rollup_metrics=tuple(ROLLUP_METRICS.values()))
    async with running_server(tmp_path_factory.mktemp("panels"), limits) as server:

        async def has_usage() -> bool:
            return b"kubesum_cluster_usage{" in await metrics(server)

        await eventually(has_usage)
        yield server


async def metrics(server: RunningServer) -> bytes:
    return (await server.forwarded("/metrics", "root", "system:masters")).body


async def statuses(server: RunningServer, plural: str) -> dict[str, Status]:
    """The statuses of a list, by name."""
    listed = (await server.forwarded(f"{V}/{plural}", "root", "system:masters")).json
    return {one["metadata"]["name"]: one["status"] for one in listed["items"]}


def number(status: Status, paths: Sequence[str]) -> float | None:
    """The value at a path, or the quotient of two; None where there is none."""
    found: list[float] = []
    for path in paths:
        value: Any = status
        for name in path.split("."):
            value = value.get(name, {})
        if value == {}:
            return None
        found.append(nanos(value) / 1e9)
    return found[0] if len(found) == 1 else found[0] / found[1]


def each(label: str, all_of: Mapping[str, Status], paths: Sequence[str]) -> Vector:
    """The same of each status, labelled with its name."""
    numbers = {name: number(status, paths) for name, status in all_of.items()}
    return {frozenset({(label, name)}): value for name, value in numbers.items() if value is not None}


async def test_each_panel_shows_what_the_api_has(server: RunningServer) -> None:
    cluster = (await statuses(server, "clustersummaries"))["cluster"]
    nodes, namespaces = await statuses(server, "nodesummaries"), await statuses(server, "namespacesummaries")
    scraped = scrape((await metrics(server)).decode(), 0.0)

    shown = {where.partition(": ")[2]: evaluated(expression, scraped) for where, expression in OF_CLUSTER}

    pending = {reason["reason"]: reason["count"] for reason in cluster["pendingReasons"]}
    expected = {
        "Pods pending by reason A": {frozenset({("reason", name)}): count for name, count in pending.items()},
        **{title: {frozenset(): number(cluster, paths)} for title, paths in OF_THE_CLUSTER.items()},
        **{title: each("node", nodes, paths) for title, paths in OF_EACH_NODE.items()},
        **{title: each("namespace", namespaces, paths) for title, paths in OF_EACH_NAMESPACE.items()},
        **{
            title: {frozenset({("state", state)}): count for state, count in cluster[of].items() if state != "total"}
            for title, of in BY_STATE.items()
        },
    }
    assert {title for title in shown if shown[title] != pytest.approx(expected[title])} == set()
    assert shown.keys() == expected.keys()


async def test_the_account_of_infinity_may_read_its_panels(server: RunningServer) -> None:
    """It has the ClusterRoles that the documentation binds it to."""
    roles = re.findall(r"--clusterrole=(\S+)", (ROOT / "docs" / "dashboards.md").read_text())
    paths = [panel["targets"][0]["url"] for panel in infinity_dashboard()["panels"]]
    account = "system:serviceaccount:kubesum-system:grafana"

    for role in roles:
        server.store.put(
            "clusterrolebindings",
            {
                "metadata": {"name": role},
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
                "subjects": [{"kind": "ServiceAccount", "namespace": "kubesum-system", "name": "grafana"}],
            },
        )

    assert {(await server.forwarded(path, f"{account}-without-roles")).code for path in paths} == {403}
    assert {(await server.forwarded(path, account)).code for path in paths} == {200}
