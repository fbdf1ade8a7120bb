"""The kinds of the demo's RollupDefinitions, and those that are created in it, with the real kubectl."""

import asyncio
import json
from collections.abc import AsyncIterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.commands.running import Output, Ready, ready, started
from tests.commands.test_rollups import DEFINITION
from tests.hanging import HANGS_AFTER_S
from tests.serving.runningserver import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

ROOT = "/apis/rollup.kubesum.dev/v1alpha1"
STILL = ("--nodes", "8", "--pods", "80", "--seed", "3", "--churn", "0")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    """A demo whose cluster does not change."""
    home = tmp_path_factory.mktemp("demo")
    async with ready(home, "demo", *STILL, "--kubeconfig-out", str(home / "demo.kubeconfig")) as demo:
        yield demo


def named(plural: str, kind: str, **spec: Any) -> dict[str, Any]:
    """A definition of the demo's test."""
    found = deepcopy(DEFINITION)
    found["metadata"]["name"] = f"{plural}.rollup.kubesum.dev"
    found["spec"] |= {"names": {"kind": kind, "plural": plural}, **spec}
    return found


async def apply(demo: Ready, definition: dict[str, Any]) -> Output:
    return await demo.kubectl("apply", "-f", "-", given=json.dumps(definition))


async def until_established(demo: Ready, definition: dict[str, Any]) -> None:
    name = f"rollupdefinition/{definition['metadata']['name']}"
    waited = await demo.kubectl("wait", name, "--for=condition=Established", "--timeout=60s")
    assert (waited.code, waited.err) == (0, "")


async def test_three_definitions_are_established(demo: Ready) -> None:
    await demo.kubectl("wait", "rollupdefinitions", "--all", "--for=condition=Established", "--timeout=60s")
    found = await demo.kubectl("get", "rollupdefinitions")

    assert [words[:5] for words in found.words] == [
        ["NAME", "KIND", "SOURCE", "GROUPS", "ESTABLISHED"],
        ["gpuproducts.rollup.kubesum.dev", "GPUProduct", "Nodes", "1", "True"],
        ["nodepools.rollup.kubesum.dev", "NodePool", "Nodes", "4", "True"],
        ["teamusages.rollup.kubesum.dev", "TeamUsage", "Workloads", found.words[3][3], "True"],
    ]


@pytest.mark.parametrize(
    ("short", "columns"),
    [
        ("np", "NAME NODES CPU CPU-REQ% CPU-FREE MEM-FREE"),
        ("tu", "NAME WORKLOADS PODS CPU-REQ MEM-REQ GPU-REQ OVERCOMMIT IMAGES"),
        ("gpu", "NAME NODES GPUS REQUESTED FREE PRODUCT"),
    ],
)
async def test_each_kind_has_its_columns(demo: Ready, short: str, columns: str) -> None:
    found = await demo.kubectl("get", short, "-o", "wide")

    assert (found.code, found.err) == (0, "")
    assert found.words[0] == columns.split()
    assert len(found.words) > 1


async def test_the_pools_request_what_their_nodes_do(demo: Ready) -> None:
    """Finished pods do not count, neither here nor there."""
    pools = await demo.kubectl("get", "np", "-o", "jsonpath={.items[*].status.cpuRequests}")
    nodes = await demo.kubectl("get", "nosum", "-o", "jsonpath={.items[*].status.requests.cpu}")

    assert sum(map(millicores, pools.out.split())) == sum(map(millicores, nodes.out.split()))


def millicores(quantity: str) -> int:
    return int(quantity[:-1]) if quantity.endswith("m") else 1000 * int(quantity)


async def test_rows_are_selected_by_their_keys(demo: Ready) -> None:
    by_field = await demo.kubectl("get", "tu", "-o", "name", "--field-selector", "key.team=payments")
    by_label = await demo.kubectl("get", "tu", "-o", "name", "-l", "key.kubesum.dev/team=payments")
    unknown = await demo.kubectl("get", "tu", "--field-selector", "key.colour=red")

    assert by_field.out == by_label.out == "teamusage.rollup.kubesum.dev/payments\n"
    assert unknown.code == 1
    assert '"key.colour" is not a known field selector' in unknown.err


async def test_rows_are_sorted_by_a_measure(demo: Ready) -> None:
    found = await demo.kubectl("get", "tu", "--sort-by=.status.pods", "--no-headers")

    pods = [int(words[2]) for words in found.words]
    assert pods == sorted(pods)
    assert len(pods) > 3


@pytest.mark.parametrize("output", ["plaintext", "plaintext-openapiv2"])
async def test_a_measure_is_explained(demo: Ready, output: str) -> None:
    explained = await demo.kubectl("explain", "teamusages.status.cpuRequests", f"--output={output}")

    assert explained.code == 0
    assert "Sum of cpu of requests over the workloads." in explained.out


async def test_a_viewer_without_a_grant_is_refused(demo: Ready) -> None:
    refused = await demo.kubectl("get", "teamusages", "--context", "viewer")

    assert refused.code == 1
    assert 'cannot list resource "teamusages" in API group "rollup.kubesum.dev"' in refused.err


async def test_a_new_kind_is_known_at_once_after_the_apiservice_is_touched(demo: Ready) -> None:
    """As docs/rollups.md says; without that it takes a minute, here as with kube-apiserver."""
    await apply(demo, named("zones", "Zone", groupBy=[{"name": "phase", "field": "phase"}]))
    await until_established(demo, named("zones", "Zone"))
    touch = ("annotate", "apiservice", "v1alpha1.rollup.kubesum.dev", "kubesum.dev/read=1", "--overwrite")
    touched = await demo.kubectl(*touch)

    async def is_known() -> bool:
        return (await demo.kubectl("get", "zones")).code == 0

    await eventually(is_known, 20)
    await demo.kubectl("delete", "rollupdefinition", "zones.rollup.kubesum.dev")
    assert touched.code == 0


async def test_a_definition_is_served_changed_and_deleted(demo: Ready, tmp_path: Path) -> None:
    """kubectl get by raw path: discovery of the simulated API server is as old as that of a real one may be."""
    phases = named("phases", "Phase", groupBy=[{"name": "phase", "field": "phase"}])
    phases["spec"]["measures"] = [{"name": "pods", "type": "Count"}]
    await apply(demo, phases)
    await until_established(demo, phases)
    first = json.loads((await demo.kubectl("get", "--raw", f"{ROOT}/phases")).out)

    raw = ("get", "--raw", f"{ROOT}/phases?watch=true")
    kubectl = [*demo_kubectl(demo), *raw]
    async with started(tmp_path, *kubectl) as watch:
        assert json.loads(await watch.ready_line())["type"] == "ADDED"
        phases["spec"]["measures"].append({"name": "restarts", "type": "Sum", "field": "restarts"})
        await apply(demo, phases)
        ended = await watch.ended()
    second = json.loads((await demo.kubectl("get", "--raw", f"{ROOT}/phases")).out)

    await demo.kubectl("delete", "rollupdefinition", "phases.rollup.kubesum.dev")
    await until_gone(demo, f"{ROOT}/phases")
    group = json.loads((await demo.kubectl("get", "--raw", "/apis/rollup.kubesum.dev")).out)

    assert sorted(first["items"][0]["status"]) == ["pods"]
    assert ended.code == 0
    assert sorted(second["items"][0]["status"]) == ["pods", "restarts"]
    assert group["preferredVersion"]["version"] == "v1alpha1"
    assert (await demo.kubectl("get", "np", "-o", "name")).code == 0


async def until_gone(demo: Ready, path: str) -> None:
    async with asyncio.timeout(HANGS_AFTER_S):
        while (await demo.kubectl("get", "--raw", path)).code == 0:  # noqa: ASYNC110  # another process
            await asyncio.sleep(0.1)


def demo_kubectl(demo: Ready) -> list[str]:
    """The command line of kubectl at this demo."""
    return [str(Path(__file__).parents[2] / ".venv" / "bin" / "kubectl"), "--kubeconfig", str(demo.kubeconfig)]


async def test_a_bad_definition_says_why_and_harms_no_other(demo: Ready) -> None:
    bad = named("bads", "Bad", filter="pod.colour == 'red'")
    await apply(demo, bad)
    waited = await demo.kubectl(
        "wait", "rollupdefinition/bads.rollup.kubesum.dev", "--for=condition=Accepted=False", "--timeout=60s"
    )
    found = await demo.kubectl("get", "rollupdefinition", "bads.rollup.kubesum.dev", "-o", "json")
    await demo.kubectl("delete", "rollupdefinition", "bads.rollup.kubesum.dev")

    assert waited.code == 0
    [accepted] = [one for one in json.loads(found.out)["status"]["conditions"] if one["type"] == "Accepted"]
    assert accepted["message"].startswith("spec.filter: the expression does not compile: ")
    assert len((await demo.kubectl("get", "np", "--no-headers")).words) == 4


async def test_what_the_schema_does_not_allow_is_refused(demo: Ready) -> None:
    refused = await apply(demo, named("wrongs", "Wrong", source="Volumes"))

    assert refused.code == 1
    assert 'spec.source: Unsupported value: "Volumes"' in refused.err
