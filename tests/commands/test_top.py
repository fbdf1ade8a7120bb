"""`kubesum top` on a terminal, in front of the simulated cluster."""

import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
import yaml

from tests.commands.running import Ready, ready
from tests.commands.terminal import Terminal, on_terminal

pytestmark = pytest.mark.asyncio(loop_scope="module")

STILL = ("--nodes", "8", "--pods", "80", "--seed", "3", "--churn", "0")
ENTER, ESCAPE, END, RIGHT, CLEAR = "\r", "\x1b", "\x1b[F", "\x1b[C", "\x15"
HELP = "PgUp PgDn  one screen up or down"
RESTORED = (b"\x1b[?1049l", b"\x1b[?25h")
"""The alternate screen is left, and the cursor is shown."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    """A demo whose cluster only the tests change."""
    home = tmp_path_factory.mktemp("demo")
    async with ready(home, "demo", *STILL, "--kubeconfig-out", str(home / "demo.kubeconfig")) as demo:
        yield demo


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared(demo: Ready) -> AsyncIterator[Terminal]:
    """A running top, for all tests."""
    async with on_terminal(demo.command.home, "top", "--kubeconfig", str(demo.kubeconfig)) as terminal:
        await terminal.shows("worker-b-08")
        yield terminal


@pytest_asyncio.fixture(loop_scope="module")
async def top(shared: Terminal) -> Terminal:
    """The running top, on the nodes of all namespaces."""
    # A failed test may have left any view, filter or selector.
    shared.press("l" + CLEAR + ENTER + "a1?")
    # The nodes may be shown before these keys are handled; the help, which the last key opens, is not.
    await shared.shows(HELP)
    shared.press("?")
    await shared.until(lambda: "[1 nodes]" in shared.text and shared.line("worker-b-08"))
    return shared


async def test_the_nodes_and_their_cluster_are_shown(top: Terminal) -> None:
    await top.until(lambda: top.line("nodes") == "nodes 8/8  pods 80  ▲4 pending  ✗11 unhealthy  ✗4 degraded")
    assert top.line("cpu").endswith("gpu 7/8")
    assert top.line("NAME").split() == ["NAME▲", "STATUS", "PODS", "CPU%", "MEM%", "GPU", "AGE"]
    assert top.line("gpu-c-06").split()[:4] == ["gpu-c-06", "●", "Ready", "6/110"]
    hints = "Enter open  Esc back  s sort  / filter  n namespace  ? help  q quit          1/8"
    assert top.text.splitlines()[-1] == hints


async def test_a_cordoned_node_is_shown(demo: Ready, top: Terminal) -> None:
    assert (await demo.kubectl("cordon", "worker-a-04")).code == 0
    await top.until(lambda: "▲ Cordoned" in top.line("worker-a-04"))
    await top.until(lambda: "▲1 cordoned" in top.line("nodes"))

    assert (await demo.kubectl("uncordon", "worker-a-04")).code == 0
    await top.until(lambda: "● Ready" in top.line("worker-a-04") and "cordoned" not in top.text)


async def test_a_rollout_is_shown(demo: Ready, top: Terminal) -> None:
    async def updated(pods: int) -> None:
        status = json.dumps({"status": {"updatedReplicas": pods}})
        change = ("patch", "deployment", "web", "-n", "shop", "--subresource=status", "--type=merge", "-p", status)
        assert (await demo.kubectl(*change)).code == 0

    top.press("3/deployment.web" + ENTER)
    await top.until(lambda: "● Healthy" in top.line("shop"))

    await updated(3)
    await top.until(lambda: "▲ Progressing" in top.line("shop"))
    await updated(8)
    await top.until(lambda: "● Healthy" in top.line("shop"))


async def test_a_crash_loop_is_shown(demo: Ready, top: Terminal) -> None:
    before = json.loads((await demo.kubectl("get", "pod", "cart-0", "-n", "shop", "-o", "json")).out)["status"]
    crashing = {
        "name": "cart",
        "ready": False,
        "restartCount": 9,
        "state": {"waiting": {"reason": "CrashLoopBackOff"}},
    }

    async def becomes(statuses: object) -> None:
        status = json.dumps({"status": {"containerStatuses": statuses}})
        change = ("patch", "pod", "cart-0", "-n", "shop", "--subresource=status", "--type=merge", "-p", status)
        assert (await demo.kubectl(*change)).code == 0

    top.press("4")
    await top.shows("1/11")
    top.press(END)
    await top.shows("11/11")
    assert "cart-0" not in top.text

    await becomes([crashing])
    await top.until(lambda: "cart-0" in top.text and "12/12" in top.text)
    assert top.line("shop         cart-0").split()[2:6] == ["1/2", "✗", "CrashLoopBackOff", "9"]
    await becomes(before["containerStatuses"])
    await top.until(lambda: "cart-0" not in top.text)


async def test_a_node_is_opened_down_to_a_workload_and_left_again(top: Terminal) -> None:
    top.press("/cp-01" + ENTER)
    await top.shows("1/1")
    top.press(ENTER)
    await top.shows("nodes > pods of cp-01")
    await top.until(lambda: top.line("kube-system  etcd-cp-01"))
    top.press("/etcd" + ENTER)
    await top.shows("1/1")
    top.press(ENTER)
    await top.shows("nodes > pods of cp-01 > workloads of etcd-cp-01")
    await top.until(lambda: "● Healthy" in top.line("staticpod.etcd"))
    assert top.line("kubesum").startswith("kubesum admin  namespace kube-system ")

    top.press(ESCAPE)
    await top.until(lambda: top.line("nodes >") == "nodes > pods of cp-01")
    top.press(ESCAPE)
    await top.until(lambda: "filter" not in top.line("kubesum"))
    top.press(ESCAPE)
    await top.shows("[1 nodes]")


async def test_a_suggested_namespace_is_chosen(top: Terminal) -> None:
    top.press("3")
    await top.until(lambda: top.line("payments"))
    top.press("n")
    await top.shows("namespace:")
    top.press("paym")
    await top.shows("namespace: payments")
    top.press(RIGHT + ENTER)

    await top.shows("kubesum admin  namespace payments ")
    await top.until(lambda: "✗ Degraded" in top.line("deployment.ledger"))
    top.press("5")
    await top.shows("registry.example.com:5000/payment")
    top.press("a")
    await top.shows("all namespaces")


async def test_labels_select_and_an_invalid_selector_is_an_error(top: Terminal) -> None:
    top.press("lnvidia.com/gpu.present" + ENTER)
    await top.until(lambda: top.line("gpu-c-06") and not top.line("worker"))
    assert "labels nvidia.com/gpu.present" in top.line("kubesum")

    top.press("l,(" + ENTER)
    await top.shows("✗ the API server cannot select by 'nvidia.com/gpu.present,('")
    top.press("l" + CLEAR + ENTER)
    await top.until(lambda: top.line("worker-b-08"))


async def test_rows_are_sorted_by_the_next_column_and_reversed(top: Terminal) -> None:
    top.press("sss")
    await top.shows("CPU%▼")
    await top.until(lambda: top.text.splitlines()[5].startswith("data-a-07"))
    top.press("r")
    await top.shows("CPU%▲")
    await top.until(lambda: top.text.splitlines()[5].startswith("cp-01"))
    top.press("SSS")
    await top.shows("NAME▲")


async def test_the_help_opens_and_closes(top: Terminal) -> None:
    top.press("?")
    await top.shows(HELP)
    await top.until(lambda: "worker" not in top.text)
    top.press("?")
    await top.until(lambda: top.line("worker-b-08"))


async def test_the_screen_adapts_to_the_size_of_the_terminal(top: Terminal) -> None:
    top.resize(140, 30)
    await top.until(lambda: len(top.line("Enter open")) == 140)
    assert top.line("[1 nodes]").endswith("limits")
    assert "CPU-LIM%" in top.line("NAME")

    top.resize(60, 10)
    await top.until(lambda: len(top.line("Enter open")) == 60)
    assert top.text.splitlines()[-1] == top.line("Enter open")

    top.resize(80, 24)
    await top.until(lambda: len(top.line("Enter open")) == 80 and top.line("worker-b-08"))


async def test_keys_typed_before_the_first_screen_count(demo: Ready) -> None:
    """The prompt stayed open: until a program sets raw mode, a terminal turns Enter into a newline."""
    async with on_terminal(demo.command.home, "top", "--kubeconfig", str(demo.kubeconfig)) as terminal:
        terminal.press("3npayments" + ENTER)

        await terminal.until(lambda: "✗ Degraded" in terminal.line("deployment.ledger"))
        assert terminal.line("kubesum").startswith("kubesum admin  namespace payments ")


async def test_q_quits_and_restores_the_terminal(demo: Ready) -> None:
    async with on_terminal(demo.command.home, "top", "images", "--kubeconfig", str(demo.kubeconfig)) as terminal:
        await terminal.shows("[5 images]")
        terminal.press("q")

        assert await terminal.ended() == 0
        assert all(sequence in terminal.written for sequence in RESTORED)


@pytest.mark.parametrize("end", ["\x03", signal.SIGTERM], ids=["Ctrl-C", "SIGTERM"])
async def test_ctrl_c_and_sigterm_restore_the_terminal_and_no_color_sends_none(
    demo: Ready, end: str | signal.Signals
) -> None:
    arguments = ("top", "namespaces", "--kubeconfig", str(demo.kubeconfig), "--context", "tenant", "-n", "payments")
    async with on_terminal(demo.command.home, *arguments, NO_COLOR="1") as terminal:
        await terminal.until(lambda: "✗ 1" in terminal.line("payments"))
        assert "cluster: not allowed to list clustersummaries" in terminal.text
        if isinstance(end, str):
            # An open prompt takes all other keys.
            terminal.press("n")
            await terminal.shows("namespace: payments")
            terminal.press(end)
            code = await terminal.ended()
        else:
            code = await terminal.stopped(end)

        assert code == 0
        assert all(sequence in terminal.written for sequence in RESTORED)
        assert b"38;2;" not in terminal.written
        assert b"48;2;" not in terminal.written


async def test_top_shows_a_lost_connection_and_reconnects(demo: Ready, tmp_path: Path) -> None:
    nodes = tmp_path / "nodes.json"
    nodes.write_text((await demo.kubectl("get", "nodes", "-o", "json")).out)
    kept = ("--kubeconfig-out", str(tmp_path / "local.kubeconfig"))
    async with ready(tmp_path, "local", "--from", str(nodes), *kept) as first:
        port = server_port(first.kubeconfig)
        async with on_terminal(tmp_path, "top", "--kubeconfig", str(first.kubeconfig)) as terminal:
            await terminal.until(lambda: "● live" in terminal.text and terminal.line("worker-b-08"))
            await first.command.stopped(signal.SIGINT)

            # The first error may be that a response broke off.
            await terminal.shows(f"✗ cannot reach https://127.0.0.1:{port}: connection refused")
            assert "✗ as of " in terminal.line("kubesum kubesum-local  all namespaces")
            assert "s ago" in terminal.line("kubesum kubesum-local  all namespaces")
            assert terminal.line("worker-b-08")

            nodes.write_text(nodes.read_text().replace("worker-b-08", "worker-b-09"))
            async with ready(tmp_path, "local", "--from", str(nodes), "--port", port, *kept):
                await terminal.until(lambda: "● live" in terminal.text and terminal.line("worker-b-09"))
                assert not terminal.line("worker-b-08")
                await terminal.until(lambda: "cannot reach" not in terminal.text)


def server_port(kubeconfig: Path) -> str:
    """The port of the only server of a kubeconfig."""
    server: str = yaml.safe_load(kubeconfig.read_text())["clusters"][0]["cluster"]["server"]
    return server.rpartition(":")[2]


async def test_a_kind_of_a_definition_is_live(demo: Ready) -> None:
    line = ("top", "teamusages", "-A", "--kubeconfig", str(demo.kubeconfig))
    async with on_terminal(demo.command.home, *line) as terminal:
        await terminal.shows("payments")
        assert terminal.line("NAME").split()[:3] == ["NAME▲", "WORKLOADS", "PODS"]
        await demo.kubectl("label", "namespace", "payments", "team=treasury", "--overwrite")

        await terminal.until(lambda: terminal.line("treasury") and not terminal.line("payments"))
        await demo.kubectl("label", "namespace", "payments", "team=payments", "--overwrite")
        await terminal.shows("payments")


def reordereds(*measures: str) -> str:
    """A definition of pods by namespace, with a column for each of these measures."""
    names = {"kind": "Reordered", "plural": "reordereds"}
    spec = {
        "names": names,
        "source": "Pods",
        "groupBy": [{"name": "ns", "field": "namespace"}],
        "measures": [{"name": "pods", "type": "Count"}, {"name": "restarts", "type": "Sum", "field": "restarts"}],
        "columns": [{"name": name, "measure": name} for name in measures],
    }
    metadata = {"name": "reordereds.rollup.kubesum.dev"}
    document = {"apiVersion": "kubesum.dev/v1alpha1", "kind": "RollupDefinition", "metadata": metadata, "spec": spec}
    return json.dumps(document)


async def test_the_columns_of_an_open_view_follow_the_definition(demo: Ready) -> None:
    await demo.kubectl("apply", "-f", "-", given=reordereds("pods", "restarts"))
    await demo.kubectl("wait", "rollupdefinition/reordereds.rollup.kubesum.dev", "--for=condition=Established")
    line = ("top", "reordereds", "-A", "--kubeconfig", str(demo.kubeconfig))
    async with on_terminal(demo.command.home, *line) as terminal:
        await terminal.until(lambda: terminal.line("kube-system"))
        assert terminal.line("NAME").split() == ["NAME▲", "PODS", "RESTARTS"]
        name, pods, restarts = terminal.line("kube-system").split()
        assert pods != restarts
        await demo.kubectl("apply", "-f", "-", given=reordereds("restarts", "pods"))

        await terminal.until(lambda: terminal.line("NAME").split() == ["NAME▲", "RESTARTS", "PODS"])
        await terminal.until(lambda: terminal.line("kube-system").split() == [name, restarts, pods])
