"""The oldest kubectl to be had, of 2020, through the demo's aggregator: its forms work as those of the newest."""

import sys
from pathlib import Path

import pytest

from tests.clients.kubectl import running
from tests.commands.running import Output, Ready

OLDEST = "kubectl-1.20"
NODES = ["cp-01", "cp-02", "cp-03", "data-a-07", "gpu-c-06", "worker-a-04", "worker-b-05", "worker-b-08"]

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(
        not Path(sys.executable).with_name(OLDEST).exists(), reason=f"{OLDEST} exists for x86-64 Linux alone"
    ),
]


async def kubectl(demo: Ready, *arguments: str) -> Output:
    """A run of the oldest kubectl."""
    return await demo.run_line(OLDEST, "--kubeconfig", str(demo.kubeconfig), *arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        ("get", "nosum"),
        ("get", "nodesummaries.summary.kubesum.dev", "-o", "wide"),
        ("get", "nosum", "cp-01", "gpu-c-06"),
        ("get", "nosum", "cp-01", "-o", "yaml"),
        ("get", "nosum", "-o", "name"),
        ("get", "nosum", "-o", "jsonpath={.items[*].status.requests.cpu}"),
        ("get", "nosum", "--sort-by=.status.requestsPercent.cpu"),
        ("get", "nosum", "-L", "topology.kubernetes.io/zone"),
        ("get", "nosum", "-l", "node-role.kubernetes.io/control-plane"),
        ("get", "nosum", "--chunk-size=3"),
        ("get", "nosum", "--server-print=false"),
        ("get", "nosum,clsum"),
        ("get", "summaries", "-n", "payments"),
        ("get", "wlsum", "-A", "--field-selector", "status.health=Degraded"),
        ("get", "posum", "-A", "--show-labels"),
        ("get", "posum", "-n", "nowhere"),
        ("get", "nosum", "missing"),
        ("get", "nosum", "-l", "a in (b"),
        ("get", "nosum", "--field-selector", "foo=bar"),
        ("get", "--raw", "/apis/summary.kubesum.dev/v1alpha1/namespaces/payments/podsummaries?limit=1"),
        ("delete", "nosum", "cp-01"),
    ],
    ids=" ".join,
)
async def test_it_prints_what_the_newest_prints(demo: Ready, arguments: tuple[str, ...]) -> None:
    """Section 4.2"""
    before = await demo.kubectl(*arguments)
    oldest = await kubectl(demo, *arguments)
    after = await demo.kubectl(*arguments)

    # An age may change its text in between.
    assert oldest in (before, after)
    assert oldest.out or oldest.err


async def test_it_finds_the_kinds(demo: Ready) -> None:
    """[D8] [D11] By the older discovery, one document for each group and version."""
    found = await kubectl(demo, "api-resources", "--api-group=summary.kubesum.dev", "-o", "wide", "--no-headers")

    assert [words[:5] for words in found.words[3:5]] == [
        ["namespacesummaries", "nssum", "summary.kubesum.dev/v1alpha1", "true", "NamespaceSummary"],
        ["nodesummaries", "nosum", "summary.kubesum.dev/v1alpha1", "false", "NodeSummary"],
    ]
    assert found.words[0][5:] == ["[get", "list", "watch]"]


async def test_it_explains_a_field(demo: Ready) -> None:
    """[O6] From the older OpenAPI document, in protobuf."""
    found = await kubectl(demo, "explain", "nosum.status.requests")

    assert (found.code, found.err) == (0, "")
    assert found.out.splitlines()[:4] == [
        "KIND:     NodeSummary",
        "VERSION:  summary.kubesum.dev/v1alpha1",
        "",
        "FIELD:    requests <map[string]string>",
    ]


async def test_it_describes_an_object(demo: Ready) -> None:
    found = await kubectl(demo, "describe", "nosum", "cp-01")

    assert (found.code, found.err) == (0, "")
    assert ["Ready:", "True"] in found.words


async def test_it_watches(demo: Ready) -> None:
    """[W3] [T7]"""
    async with running(demo, "get", "nosum", "-w", program=OLDEST) as watch:
        listed = [(await watch.words())[0] for _ in range(9)]
        await watch.watches()
        changed = await demo.kubectl("cordon", "worker-b-05")

        assert (listed, changed.code) == (["NAME", *NODES], 0)
        assert (await watch.words())[:2] == ["worker-b-05", "Ready,SchedulingDisabled"]


async def test_it_waits_for_an_end(demo: Ready) -> None:
    pod = "{apiVersion: v1, kind: Pod, metadata: {name: leaving, namespace: empty}, spec: {schedulerName: nobody}}"
    created = await demo.kubectl("create", "--validate=false", "-f", "-", given=pod)
    assert created.code == 0, created.err
    assert (await demo.kubectl("wait", "posum/leaving", "-n", "empty", "--for=create", "--timeout=60s")).code == 0

    wait = ("wait", "posum/leaving", "-n", "empty", "--for=delete", "--timeout=60s")
    async with running(demo, *wait, program=OLDEST) as waiting:
        await waiting.watches()
        deleted = await demo.kubectl("delete", "pod", "leaving", "-n", "empty", "--wait=false", "--grace-period=0")
        found = await waiting.ended()

    assert deleted.code == 0, deleted.err
    assert found == Output(0, "podsummary.summary.kubesum.dev/leaving condition met\n", "")
