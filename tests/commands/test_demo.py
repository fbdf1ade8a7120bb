"""`kubesum demo` and the real kubectl."""

import asyncio
import json
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from tests.commands.running import Output, Ready, kubesum, output, permissions, ready
from tests.hanging import HANGS_AFTER_S

pytestmark = pytest.mark.asyncio(loop_scope="module")


STILL = ("--nodes", "8", "--pods", "80", "--seed", "3", "--churn", "0")
BUSY = ("--nodes", "8", "--pods", "80", "--seed", "3", "--churn", "50")

NODES = ["cp-01", "cp-02", "cp-03", "data-a-07", "gpu-c-06", "worker-a-04", "worker-b-05", "worker-b-08"]

COLUMNS = {
    "nosum": "NAME STATUS ROLES PODS CPU-REQ CPU% MEM-REQ MEM% CPU-USE MEM-USE GPU AGE",
    "nssum": "NAMESPACE NAME PODS WORKLOADS CPU-REQ MEM-REQ CPU-USE MEM-USE CPU-LIM MEM-LIM RESTARTS AGE",
    "wlsum": "NAMESPACE NAME KIND READY HEALTH RESTARTS CPU-REQ MEM-REQ CPU-USE MEM-USE AGE",
    "posum": "NAMESPACE NAME READY STATUS RESTARTS CPU-REQ MEM-REQ CPU-USE MEM-USE WORKLOAD AGE",
    "imgsum": "NAMESPACE NAME REPOSITORY TAG PODS WORKLOADS NAMESPACES NODES PULL-FAIL",
    "cimgsum": "NAME REPOSITORY TAG PODS WORKLOADS NAMESPACES NODES PULL-FAIL",
    "clsum": "NAME NODES PODS CPU-REQ CPU% MEM-REQ MEM% CPU-USE MEM-USE GPU PENDING UNHEALTHY",
}

WIDE_COLUMNS = "CPU-LIM CPU-LIM% MEM-LIM MEM-LIM% CPU-FREE MEM-FREE EPHEMERAL-REQ NOT-READY RESTARTS TAINTS VERSION"

WAITING_POD = """
apiVersion: v1
kind: Pod
metadata: {name: newcomer, namespace: empty}
spec:
  schedulerName: nobody
  containers:
  - {name: main, image: "shop:1", resources: {requests: {cpu: 250m, memory: 64Mi}}}
"""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    """A demo whose cluster does not change."""
    home = tmp_path_factory.mktemp("demo")
    async with ready(home, "demo", *STILL, "--kubeconfig-out", str(home / "demo.kubeconfig")) as demo:
        yield demo


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def busy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    """A demo whose cluster changes fast."""
    async with ready(tmp_path_factory.mktemp("busy"), "demo", *BUSY) as demo:
        yield demo


def failure(reason: str, sentence: str) -> Output:
    """What kubectl prints for an error response."""
    return Output(1, "", f"Error from server ({reason}): {sentence}\n")


async def test_a_line_for_kubectl_and_one_for_top_are_all_that_is_printed(tmp_path: Path) -> None:
    kept = tmp_path / "demo.kubeconfig"

    async with kubesum(tmp_path, "demo", *STILL, "--kubeconfig-out", str(kept)) as demo:
        line = await demo.ready_line()
        rest = await demo.stopped(signal.SIGINT)

    assert line == f"ready: kubectl --kubeconfig {kept} get summaries -A"
    assert rest == Output(0, f"live: kubesum top --kubeconfig {kept}\n", "")
    assert permissions(kept) == 0o600


async def test_a_reader_of_its_lines_that_has_ended_is_named(tmp_path: Path) -> None:
    """As `kubesum demo | head -1`: it was a traceback."""
    piped = ("sh", "-c", '"$@" | true', "sh", sys.executable, "-m", "kubesum", "demo", *STILL)

    assert await output(tmp_path, *piped) == Output(
        0, "", "kubesum: standard output was closed before all lines were printed\n"
    )


async def test_a_signal_ends_a_busy_demo_and_its_files_are_removed(tmp_path: Path) -> None:
    async with kubesum(tmp_path, "demo", *BUSY) as demo:
        await demo.ready_line()
        rest = await demo.stopped(signal.SIGTERM)

    assert (rest.code, rest.err) == (0, "")
    assert os.listdir(tmp_path) == []


async def test_without_the_simulated_cluster_it_says_how_to_get_it(tmp_path: Path) -> None:
    """The image leaves kubesim out."""
    without = "import sys; sys.modules['kubesim'] = None; from kubesum.cli import main; sys.exit(main(['demo']))"

    assert await output(tmp_path, sys.executable, "-c", without) == Output(
        1,
        "",
        "kubesum: demo needs the simulated cluster (package kubesim), which this installation leaves out: "
        "run pip install '.[top]' in a clone of kubesum\n",
    )


async def test_the_printed_line_lists_every_kind(demo: Ready) -> None:
    found = await demo.run_line(*shlex.split(demo.line.removeprefix("ready: ")))

    assert (found.code, found.err) == (0, "")
    assert {
        word.partition("/")[0] for words in found.words for word in words[:2] if ".summary.kubesum.dev/" in word
    } == {
        "clusterimagesummary.summary.kubesum.dev",
        "clustersummary.summary.kubesum.dev",
        "imagesummary.summary.kubesum.dev",
        "namespacesummary.summary.kubesum.dev",
        "nodesummary.summary.kubesum.dev",
        "podsummary.summary.kubesum.dev",
        "workloadsummary.summary.kubesum.dev",
    }


@pytest.mark.parametrize("short", COLUMNS)
async def test_each_kind_has_its_columns(demo: Ready, short: str) -> None:
    found = await demo.kubectl("get", short, "-A")

    assert (found.code, found.err) == (0, "")
    assert found.words[0] == COLUMNS[short].split()
    assert len(found.words) > 1


@pytest.mark.parametrize(("short", "source"), [("nosum", "nodes"), ("nssum", "namespaces"), ("posum", "pods")])
async def test_every_object_of_the_cluster_has_its_row(demo: Ready, short: str, source: str) -> None:
    names = ("-A", "--no-headers", "-o=custom-columns=NAME:.metadata.name")
    summaries, objects = await demo.kubectl("get", short, *names), await demo.kubectl("get", source, *names)

    assert summaries == objects
    assert len(summaries.names) >= 8


async def test_the_cluster_is_one_row(demo: Ready) -> None:
    found = await demo.kubectl("get", "clsum", "--no-headers")

    assert found.words[0][:2] == ["cluster", "8/8"]
    assert len(found.words) == 1


async def test_namespaces_are_listed_with_their_own_name(demo: Ready) -> None:
    found = await demo.kubectl("get", "nssum", "-A", "--no-headers")

    assert {words[0] for words in found.words} >= {"payments", "empty", "kube-system"}
    assert all(words[0] == words[1] for words in found.words)


async def test_wide_output_has_more_columns(demo: Ready) -> None:
    found = await demo.kubectl("get", "nosum", "-o", "wide")

    assert found.words[0] == f"{COLUMNS['nosum']} {WIDE_COLUMNS}".split()
    assert found.names[1:] == NODES


async def test_yaml_and_json_show_the_same_object(demo: Ready) -> None:
    as_yaml = yaml.safe_load((await demo.kubectl("get", "nosum", "worker-a-04", "-o", "yaml")).out)
    as_json = json.loads((await demo.kubectl("get", "nosum", "worker-a-04", "-o", "json")).out)

    assert as_yaml == as_json
    assert (as_json["apiVersion"], as_json["kind"]) == ("summary.kubesum.dev/v1alpha1", "NodeSummary")
    assert as_json["metadata"]["name"] == "worker-a-04"
    assert "spec" not in as_json


async def test_json_of_a_list_holds_every_object(demo: Ready) -> None:
    found = json.loads((await demo.kubectl("get", "nodesummaries", "-o", "json")).out)

    assert (found["apiVersion"], found["kind"]) == ("v1", "List")
    assert [item["metadata"]["name"] for item in found["items"]] == NODES
    assert {item["kind"] for item in found["items"]} == {"NodeSummary"}


async def test_names_are_printed_with_their_group(demo: Ready) -> None:
    found = await demo.kubectl("get", "nosum", "-o", "name")

    assert found.names == [f"nodesummary.summary.kubesum.dev/{name}" for name in NODES]


async def test_rows_are_sorted_by_a_number(demo: Ready) -> None:
    found = await demo.kubectl("get", "nosum", "--sort-by=.status.requestsPercent.cpu", "--no-headers")

    shares = [int(words[5]) for words in found.words]
    assert shares == sorted(shares)
    assert len(set(shares)) > 3
    assert sorted(found.names) == NODES


async def test_a_label_can_be_a_column(demo: Ready) -> None:
    found = await demo.kubectl("get", "nosum", "-L", "topology.kubernetes.io/zone")

    assert {words[0]: words[-1] for words in found.words} == {
        "NAME": "ZONE",
        "cp-01": "eu-central-1a",
        "cp-02": "eu-central-1b",
        "cp-03": "eu-central-1c",
        "data-a-07": "eu-central-1a",
        "gpu-c-06": "eu-central-1c",
        "worker-a-04": "eu-central-1a",
        "worker-b-05": "eu-central-1b",
        "worker-b-08": "eu-central-1b",
    }


async def test_small_pages_join_to_the_whole_list(demo: Ready) -> None:
    whole = await demo.kubectl("get", "posum", "-A", "-o", "name", "--chunk-size=0")
    joined = await demo.kubectl("get", "posum", "-A", "-o", "name", "--chunk-size=5")

    assert joined == whole
    assert len(joined.names) > 70


async def test_one_object_is_got_by_name(demo: Ready) -> None:
    found = await demo.kubectl("get", "nosum", "gpu-c-06")

    assert found.names == ["NAME", "gpu-c-06"]
    assert found.words[1][1:3] == ["Ready", "gpu"]


async def test_two_objects_are_got_by_name(demo: Ready) -> None:
    assert (await demo.kubectl("get", "nosum", "cp-03", "cp-01", "--no-headers")).names == ["cp-03", "cp-01"]


async def test_an_unknown_name_is_not_found(demo: Ready) -> None:
    assert await demo.kubectl("get", "nosum", "nowhere") == failure(
        "NotFound", 'nodesummaries.summary.kubesum.dev "nowhere" not found'
    )


async def test_an_unknown_name_beside_a_known_one(demo: Ready) -> None:
    found = await demo.kubectl("get", "nosum", "cp-01", "nowhere", "--no-headers")

    assert (found.code, found.names) == (1, ["cp-01"])
    assert found.err == 'Error from server (NotFound): nodesummaries.summary.kubesum.dev "nowhere" not found\n'


@pytest.mark.parametrize("namespace", ["empty", "nowhere"])
async def test_a_namespace_without_pods_has_no_rows(demo: Ready, namespace: str) -> None:
    found = await demo.kubectl("get", "posum", "-n", namespace)

    assert found == Output(0, "", f"No resources found in {namespace} namespace.\n")


async def test_kubectl_can_print_the_table_itself(demo: Ready) -> None:
    found = await demo.kubectl("get", "nosum", "--server-print=false")

    assert found.words[0] == ["NAME", "AGE"]
    assert found.names[1:] == NODES


async def test_custom_columns(demo: Ready) -> None:
    found = await demo.kubectl("get", "nosum", "-o=custom-columns=WHO:.metadata.name,PODS:.status.allocatable.pods")

    assert found.words[:2] == [["WHO", "PODS"], ["cp-01", "110"]]


async def test_a_raw_path(demo: Ready) -> None:
    path = "/apis/summary.kubesum.dev/v1alpha1/namespaces/payments/podsummaries"
    found = json.loads((await demo.kubectl("get", "--raw", path)).out)

    assert found["kind"] == "PodSummaryList"
    assert {item["metadata"]["namespace"] for item in found["items"]} == {"payments"}


async def test_api_resources_shows_all_kinds_with_their_short_names(demo: Ready) -> None:
    found = await demo.kubectl("api-resources", "--api-group=summary.kubesum.dev", "--no-headers")

    version = "summary.kubesum.dev/v1alpha1"
    assert found.words == [
        ["clusterimagesummaries", "cimgsum", version, "false", "ClusterImageSummary"],
        ["clustersummaries", "clsum", version, "false", "ClusterSummary"],
        ["imagesummaries", "imgsum", version, "true", "ImageSummary"],
        ["namespacesummaries", "nssum", version, "true", "NamespaceSummary"],
        ["nodesummaries", "nosum", version, "false", "NodeSummary"],
        ["podsummaries", "posum", version, "true", "PodSummary"],
        ["workloadsummaries", "wlsum", version, "true", "WorkloadSummary"],
    ]


@pytest.mark.parametrize("arguments", [("delete", "nosum", "cp-01"), ("annotate", "nosum", "cp-01", "a=b")])
async def test_nothing_can_be_written(demo: Ready, arguments: tuple[str, ...]) -> None:
    found = await demo.kubectl(*arguments)

    assert found.code == 1
    assert "(MethodNotAllowed): the server does not allow this method on the requested resource" in found.err


@pytest.mark.parametrize("short", ["nssum", "wlsum", "posum", "imgsum"])
async def test_the_viewer_sees_what_is_in_namespaces(demo: Ready, short: str) -> None:
    seen = await demo.kubectl("--context", "viewer", "get", short, "-A", "-o", "name")

    assert seen.err == ""
    assert seen == await demo.kubectl("get", short, "-A", "-o", "name")


async def test_the_viewer_may_not_see_nodes(demo: Ready) -> None:
    assert await demo.kubectl("--context", "viewer", "get", "nosum") == failure(
        "Forbidden",
        'nodesummaries.summary.kubesum.dev is forbidden: User "viewer" cannot list resource "nodesummaries" '
        'in API group "summary.kubesum.dev" at the cluster scope',
    )


async def test_the_tenant_sees_the_own_namespace(demo: Ready) -> None:
    seen = await demo.kubectl("--context", "tenant", "get", "posum", "-n", "payments", "-o", "name")

    assert (seen.code, seen.err) == (0, "")
    assert seen == await demo.kubectl("get", "posum", "-n", "payments", "-o", "name")


async def test_the_tenant_may_not_see_other_namespaces(demo: Ready) -> None:
    assert await demo.kubectl("--context", "tenant", "get", "posum", "-A") == failure(
        "Forbidden",
        'podsummaries.summary.kubesum.dev is forbidden: User "zoë@example.org" cannot list resource "podsummaries" '
        'in API group "summary.kubesum.dev" at the cluster scope',
    )


async def test_a_created_and_a_deleted_pod_are_shown(busy: Ready) -> None:
    created = await busy.kubectl("create", "--validate=false", "-f", "-", given=WAITING_POD)
    assert created.out == "pod/newcomer created\n", created.err

    async with asyncio.timeout(HANGS_AFTER_S):
        while (row := await busy.kubectl("get", "posum", "newcomer", "-n", "empty", "--no-headers")).code != 0:
            assert "(NotFound)" in row.err
    assert row.words[0][:6] == ["newcomer", "0/1", "Pending", "0", "250m", "64Mi"]

    deleted = await busy.kubectl("delete", "pod", "newcomer", "-n", "empty", "--wait=false", "--grace-period=0")
    assert deleted.code == 0, deleted.err
    async with asyncio.timeout(HANGS_AFTER_S):
        while (gone := await busy.kubectl("get", "posum", "newcomer", "-n", "empty")).code == 0:
            pass
    assert gone == failure("NotFound", 'podsummaries.summary.kubesum.dev "newcomer" not found')


async def test_the_counts_add_up_while_the_cluster_changes(busy: Ready) -> None:
    first = await busy.kubectl("get", "clsum", "-o", "jsonpath={.items[0].metadata.resourceVersion}")

    async with asyncio.timeout(HANGS_AFTER_S):
        while await busy.kubectl("get", "clsum", "-o", "jsonpath={.items[0].metadata.resourceVersion}") == first:
            pass

    counts = json.loads((await busy.kubectl("get", "clsum", "cluster", "-o", "json")).out)["status"]["pods"]
    assert counts["total"] == counts["active"] + counts["succeeded"] + counts["failed"]
