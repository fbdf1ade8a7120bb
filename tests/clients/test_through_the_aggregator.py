"""kubectl's watches, waits, selectors and pages, through the demo's aggregator: as on built-in kinds."""

import json

import pytest

from tests.clients.kubectl import running
from tests.commands.running import Output, Ready
from tests.hanging import HANGS_AFTER_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

NODES = ["cp-01", "cp-02", "cp-03", "data-a-07", "gpu-c-06", "worker-a-04", "worker-b-05", "worker-b-08"]

WAITING_POD = """
apiVersion: v1
kind: Pod
metadata: {name: %s, namespace: empty}
spec:
  schedulerName: nobody
  containers:
  - {name: main, image: "shop:1", resources: {requests: {cpu: 250m, memory: 64Mi}}}
"""


async def created(demo: Ready, name: str) -> None:
    """A pod comes that nobody schedules, and has its row."""
    done = await demo.kubectl("create", "--validate=false", "-f", "-", given=WAITING_POD % name)
    assert done.out == f"pod/{name} created\n", done.err
    seen = await demo.kubectl("wait", f"posum/{name}", "-n", "empty", "--for=create", f"--timeout={HANGS_AFTER_S}s")
    assert seen.code == 0, seen.err


async def deleted(demo: Ready, name: str) -> None:
    """A pod goes at once."""
    done = await demo.kubectl("delete", "pod", name, "-n", "empty", "--wait=false", "--grace-period=0")
    assert done.code == 0, done.err


async def changed(demo: Ready, *arguments: str) -> None:
    """A write to the demo's API server that it accepts."""
    done = await demo.kubectl(*arguments)
    assert done.code == 0, done.err


async def test_get_watch_lists_and_then_shows_a_cordon(demo: Ready) -> None:
    async with running(demo, "get", "nosum", "-w") as watch:
        listed = [(await watch.words())[:2] for _ in range(9)]
        await watch.watches()
        await changed(demo, "cordon", "worker-b-05")

        assert [words[0] for words in listed] == ["NAME", *NODES]
        assert (await watch.words())[:2] == ["worker-b-05", "Ready,SchedulingDisabled"]


async def test_get_watch_of_a_name_shows_that_name_only(demo: Ready) -> None:
    async with running(demo, "get", "nosum", "cp-03", "-w", "--no-headers", "-L", "tier") as watch:
        assert (await watch.words())[0] == "cp-03"
        await watch.watches()
        await changed(demo, "label", "node", "cp-02", "cp-03", "tier=gold")

        words = await watch.words()
        assert (words[0], words[-1]) == ("cp-03", "gold")


async def test_watch_only_lists_nothing(demo: Ready) -> None:
    async with running(demo, "get", "nosum", "--watch-only", "--output-watch-events", "-l", "color=red") as watch:
        await watch.watches()
        await changed(demo, "label", "node", "worker-a-04", "color=red")
        assert (await watch.words())[:2] == ["EVENT", "NAME"]
        assert (await watch.words())[:2] == ["ADDED", "worker-a-04"]

        await changed(demo, "label", "node", "worker-a-04", "color=blue", "--overwrite")
        assert (await watch.words())[:2] == ["DELETED", "worker-a-04"]


async def test_wait_for_a_value_that_is_there(demo: Ready) -> None:
    found = await demo.kubectl("wait", "nosum/cp-01", "--for=jsonpath={.status.ready}=True", "--timeout=60s")

    assert found == Output(0, "nodesummary.summary.kubesum.dev/cp-01 condition met\n", "")


async def test_wait_for_a_value_that_comes(demo: Ready) -> None:
    wanted = "--for=jsonpath={.status.unschedulable}=true"
    async with running(demo, "wait", "nosum/worker-b-08", wanted, "--timeout=60s") as wait:
        await wait.watches()
        await changed(demo, "cordon", "worker-b-08")
        found = await wait.ended()

    assert found == Output(0, "nodesummary.summary.kubesum.dev/worker-b-08 condition met\n", "")


async def test_wait_for_a_value_that_never_comes_times_out(demo: Ready) -> None:
    found = await demo.kubectl("wait", "nosum/cp-01", "--for=jsonpath={.status.ready}=No", "--timeout=10ms")

    assert found == Output(1, "", "error: timed out waiting for the condition on nodesummaries/cp-01\n")


async def test_wait_for_the_end_of_a_pod(demo: Ready) -> None:
    await created(demo, "leaving")

    async with running(demo, "wait", "posum/leaving", "-n", "empty", "--for=delete", "--timeout=60s") as wait:
        await wait.watches()
        await deleted(demo, "leaving")
        found = await wait.ended()

    assert found == Output(0, "podsummary.summary.kubesum.dev/leaving condition met\n", "")


async def test_explain_describes_a_field_and_its_unit(demo: Ready) -> None:
    found = await demo.kubectl("explain", "nosum.status.requests")

    assert (found.code, found.err) == (0, "")
    assert found.out.splitlines()[:5] == [
        "GROUP:      summary.kubesum.dev",
        "KIND:       NodeSummary",
        "VERSION:    v1alpha1",
        "",
        "FIELD: requests <map[string]string>",
    ]
    assert "Sum of the effective requests of the active pods assigned to the node" in found.out
    assert "An amount of a resource in its canonical form" in found.out


async def test_explain_shows_every_field_below(demo: Ready) -> None:
    found = await demo.kubectl("explain", "nosum", "--recursive")

    assert (found.code, found.err) == (0, "")
    assert {"apiVersion", "metadata", "resourceVersion", "status", "allocatable", "unschedulable"} <= {
        words[0] for words in found.words if words
    }


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("node-role.kubernetes.io/control-plane", NODES[:3]),
        (
            "topology.kubernetes.io/zone in (eu-central-1a),node-role.kubernetes.io/worker",
            ["data-a-07", "worker-a-04"],
        ),
        ("!node-role.kubernetes.io/worker,kubernetes.io/hostname!=gpu-c-06", NODES[:3]),
        ("node.kubernetes.io/instance-type=none", []),
    ],
)
async def test_labels_of_nodes_select_their_rows(demo: Ready, selector: str, names: list[str]) -> None:
    found = await demo.kubectl("get", "nosum", "-l", selector, "--no-headers")

    assert found.names == names


async def test_a_declared_field_selects_rows(demo: Ready) -> None:
    found = await demo.kubectl("get", "wlsum", "-A", "--field-selector", "status.health=Degraded", "--no-headers")

    assert [words[1] for words in found.words] == [
        "job.nightly-e2e",
        "statefulset.kafka",
        "deployment.ledger",
        "deployment.search",
    ]


async def test_fields_and_labels_select_together(demo: Ready) -> None:
    fields = "metadata.name!=cp-01,metadata.name!=cp-02"
    found = await demo.kubectl(
        "get", "nosum", "-l", "kubernetes.io/hostname", "--field-selector", fields, "-o", "name"
    )

    assert found.names == [f"nodesummary.summary.kubesum.dev/{name}" for name in NODES[2:]]


@pytest.mark.parametrize("selector", ["kubernetes.io/os=linux", "kubernetes.io/hostname!=cp-02"])
async def test_small_pages_of_a_selection_join_to_the_whole(demo: Ready, selector: str) -> None:
    arguments = ("get", "nosum", "-l", selector, "--no-headers")
    whole = await demo.kubectl(*arguments, "--chunk-size=0")
    joined = await demo.kubectl(*arguments, "--chunk-size=5")

    assert joined == whole
    assert len(joined.names) > 5


async def test_a_raw_list_of_a_page_has_a_token_and_a_rest(demo: Ready) -> None:
    path = "/apis/summary.kubesum.dev/v1alpha1/nodesummaries?limit=5"
    first = json.loads((await demo.kubectl("get", "--raw", path)).out)
    token = first["metadata"]["continue"]
    rest = json.loads((await demo.kubectl("get", "--raw", f"{path}&continue={token}")).out)

    assert (first["kind"], first["apiVersion"]) == ("NodeSummaryList", "summary.kubesum.dev/v1alpha1")
    assert first["metadata"]["remainingItemCount"] == 3
    assert [item["metadata"]["name"] for item in first["items"] + rest["items"]] == NODES
    assert rest["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}


async def test_a_raw_watch_ends_by_itself(demo: Ready) -> None:
    path = "/apis/summary.kubesum.dev/v1alpha1/clustersummaries?watch=true&timeoutSeconds=1"
    found = await demo.kubectl("get", "--raw", path)

    event = json.loads(found.out.splitlines()[0])
    assert (found.code, found.err) == (0, "")
    assert (event["type"], event["object"]["metadata"]["name"]) == ("ADDED", "cluster")


@pytest.mark.parametrize(
    ("flag", "selector", "told", "fault"),
    [
        (
            "-l",
            "a in (b",
            'label selector "a in (b", field selector ""',
            "unable to parse requirement: found '', expected: ',' or ')'",
        ),
        (
            "-l",
            "=x",
            'label selector "=x", field selector ""',
            "found '=', expected: !, identifier, or 'end of string'",
        ),
        (
            "--field-selector",
            "foo",
            'label selector "", field selector "foo"',
            "invalid selector: 'foo'; can't understand 'foo'",
        ),
        (
            "--field-selector",
            "status.health=Degraded",
            'label selector "", field selector "status.health=Degraded"',
            '"status.health" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
    ],
)
async def test_a_selector_that_cannot_be_understood(
    demo: Ready, flag: str, selector: str, told: str, fault: str
) -> None:
    assert await demo.kubectl("get", "nosum", flag, selector) == Output(
        1,
        "",
        'Error from server (BadRequest): Unable to find "summary.kubesum.dev/v1alpha1, Resource=nodesummaries" '
        f"that match {told}: {fault}\n",
    )
