"""What a command imports: its help nothing heavy, a server neither the simulation nor the terminal."""

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from socket import socket

import aiohttp
import pytest

from kubesim.apiserver.apiserver import ServerOptions
from kubesum.edge.tls import certificates
from tests.commands.running import Command, Ready, started
from tests.commands.test_local import service_account_kubeconfig
from tests.serving.runningserver import eventually
from tests.unit.kubesim.runningcluster import node, running_cluster

UI = {"textual", "rich"}
"""What draws `kubesum top`."""
WEB = {"fastapi", "starlette", "uvicorn"}
"""What answers requests."""

MODELS = ("kubernetes_asyncio.client.models.", "kubernetes_asyncio.client.api.")
"""Modules that kubernetes_asyncio has for the kinds and API groups of Kubernetes."""

NODE = json.dumps({"apiVersion": "v1", "kind": "Node", **node("node-1")})

LISTING = (
    "import atexit, runpy, sys; "
    "atexit.register(lambda: print(*sys.modules, file=sys.stderr)); "
    "runpy.run_module('kubesum', run_name='__main__', alter_sys=True)"
)
"""Runs kubesum, and prints the modules that were loaded when it ends as the last line on stderr."""


@asynccontextmanager
async def listing(home: Path, *arguments: str) -> AsyncIterator[Command]:
    """A command of kubesum that lists its modules when it ends."""
    async with started(home, sys.executable, "-c", LISTING, *arguments) as command:
        yield command


def loaded(err: str) -> set[str]:
    """The top-level packages in a list of modules."""
    return {module.partition(".")[0] for module in err.splitlines()[-1].split()}


def commands(err: str) -> set[str]:
    """The commands in a list of modules of which more is loaded than flags, and whether top's extra is installed."""
    split = [module.split(".") for module in err.splitlines()[-1].split() if module.startswith("kubesum.commands.")]
    return {parts[2] for parts in split if len(parts) > 3 and parts[3] not in ("flags", "extra")}


def models(err: str) -> list[str]:
    """The modules of single kinds and API groups in a list of modules."""
    return [module for module in err.splitlines()[-1].split() if module.startswith(MODELS)]


@pytest.mark.parametrize(
    "arguments",
    [("--help",), ("serve", "--help"), ("render", "flags")],
    ids=["the commands", "the flags of one", "the page of all flags"],
)
async def test_help_loads_nothing_but_the_standard_library(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    async with listing(tmp_path, *arguments) as command:
        output = await command.ended()

    heavy = {"aiohttp", "cryptography", "kubernetes_asyncio", "prometheus_client", "uvloop", "yaml", "kubesim"}
    assert output.code == 0
    assert loaded(output.err).isdisjoint({*UI, *WEB, *heavy})


def test_whoever_asks_kubernetes_asyncio_for_a_model_gets_it() -> None:
    asking = """
import kubesum.kube.clientlibrary
import kubernetes_asyncio
from kubernetes_asyncio.client import ApiClient, CoreV1Api, V1Pod

assert kubernetes_asyncio.__version__
assert kubernetes_asyncio.client.models.V1Pod is V1Pod
assert ApiClient is kubesum.kube.clientlibrary.ApiClient
print(kubernetes_asyncio.watch.Watch.__name__, CoreV1Api.__name__, V1Pod.__name__)
"""

    output = subprocess.run([sys.executable, "-c", asking], check=False, capture_output=True, text=True)

    assert (output.stdout, output.stderr) == ("Watch CoreV1Api V1Pod\n", "")


async def test_local_loads_no_other_command_and_for_files_no_client_of_a_cluster(tmp_path: Path) -> None:
    (tmp_path / "node.json").write_text(NODE)

    async with listing(tmp_path, "local", "--from", str(tmp_path / "node.json")) as command:
        local = Ready(command, await command.ready_line())
        assert (await local.kubectl("get", "nosum", "-o", "name")).names == ["nodesummary.summary.kubesum.dev/node-1"]
        top = ("top", "--once", "--kubeconfig", str(local.kubeconfig))
        async with listing(tmp_path, *top) as printing:
            printed = await printing.ended()
        async with listing(tmp_path, "doctor", "--kubeconfig", str(local.kubeconfig)) as checking:
            checked = await checking.ended()
        output = await command.stopped(signal.SIGTERM)

    assert (output.code, printed.code) == (0, 0)
    assert loaded(output.err).isdisjoint({"kubesim", *UI, "kubernetes_asyncio", "aiohttp", "urllib3"})
    assert commands(output.err) == {"local"}
    assert loaded(printed.err).isdisjoint({"kubesim", *UI, *WEB})
    assert loaded(checked.err).isdisjoint({"kubesim", *UI, *WEB})


async def test_serve_loads_neither_the_simulation_nor_the_terminal(tmp_path: Path) -> None:
    pair = certificates.serving(certificates.authority("kubesum-ca"), ["127.0.0.1"])
    pair.write(tmp_path, "tls")
    files = ("--tls-cert-file", str(tmp_path / "tls.crt"), "--tls-private-key-file", str(tmp_path / "tls.key"))
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]

    async def is_ready() -> bool:
        try:
            async with session.get(f"https://127.0.0.1:{port}/readyz", ssl=False) as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False

    async with running_cluster(tmp_path, ServerOptions()) as cluster, aiohttp.ClientSession() as session:
        config = service_account_kubeconfig(cluster, tmp_path)
        address = ("--bind-address", "127.0.0.1", "--secure-port", str(port))
        server = ("serve", "--kubeconfig", config, *address, *files, "--shutdown-delay-duration", "0s")
        async with listing(tmp_path, *server) as command:
            await eventually(is_ready)
            output = await command.stopped(signal.SIGTERM)

    assert output.code == 0
    assert loaded(output.err).isdisjoint({"kubesim", *UI})
    assert models(output.err) == []


async def test_a_module_named_app_elsewhere_is_not_touched(tmp_path: Path) -> None:
    """The package was once named `app`, as many are: another one earlier on the path replaced it."""
    (tmp_path / "app.py").write_text("raise RuntimeError('this is not kubesum')\n")
    (tmp_path / "node.json").write_text(NODE)
    program = str(Path(sys.executable).parent / "kubesum")

    async with started(tmp_path, program, "--version", PYTHONPATH=str(tmp_path)) as command:
        version = await command.ended()
    arguments = ("local", "--from", str(tmp_path / "node.json"))
    async with started(tmp_path, program, *arguments, PYTHONPATH=str(tmp_path)) as command:
        line = await command.ready_line()
        output = await command.stopped(signal.SIGINT)

    assert (version.code, version.out.split()[0], version.err) == (0, "kubesum", "")
    assert line.startswith("ready: kubectl --kubeconfig ")
    assert (output.code, output.err) == (0, "")


async def test_nothing_named_app_is_installed(tmp_path: Path) -> None:
    looking = "import importlib.util; print(importlib.util.find_spec('app'), importlib.util.find_spec('kubesum'))"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-c", looking), cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()

    assert out.startswith(b"None ModuleSpec(name='kubesum'")
