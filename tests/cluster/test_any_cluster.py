"""kubectl against kubesum as the chart installs it: on our own control plane, or on any cluster that is named."""

import json
from pathlib import Path

import pytest

from tests.cluster.installation import API_SERVICE, NAMESPACE, eventually, refused
from tests.oracle.kubectl import kubectl

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

V = "/apis/summary.kubesum.dev/v1alpha1"
KINDS = {
    "clusterimagesummaries": ("cimgsum", "ClusterImageSummary", "false"),
    "clustersummaries": ("clsum", "ClusterSummary", "false"),
    "imagesummaries": ("imgsum", "ImageSummary", "true"),
    "namespacesummaries": ("nssum", "NamespaceSummary", "true"),
    "nodesummaries": ("nosum", "NodeSummary", "false"),
    "podsummaries": ("posum", "PodSummary", "true"),
    "workloadsummaries": ("wlsum", "WorkloadSummary", "true"),
}


async def a_node(cluster: Path) -> str:
    """The name of some node."""
    return (await kubectl(cluster, "get", "nodes", "-o", "jsonpath={.items[0].metadata.name}")).strip()


async def test_the_api_server_verifies_our_certificate(cluster: Path) -> None:
    """[P28]: since 1.36 the probe verifies it, as every request always did."""
    spec = json.loads(await kubectl(cluster, "get", "apiservice", API_SERVICE, "-o", "json"))["spec"]

    assert "insecureSkipTLSVerify" not in spec
    assert spec["caBundle"]


async def test_every_kind_is_discovered(cluster: Path) -> None:
    printed = await kubectl(cluster, "api-resources", "--api-group=summary.kubesum.dev", "--no-headers")

    assert [line.split() for line in printed.splitlines()] == [
        [plural, short, "summary.kubesum.dev/v1alpha1", namespaced, kind]
        for plural, (short, kind, namespaced) in KINDS.items()
    ]


@pytest.mark.parametrize("plural", KINDS)
async def test_every_kind_is_listed(cluster: Path, plural: str) -> None:
    listed = json.loads(await kubectl(cluster, "get", plural, "-A", "-o", "json"))

    assert listed["items"]
    assert {item["kind"] for item in listed["items"]} == {KINDS[plural][1]}


async def test_nodes_are_a_table(cluster: Path) -> None:
    narrow = (await kubectl(cluster, "get", "nosum")).splitlines()
    wide = (await kubectl(cluster, "get", "nosum", "-o", "wide", "--show-labels")).splitlines()

    assert narrow[0].split()[:5] == ["NAME", "STATUS", "ROLES", "PODS", "CPU-REQ"]
    assert len(narrow) == len(wide) > 1
    assert wide[0].split()[-2:] == ["VERSION", "LABELS"]


async def test_several_kinds_and_categories_at_once(cluster: Path) -> None:
    printed = await kubectl(cluster, "get", "summaries", "-A", "-o", "name")

    assert {line.partition("/")[0] for line in printed.splitlines()} == {
        f"{kind.lower()}.summary.kubesum.dev" for _, kind, _ in KINDS.values()
    }


async def test_rows_are_sorted_selected_and_paged(cluster: Path) -> None:
    columns = ("--no-headers", "-o", "custom-columns=NAME:.metadata.name")
    every = (await kubectl(cluster, "get", "posum", "-A", *columns)).split()

    paged = (await kubectl(cluster, "get", "posum", "-A", "--chunk-size=7", *columns)).split()
    selected = await kubectl(cluster, "get", "posum", "-A", "--field-selector=status.reason=Running", *columns)
    restarts = await kubectl(cluster, "get", "posum", "-A", "--sort-by=.status.restarts", "-o", "json")

    assert paged == every
    assert 0 < len(selected.split()) < len(every)
    counts = [item["status"]["restarts"] for item in json.loads(restarts)["items"]]
    assert counts == sorted(counts)


async def test_one_object_is_got_and_described(cluster: Path) -> None:
    name = await a_node(cluster)

    got = json.loads(await kubectl(cluster, "get", "nosum", name, "-o", "json"))
    described = await kubectl(cluster, "describe", "nosum", name)
    raw = json.loads(await kubectl(cluster, "get", "--raw", f"{V}/nodesummaries/{name}"))

    assert got["metadata"]["name"] == name
    assert f"Name:         {name}" in described
    assert raw["status"] == got["status"]


@pytest.mark.parametrize("output", ["plaintext", "plaintext-openapiv2"])
async def test_fields_are_explained(cluster: Path, output: str) -> None:
    """kube-apiserver merges our documents into its own, within a minute."""

    async def explained() -> bool:
        try:
            printed = await kubectl(cluster, "explain", "nosum.status.requests", f"--output={output}")
        except AssertionError:
            return False
        return "Sum of the effective requests" in printed

    await eventually(explained, 90)


async def test_nothing_can_be_written(cluster: Path) -> None:
    name = await a_node(cluster)

    assert await refused(cluster, "delete", "nosum", name) == (
        "Error from server (MethodNotAllowed): the server does not allow this method on the requested resource\n"
    )


async def test_an_unknown_object_is_not_found(cluster: Path) -> None:
    assert await refused(cluster, "get", "nosum", "nowhere") == (
        'Error from server (NotFound): nodesummaries.summary.kubesum.dev "nowhere" not found\n'
    )


async def test_the_service_account_may_no_more_than_it_needs(cluster: Path) -> None:
    as_kubesum = f"--as=system:serviceaccount:{NAMESPACE}:kubesum"

    secrets = await refused(cluster, "get", "secrets", "-n", NAMESPACE, as_kubesum)
    other = await refused(cluster, "get", "secret", "other", "-n", NAMESPACE, as_kubesum)
    pods = await refused(cluster, "delete", "pods", "--all", "-n", "blue", as_kubesum)

    assert all("Forbidden" in told for told in (secrets, other, pods))


async def test_namespaces_are_deleted_with_our_group_present(cluster: Path) -> None:
    """[P29]: deletion walks through all that is discovered."""
    await kubectl(cluster, "create", "namespace", "short-lived")
    await kubectl(cluster, "create", "configmap", "content", "-n", "short-lived")

    assert await kubectl(cluster, "delete", "namespace", "short-lived", "--timeout=60s") == (
        'namespace "short-lived" deleted\n'
    )
