"""Requests and limits per pod and node equal those that the real kubectl computes with Kubernetes' own code."""

import asyncio
import copy
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
import pytest_asyncio

from kubesim.access import pki
from kubesim.access.kubeconfig import kubeconfig
from kubesim.apiserver.apiserver import ApiServer, ServerOptions
from kubesim.store.store import Store
from kubesum.commands.demo.simulation import INSTALLATION
from kubesum.semantics.pods.resizes import ResizeRule, resize_rule
from tests.computation import Computation, JsonObject
from tests.oracle.describenode import Described, described
from tests.oracle.kubectl import kubectl, version
from tests.oracle.podbuilder import DISPUTED, FRACTIONS, ONE_CORE, RESIZING, RESIZING_PODS
from tests.oracle.summaries import Summaries
from tests.oracle.testpods import STEADY_NODES, nodes, pods

NOW = datetime(2026, 9, 21, 14, 13, 20, tzinfo=UTC)


@dataclass(frozen=True)
class Comparison:
    """The results of kubectl and of kubesum for the same objects."""

    kubectl: Mapping[str, Described]
    summaries: Summaries
    without_resizes: Summaries
    """Those of kubesum for the pods without their resizes."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """The results for all test pods; kubesum counts them by the rule of kubectl's version."""
    directory = tmp_path_factory.mktemp("simulated")
    found = pods(NOW)
    text = await _kubectl_describe_nodes(directory, found)
    rule = resize_rule(await version(directory / "kubeconfig"))
    return Comparison(
        {node.name: node for node in described(text)},
        await _summaries(found, rule),
        await _summaries([_without_resize(pod) for pod in found], rule),
    )


async def _kubectl_describe_nodes(directory: Path, found: list[JsonObject]) -> str:
    store, keys = Store(), pki.create(directory, INSTALLATION.service_account)
    store.seed("nodes", nodes())
    store.seed("pods", found)
    server = ApiServer(store, keys, INSTALLATION, ServerOptions())
    path = directory / "kubeconfig"
    path.write_text(json.dumps(kubeconfig(server.url, keys)))
    running = asyncio.create_task(server.run())
    try:
        return await kubectl(path, "describe", "nodes", "--show-events=false")
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


async def _summaries(found: list[JsonObject], rule: ResizeRule) -> Summaries:
    computation = Computation(rule=rule)
    computation.relist("nodes", nodes())
    computation.relist("pods", found)
    rows = await computation.everything()
    return Summaries(
        {name: row["status"] for (_, name), row in rows["nodesummaries"].items()},
        {key: row["status"] for key, row in rows["podsummaries"].items()},
    )


def _without_resize(pod: JsonObject) -> JsonObject:
    pod = copy.deepcopy(pod)
    status = pod["status"]
    for one in (status, *status.get("containerStatuses", ()), *status.get("initContainerStatuses", ())):
        one.pop("resources", None)
        one.pop("allocatedResources", None)
    status["conditions"] = [one for one in status["conditions"] if not one["type"].startswith("PodResize")]
    return pod


@pytest.mark.parametrize("node", [*STEADY_NODES, RESIZING, DISPUTED, FRACTIONS, ONE_CORE])
@pytest.mark.process
def test_every_row_of_describe_node_is_a_pod_summary(comparison: Comparison, node: str) -> None:
    theirs = comparison.kubectl[node].rows

    assert theirs
    assert {key: comparison.summaries.row(key) for key in theirs} == theirs


def test_describe_node_lists_the_active_pods(comparison: Comparison) -> None:
    theirs = {name: node.pods for name, node in comparison.kubectl.items()}

    assert {name: status["pods"]["active"] for name, status in comparison.summaries.nodes.items()} == theirs
    assert {name: len(node.rows) for name, node in comparison.kubectl.items()} == theirs


@pytest.mark.parametrize("node", [*STEADY_NODES, ONE_CORE])
def test_totals_of_describe_node_are_those_of_its_node_summary(comparison: Comparison, node: str) -> None:
    totals = comparison.kubectl[node].totals
    theirs = {name: (requests.amount, limits.amount) for name, (requests, limits) in totals.items()}

    assert {"cpu", "memory", "ephemeral-storage"} <= theirs.keys()
    assert {name: comparison.summaries.total(node, name) for name in theirs} == theirs


@pytest.mark.parametrize("node", STEADY_NODES)
def test_percentages_of_describe_node_are_those_of_its_node_summary(comparison: Comparison, node: str) -> None:
    totals = comparison.kubectl[node].totals
    theirs = {
        name: (requests.percent, limits.percent)
        for name, (requests, limits) in totals.items()
        if requests.percent is not None
    }

    assert {name: comparison.summaries.percents(node, name) for name in theirs} == theirs


def test_totals_of_describe_node_ignore_resizes_that_its_rows_count(comparison: Comparison) -> None:
    totals, rows = comparison.kubectl[RESIZING].totals, comparison.kubectl[RESIZING].rows.values()

    for name in ("cpu", "memory"):
        of_rows = tuple(sum(row[side][name] for row in rows) for side in range(2))
        of_totals = tuple(share.amount for share in totals[name])
        assert comparison.summaries.total(RESIZING, name) == of_rows != of_totals
        assert comparison.without_resizes.total(RESIZING, name) == of_totals


def test_rows_of_describe_node_ignore_pod_level_resizes(comparison: Comparison) -> None:
    """The scheduler counts them: kubectl does not ask for InPlacePodLevelResourcesVerticalScaling."""
    gi = 1 << 30

    assert comparison.kubectl[RESIZING_PODS].rows == {
        ("blue", "pod-grows"): ({"cpu": 300, "memory": gi}, {"cpu": 1000, "memory": 2 * gi}),
        ("blue", "pod-shrinks"): ({"cpu": 300, "memory": gi}, {"cpu": 1000, "memory": 2 * gi}),
        ("blue", "pod-is-infeasible"): ({"cpu": 300, "memory": gi}, {"cpu": 1000, "memory": 2 * gi}),
    }
    assert {key: comparison.summaries.row(key) for key in comparison.kubectl[RESIZING_PODS].rows} == {
        ("blue", "pod-grows"): ({"cpu": 300, "memory": gi}, {"cpu": 1000, "memory": 2 * gi}),
        ("blue", "pod-shrinks"): ({"cpu": 500, "memory": 2 * gi}, {"cpu": 2000, "memory": 4 * gi}),
        ("blue", "pod-is-infeasible"): ({"cpu": 250, "memory": gi}, {"cpu": 500, "memory": gi}),
    }


def test_kubectl_loses_a_percent_to_float_rounding(comparison: Comparison) -> None:
    """290m of 1 and 570m of 1: 0.29 * 100 is a little less than 29 in binary."""
    requests, limits = comparison.kubectl[ONE_CORE].totals["cpu"]

    assert (requests.percent, limits.percent) == (28, 56)
    assert comparison.summaries.percents(ONE_CORE, "cpu") == (29, 57)


def test_kubectl_adds_up_fractions_of_a_byte_that_kubesum_rounds_up_per_pod(comparison: Comparison) -> None:
    """Two pods of 1000500m bytes; the scheduler rounds up for each, too."""
    requests, _ = comparison.kubectl[FRACTIONS].totals["memory"]

    assert requests.amount == 2001
    assert comparison.summaries.total(FRACTIONS, "memory") == (2002, 0)


def test_only_kubesum_shows_requests_of_resources_that_are_not_allocatable(comparison: Comparison) -> None:
    assert "example.org/fpga" not in comparison.kubectl["steady-0"].totals
    assert comparison.summaries.total("steady-0", "example.org/fpga") == (1, 1)
