"""`kubesum top --once`, the plugin for kubectl, and their errors."""

import json
import shlex
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from socket import socket
from typing import Any

import pytest
import pytest_asyncio

from kubesim.access.kubeconfig import kubeconfig
from kubesim.apiserver.apiserver import ServerOptions
from kubesum.commands.top.run import TopOptions, draw, print_once
from kubesum.edge.tls import certificates
from kubesum.vocabulary.errors import KubesumError
from tests.commands.running import Output, Ready, failed, ready
from tests.unit.kubesim.runningcluster import Cluster, running_cluster

pytestmark = pytest.mark.asyncio(loop_scope="module")

STILL = ("--nodes", "8", "--pods", "80", "--seed", "3", "--churn", "0")
NODE_COLUMNS = (
    "NAME STATUS ROLES PODS NOT-READY CPU% CPU-LIM% CPU-USE% MEM% MEM-LIM% MEM-USE% GPU RESTARTS VERSION AGE"
)
ANYTHING = TopOptions("nodes", None, "")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    """A demo whose cluster does not change."""
    home = tmp_path_factory.mktemp("demo")
    async with ready(home, "demo", *STILL, "--kubeconfig-out", str(home / "demo.kubeconfig")) as demo:
        yield demo


@pytest_asyncio.fixture(loop_scope="module")
async def cluster(tmp_path: Path) -> AsyncIterator[Cluster]:
    """A cluster without kubesum."""
    async with running_cluster(tmp_path, ServerOptions()) as cluster:
        yield cluster


def user_kubeconfig(cluster: Cluster, who: str) -> Path:
    """The kubeconfig of one of the users."""
    path = cluster.home / f"{who}.kubeconfig"
    path.write_text(json.dumps(kubeconfig(cluster.server.url, cluster.pki, who)))
    return path


async def printed(
    capsys: pytest.CaptureFixture[str], demo: Ready, context: str | None, options: TopOptions
) -> list[list[str]]:
    """The words of each line that is printed."""
    await print_once(demo.kubeconfig, context, options)
    return [line.split() for line in capsys.readouterr().out.splitlines()]


async def error_of(path: Path, context: str | None = None, options: TopOptions = ANYTHING) -> str:
    """The error that it ends with."""
    with pytest.raises(KubesumError) as caught:
        await print_once(path, context, options)
    return str(caught.value)


async def test_nodes_are_printed_for_a_pipe_in_plain_text(demo: Ready) -> None:
    found = await demo.run_line("kubesum", "top", "--once", "--kubeconfig", str(demo.kubeconfig))

    assert (found.code, found.err) == (0, "")
    assert "\x1b" not in found.out
    assert found.words[0] == [
        "NAME",
        "STATUS",
        "ROLES",
        "PODS",
        "NOT-READY",
        "CPU%",
        "CPU-LIM%",
        "CPU-USE%",
        "MEM%",
        "MEM-LIM%",
        "MEM-USE%",
        "GPU",
        "RESTARTS",
        "VERSION",
        "AGE",
    ]
    assert found.names[1:] == (await demo.kubectl("get", "nosum", "--no-headers")).names
    assert found.words[5][:6] == ["gpu-c-06", "Ready", "gpu", "6/110", "1", "37%"]


async def test_a_closed_pipe_is_no_error(demo: Ready) -> None:
    # More than a pipe holds, so that it is written to after its reader has gone.
    line = f"kubesum top --once --kubeconfig {shlex.quote(str(demo.kubeconfig))} | true; echo ${{PIPESTATUS[0]}}"

    assert await demo.run_line("bash", "-c", line) == Output(0, "0\n", "")


async def test_kubectl_finds_the_plugin(demo: Ready) -> None:
    plugged = await demo.kubectl("plugin", "list", "--name-only")
    first = ("kubectl", "kubesum")
    last = ("--once", "workloads", "-n", "payments", "--kubeconfig", str(demo.kubeconfig))

    found = await demo.run_line(*first, *last)
    named = await demo.run_line(*first, "top", *last)

    assert "kubectl-kubesum" in plugged.out.split()
    assert (found.code, found.err) == (0, "")
    assert found == named
    assert found.names == [
        "NAME",
        "deployment.ledger",
        "deployment.gateway",
        "cronjob.archive",
        "cluster.postgres.example.com.postgres-5bf6a1e8e6",
        "cronjob.settlement",
    ]


async def test_each_view_is_printed(demo: Ready, capsys: pytest.CaptureFixture[str]) -> None:
    namespaces = await printed(capsys, demo, None, TopOptions("namespaces", None, ""))
    workloads = await printed(capsys, demo, None, TopOptions("workloads", None, ""))
    unhealthy = await printed(capsys, demo, None, TopOptions("unhealthy", None, ""))
    images = await printed(capsys, demo, None, TopOptions("images", None, ""))

    assert next(words for words in namespaces if words[0] == "payments")[:4] == ["payments", "11/13", "2/5", "1"]
    assert workloads[1][:5] == ["ci", "job.nightly-e2e", "Job", "0/1", "Degraded"]
    assert [words[:2] for words in unhealthy[1:3]] == [["ci", "nightly-e2e-swgz8"], ["data", "kafka-2"]]
    assert len(unhealthy) == 12
    assert images[1][0] == "docker.io/library/nginx"


async def test_labels_and_namespaces_select(demo: Ready, capsys: pytest.CaptureFixture[str]) -> None:
    gpus = await printed(capsys, demo, None, TopOptions("nodes", None, "nvidia.com/gpu.present=true"))
    payments = await printed(capsys, demo, None, TopOptions("unhealthy", "payments", ""))

    assert [words[0] for words in gpus] == ["NAME", "gpu-c-06"]
    assert [words[0] for words in payments] == [
        "NAME",
        "gateway-gn7qdt7wwp-r4zdg",
        "ledger-7lk4htjr6p-ht7wb",
    ]


async def test_the_namespace_of_the_context_is_shown_unless_all_are_asked_for(
    demo: Ready, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    document = json.loads(demo.kubeconfig.read_text())
    for context in document["contexts"]:
        context["context"]["namespace"] = "payments"
    own = tmp_path / "config"
    own.write_text(json.dumps(document))

    await print_once(own, "tenant", TopOptions("namespaces", None, ""))
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["NAME", "payments"]
    await print_once(own, "admin", TopOptions("namespaces", "", ""))
    assert len(capsys.readouterr().out.splitlines()) > 5


async def test_a_forbidden_view_is_an_error_of_one_line(demo: Ready) -> None:
    arguments = ("top", "--once", "--kubeconfig", str(demo.kubeconfig), "--context", "viewer")

    assert await failed(demo.command.home, *arguments) == Output(
        1,
        "",
        "kubesum: not allowed to list nodesummaries: the ClusterRole kubesum:cluster-view grants it\n",
    )


async def test_a_tenant_must_choose_a_namespace(demo: Ready) -> None:
    assert await error_of(demo.kubeconfig, "tenant", TopOptions("unhealthy", "", "")) == (
        "not allowed to list podsummaries in all namespaces: choose one, or bind the ClusterRole kubesum:view in all"
    )


async def test_an_invalid_selector_is_named(demo: Ready) -> None:
    sentence = await error_of(demo.kubeconfig, None, TopOptions("nodes", None, "a=("))

    assert sentence.startswith("the API server cannot select by 'a=(': ")


@pytest.mark.parametrize("who", ["admin", "tenant"])
async def test_a_cluster_without_kubesum_is_no_403(cluster: Cluster, who: str) -> None:
    """Without permissions, the API server answers 403 before it looks for the resource."""
    assert await error_of(user_kubeconfig(cluster, who)) == (
        f"kubesum is not installed at {cluster.server.url}: install its chart with helm install, or start it here "
        "with kubesum local or kubesum demo and name the kubeconfig that it prints with --kubeconfig"
    )


async def test_a_kubesum_that_does_not_answer(cluster: Cluster) -> None:
    with socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{unheard.getsockname()[1]}"
        cluster.server.aggregator.register(address, certificates.authority("nobody").certificate)
        sentence = await error_of(user_kubeconfig(cluster, "admin"))

    assert sentence == (
        f"kubesum does not answer behind {cluster.server.url} (Service Unavailable): "
        "see kubectl get apiservice v1alpha1.summary.kubesum.dev"
    )


async def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{unheard.getsockname()[1]}"
        bare = {
            "clusters": [{"name": "one", "cluster": {"server": url}}],
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
            "users": [{"name": "one", "user": {}}],
            "current-context": "one",
        }
        path = tmp_path / "config"
        path.write_text(json.dumps(bare))

        assert await error_of(path) == f"cannot reach {url}: connection refused"


async def test_without_textual_it_prints_once_and_says_how_to_install_it(demo: Ready) -> None:
    hidden = (
        "import sys; sys.modules |= {'textual': None, 'rich': None}; "
        "from kubesum.cli import plugin; sys.exit(plugin())"
    )
    line = (sys.executable, "-c", hidden, "--kubeconfig", str(demo.kubeconfig))

    printed = await demo.run_line(*line, "--once")
    drawn = await demo.run_line(*line)

    assert (printed.code, printed.names[:2]) == (0, ["NAME", "cp-01"])
    assert drawn == Output(
        1,
        "",
        "kubesum: top draws with the library textual, which is not installed: "
        "run pip install '.[top]' in a clone of kubesum, or print a view with --once\n",
    )


async def test_without_a_terminal_it_says_what_to_do(demo: Ready) -> None:
    with pytest.raises(KubesumError) as caught:
        await draw(demo.kubeconfig, None, ANYTHING)

    assert str(caught.value) == ("top needs a terminal to draw on; for pipes and files print a view with --once")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            "top -A -n shop",
            "kubesum top: argument -n/--namespace: not allowed with argument -A/--all-namespaces; "
            "see kubesum top --help",
        ),
    ],
)
async def test_invalid_flags_are_an_error_of_one_line(tmp_path: Path, arguments: str, sentence: str) -> None:
    assert await failed(tmp_path, *arguments.split()) == Output(2, "", f"{sentence}\n")


@pytest.mark.parametrize("name", ["teamusages", "teamusage", "TeamUsage", "tu"])
async def test_a_kind_of_a_definition_is_a_view(demo: Ready, capsys: pytest.CaptureFixture[str], name: str) -> None:
    shown = await printed(capsys, demo, None, TopOptions(name, None, ""))
    listed = await demo.kubectl("get", "teamusages", "-o", "json")

    assert shown[0][:6] == ["NAME", "WORKLOADS", "PODS", "CPU-REQ", "MEM-REQ", "GPU-REQ"]
    groups = json.loads(listed.out)["items"]
    assert {tuple(words[:3]) for words in shown[1:]} == {
        (group["metadata"]["name"], str(group["status"]["workloads"]), str(group["status"]["pods"]))
        for group in groups
    }


async def test_a_kind_of_a_definition_is_selected_by_its_keys(
    demo: Ready, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = await printed(capsys, demo, None, TopOptions("tu", None, "key.kubesum.dev/team=payments"))

    assert [words[0] for words in shown] == ["NAME", "payments"]


async def test_an_unknown_view_names_those_there_are(demo: Ready) -> None:
    assert await error_of(demo.kubeconfig, options=TopOptions("teams", None, "")) == (
        "there is no view 'teams': choose one of nodes, namespaces, workloads, unhealthy, images, gpuproducts, "
        "nodepools, teamusages, or create a RollupDefinition"
    )


def definition(plural: str, **spec: Any) -> dict[str, Any]:
    """A definition of pods by namespace."""
    return {
        "apiVersion": "kubesum.dev/v1alpha1",
        "kind": "RollupDefinition",
        "metadata": {"name": f"{plural}.rollup.kubesum.dev"},
        "spec": {
            "names": {"kind": plural.capitalize(), "plural": plural},
            "source": "Pods",
            "groupBy": [{"name": "ns", "field": "namespace"}],
            "measures": [
                {"name": "pods", "type": "Count"},
                {"name": "memory", "type": "Sum", "resource": {"from": "requests", "name": "memory"}},
                {"name": "oldest", "type": "Min", "field": "createdAt"},
            ],
            **spec,
        },
    }


async def printed_of(demo: Ready, capsys: pytest.CaptureFixture[str], defined: dict[str, Any]) -> list[list[str]]:
    """What is printed of the kind of a definition, which exists meanwhile."""
    path = demo.command.home / "definition.json"
    path.write_text(json.dumps(defined))
    name, plural = defined["metadata"]["name"], defined["spec"]["names"]["plural"]
    await demo.kubectl("create", "--validate=false", "-f", str(path))
    try:
        await demo.kubectl("wait", f"rollupdefinition/{name}", "--for=condition=Established", "--timeout=60s")
        return await printed(capsys, demo, None, TopOptions(plural, None, ""))
    finally:
        await demo.kubectl("delete", f"rollupdefinition/{name}")
        # Other tests of this demo expect no kinds but its own.
        while not (await demo.kubectl("get", "--raw", f"/apis/rollup.kubesum.dev/v1alpha1/{plural}")).code:
            pass


async def test_the_columns_of_a_kind_are_those_of_its_definition(
    demo: Ready, capsys: pytest.CaptureFixture[str]
) -> None:
    columns = [
        {"name": "Memory", "measure": "memory"},
        {"name": "Oldest", "measure": "oldest"},
        {"name": "Number", "measure": "pods", "priority": 1},
    ]
    shown = await printed_of(demo, capsys, definition("declareds", columns=columns))

    assert shown[0] == ["NAME", "MEMORY", "OLDEST", "NUMBER"]
    assert next(words for words in shown if words[0] == "payments") == ["payments", "20352Mi", "26d", "15"]


async def test_a_kind_without_groups_has_its_columns(demo: Ready, capsys: pytest.CaptureFixture[str]) -> None:
    nothing = definition("nothings", selector={"matchLabels": {"no": "such"}})

    assert await printed_of(demo, capsys, nothing) == [["NAME", "PODS", "MEMORY", "OLDEST", "NS"]]


async def test_a_kind_that_may_not_be_read_names_the_role(demo: Ready) -> None:
    assert await error_of(demo.kubeconfig, "viewer", TopOptions("tu", None, "")) == (
        "not allowed to list teamusages: the ClusterRole kubesum:rollups grants it"
    )
