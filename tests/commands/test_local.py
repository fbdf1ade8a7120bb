"""`kubesum local` in front of a cluster: what it serves, to whom, and how it ends."""

import asyncio
import json
import re
import signal
import ssl
from base64 import b64decode
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import socket
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
import yaml

from kubesim.access.kubeconfig import kubeconfig, service_kubeconfig
from kubesim.apiserver.apiserver import ServerOptions
from kubesum.edge.tls import certificates
from tests.commands.running import Output, Ready, failed, kubesum, permissions, ready
from tests.hanging import HANGS_AFTER_S
from tests.unit.kubesim.runningcluster import Cluster, node, pod, running_cluster

pytestmark = pytest.mark.asyncio(loop_scope="module")

FOLLOWS_WITHIN_S = 2.0
REFUSED_WITHIN_S = 5.0
"""A 503 with Retry-After would make kubectl retry ten times, a second apart; an answer within this time has none."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """A cluster of one node and one pod."""
    async with running_cluster(tmp_path_factory.mktemp("cluster"), ServerOptions()) as cluster:
        cluster.store.put("nodes", node("node-1"))
        cluster.store.put("pods", pod("a"))
        yield cluster


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def local(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    """A kubesum that reads the cluster with the permissions of its service account."""
    home = tmp_path_factory.mktemp("local")
    async with ready(home, "local", "--kubeconfig", service_account_kubeconfig(cluster, home)) as local:
        yield local


def written(path: Path, config: dict[str, Any]) -> str:
    path.write_text(json.dumps(config))
    return str(path)


def service_account_kubeconfig(cluster: Cluster, home: Path) -> str:
    """The kubeconfig of a user who may read what kubesum reads, and nothing else."""
    return written(home / "service.kubeconfig", service_kubeconfig(cluster.server.url, cluster.pki))


def user_kubeconfig(cluster: Cluster, home: Path, who: str) -> str:
    """The kubeconfig of all users, with the context of one of them."""
    return written(home / f"{who}.kubeconfig", kubeconfig(cluster.server.url, cluster.pki, who))


def without_credentials(url: str, home: Path) -> str:
    """A kubeconfig that names a server."""
    return written(
        home / "bare.kubeconfig",
        {
            "clusters": [{"name": "one", "cluster": {"server": url}}],
            "contexts": [{"name": "one", "context": {"cluster": "one", "user": "one"}}],
            "users": [{"name": "one", "user": {}}],
            "current-context": "one",
        },
    )


async def test_the_ready_line_names_a_private_kubeconfig(local: Ready) -> None:
    assert local.line == f"ready: kubectl --kubeconfig {local.kubeconfig} get nosum"
    assert permissions(local.kubeconfig) == 0o600
    assert permissions(local.kubeconfig.parent) == 0o700


async def test_the_kubeconfig_has_one_cluster_on_loopback(local: Ready) -> None:
    config = yaml.safe_load(local.kubeconfig.read_text())

    (only,) = config["clusters"]
    assert re.fullmatch(r"https://127\.0\.0\.1:\d+", only["cluster"]["server"])
    assert len(config["users"]) == len(config["contexts"]) == 1


async def test_the_rows_of_the_cluster_are_served(local: Ready) -> None:
    found = await local.kubectl("get", "nosum", "--no-headers")

    assert [words[:8] for words in found.words] == [
        ["node-1", "Ready", "<none>", "1/110", "500m", "12", "256Mi", "3"]
    ]


async def test_metrics_of_informers_rows_requests_and_the_certificate(local: Ready) -> None:
    await local.kubectl("get", "nosum")

    lines = set((await local.kubectl("get", "--raw", "/metrics")).out.splitlines())

    assert 'kubesum_informer_synced{resource="pods"} 1.0' in lines
    assert 'kubesum_informer_objects{resource="nodes"} 1.0' in lines
    assert 'kubesum_rows{resource="nodesummaries"} 1.0' in lines
    assert any(
        line.startswith('apiserver_request_total{code="200",') and 'resource="nodesummaries"' in line
        for line in lines
    )
    assert any(line.startswith("kubesum_serving_cert_not_after_seconds 1.") for line in lines)


async def test_readyz_verbose_lists_the_checks(local: Ready) -> None:
    assert (await local.kubectl("get", "--raw", "/readyz?verbose")).out == (
        "[+]ping ok\n[+]informer-sync ok\n[+]first-rows ok\n[+]shutdown ok\nreadyz check passed\n"
    )


async def test_a_created_and_a_deleted_pod_are_shown(cluster: Cluster, local: Ready) -> None:
    cluster.store.put("pods", pod("passing"))
    async with asyncio.timeout(FOLLOWS_WITHIN_S):
        while (await local.kubectl("get", "posum", "passing")).code != 0:
            pass

    cluster.store.delete("pods", "default", "passing")
    async with asyncio.timeout(FOLLOWS_WITHIN_S):
        while (await local.kubectl("get", "posum", "passing")).code == 0:
            pass


async def test_objects_that_cannot_be_read_are_named_on_stderr(tmp_path: Path) -> None:
    """They were missing in all sums without a word."""
    async with running_cluster(tmp_path, ServerOptions()) as cluster:
        cluster.store.put("nodes", node("node-1"))
        for name, odd in (("whole", {}), ("odd", {"overhead": "1"})):
            plain = pod(name)
            cluster.store.put("pods", plain | {"spec": plain["spec"] | odd})
        async with kubesum(tmp_path, "local", "--kubeconfig", service_account_kubeconfig(cluster, tmp_path)) as local:
            shown = Ready(local, await local.ready_line())
            names = (await shown.kubectl("get", "posum", "--no-headers")).names
            rest = await local.stopped(signal.SIGINT)

    assert names == ["whole"]
    assert [line.split(" ", 1)[1] for line in rest.err.splitlines()] == [
        "WARNING object cannot be read resource=pods object=default/odd "
        "reason=\"spec.overhead: '1' instead of a map\"",
        "WARNING objects left out resource=pods count=1",
    ]


async def test_a_server_that_refuses_watch_lists_is_read_in_pages(tmp_path: Path) -> None:
    async with running_cluster(tmp_path, ServerOptions(refuses_watch_lists=True)) as cluster:
        cluster.store.put("nodes", node("node-1"))
        async with ready(tmp_path, "local", "--kubeconfig", service_account_kubeconfig(cluster, tmp_path)) as local:
            assert (await local.kubectl("get", "nosum", "--no-headers")).names == ["node-1"]
            cluster.store.put("nodes", node("node-2"))
            async with asyncio.timeout(FOLLOWS_WITHIN_S):
                while (await local.kubectl("get", "nosum", "--no-headers")).names != ["node-1", "node-2"]:
                    pass


def moving_a_core() -> dict[str, Any]:
    """A pod that counts 4 cores up to Kubernetes 1.36, and 3 from 1.37."""
    resizing = pod("resizing")
    resizing["spec"]["containers"] = [
        {"name": name, "resources": {"requests": {"cpu": cpu}}} for name, cpu in (("a", "1"), ("b", "2"))
    ]
    resizing["status"]["containerStatuses"] = [
        {"name": name, "allocatedResources": {"cpu": cpu}, "resources": {"requests": {"cpu": cpu}}}
        for name, cpu in (("a", "2"), ("b", "1"))
    ]
    return resizing


async def cpu_of_the_moving_core(cluster: Cluster, home: Path) -> Output:
    cluster.store.put("pods", moving_a_core())
    async with ready(home, "local", "--kubeconfig", service_account_kubeconfig(cluster, home)) as local:
        return await local.kubectl("get", "posum", "resizing", "-o", "jsonpath={.status.requests.cpu}")


@pytest.mark.parametrize(("minor_version", "cpu"), [(36, "4"), (37, "3")])
async def test_a_resize_counts_as_for_the_scheduler_of_the_servers_version(
    tmp_path: Path, minor_version: int, cpu: str
) -> None:
    """[C3] One core moves from one container to another."""
    async with running_cluster(tmp_path, ServerOptions(minor_version=minor_version)) as cluster:
        assert await cpu_of_the_moving_core(cluster, tmp_path) == Output(0, cpu, "")


def harden(cluster: Cluster) -> None:
    """Deletes the bindings for all users, as guides to hardening advise."""
    for binding in ("system:discovery", "system:public-info-viewer", "system:public-info-viewer:anonymous"):
        cluster.store.delete("clusterrolebindings", "", binding)


async def test_the_version_is_read_where_not_everybody_may_read_it(tmp_path: Path) -> None:
    """The newest rule counted: 3 cores."""
    async with running_cluster(tmp_path, ServerOptions(minor_version=36)) as cluster:
        harden(cluster)
        assert await cpu_of_the_moving_core(cluster, tmp_path) == Output(0, "4", "")


async def test_a_user_who_may_not_read_the_version_gets_the_newest_rule(tmp_path: Path) -> None:
    """The command ended, although the user may read all that is shown."""
    async with running_cluster(tmp_path, ServerOptions(minor_version=36)) as cluster:
        harden(cluster)
        cluster.store.put("pods", moving_a_core())
        role = cluster.store.get("clusterroles", "", "kubesum:server")
        assert role is not None
        whole = role.decoded()
        rules = [rule for rule in whole["rules"] if "nonResourceURLs" not in rule]
        cluster.store.put("clusterroles", {**whole, "rules": rules})
        async with ready(tmp_path, "local", "--kubeconfig", service_account_kubeconfig(cluster, tmp_path)) as local:
            cpu = await local.kubectl("get", "posum", "resizing", "-o", "jsonpath={.status.requests.cpu}")
            said = (await local.command.stopped(signal.SIGINT)).err

    assert cpu == Output(0, "3", "")
    assert said.count("server version unknown") == 1


async def test_an_empty_cluster_has_no_rows(tmp_path: Path) -> None:
    async with (
        running_cluster(tmp_path, ServerOptions()) as cluster,
        ready(tmp_path, "local", "--kubeconfig", service_account_kubeconfig(cluster, tmp_path)) as local,
    ):
        for short in ("nosum", "posum", "wlsum", "imgsum", "cimgsum"):
            assert await local.kubectl("get", short, "-A") == Output(0, "", "No resources found\n")
        assert (await local.kubectl("get", "clsum", "--no-headers")).words[0][:3] == ["cluster", "0/0", "0"]


async def test_the_kubeconfig_is_removed_on_exit(cluster: Cluster, tmp_path: Path) -> None:
    async with ready(tmp_path, "local", "--kubeconfig", service_account_kubeconfig(cluster, tmp_path)) as local:
        assert local.kubeconfig.exists()
        assert await local.command.stopped(signal.SIGTERM) == Output(0, "", "")

    assert not local.kubeconfig.parent.exists()


async def test_a_kubeconfig_at_a_given_path_is_kept_and_private(cluster: Cluster, tmp_path: Path) -> None:
    kept = tmp_path / "with a space" / "kept.kubeconfig"
    kept.parent.mkdir()
    kept.touch(mode=0o644)
    source = service_account_kubeconfig(cluster, tmp_path)

    async with ready(tmp_path, "local", "--kubeconfig", source, "--kubeconfig-out", str(kept)) as local:
        assert local.line == f"ready: kubectl --kubeconfig '{kept}' get nosum"
        assert await local.command.stopped(signal.SIGINT) == Output(0, "", "")

    assert permissions(kept) == 0o600


@asynccontextmanager
async def silent(answers: dict[bytes, bytes]) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A server that answers only some paths: its URL, and an event that a request of another path sets."""
    waiting = asyncio.Event()
    over = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := (await reader.readuntil(b"\r\n\r\n") if not reader.at_eof() else b""):
            if (body := answers.get(head.split()[1])) is None:
                waiting.set()
                break
            fields = b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(body)
            writer.write(b"HTTP/1.1 200 OK\r\n" + fields + body)
        await over.wait()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", waiting
        over.set()


@pytest.mark.parametrize(
    ("answers", "number"),
    [({}, signal.SIGINT), ({b"/version": b"{}"}, signal.SIGTERM)],
    ids=["unanswered", "syncing"],
)
async def test_a_signal_ends_it_before_it_is_ready(
    tmp_path: Path, answers: dict[bytes, bytes], number: signal.Signals
) -> None:
    async with (
        silent(answers) as (url, waiting),
        kubesum(tmp_path, "local", "--kubeconfig", without_credentials(url, tmp_path)) as local,
    ):
        async with asyncio.timeout(HANGS_AFTER_S):
            await waiting.wait()
        assert await local.stopped(number) == Output(0, "", "")


async def test_a_user_without_some_permissions_gets_the_rest(cluster: Cluster, tmp_path: Path) -> None:
    async with ready(tmp_path, "local", "--kubeconfig", user_kubeconfig(cluster, tmp_path, "viewer")) as local:
        async with asyncio.timeout(REFUSED_WITHIN_S):
            nodes = await local.kubectl("get", "nosum")
        images = await local.kubectl("get", "imgsum", "-A", "--no-headers")
        rest = await local.command.stopped(signal.SIGINT)

    assert (nodes.code, nodes.out) == (1, "")
    assert "Error from server (ServiceUnavailable): " in nodes.err
    assert 'nodes is forbidden: User "viewer" cannot ' in nodes.err
    assert [(words[0], words[2]) for words in images.words] == [("default", "docker.io/library/shop")]
    assert rest == Output(
        0,
        "",
        "kubesum: not allowed to list nodes: what is computed from them is not served\n"
        "kubesum: not allowed to list rollupdefinitions: the kinds that they make are not served\n",
    )


async def test_a_user_who_may_list_nothing_gets_an_error_of_one_line(cluster: Cluster, tmp_path: Path) -> None:
    output = await failed(tmp_path, "local", "--kubeconfig", user_kubeconfig(cluster, tmp_path, "tenant"))

    assert (output.code, output.out) == (1, "")
    assert re.fullmatch(
        r"kubesum: not allowed to list any watched resource: https://127.0.0.1:\d+/\S+ answers 403 Forbidden: "
        r'\S+ is forbidden: User "zoë@example.org" cannot watch resource "\S+" in API group "\S*" '
        r"at the cluster scope\n",
        output.err,
    )


async def test_a_server_that_is_not_there_is_named(tmp_path: Path) -> None:
    with socket() as unheard:
        unheard.bind(("127.0.0.1", 0))
        url = f"https://127.0.0.1:{unheard.getsockname()[1]}"
        output = await failed(tmp_path, "local", "--kubeconfig", without_credentials(url, tmp_path))

    assert output == Output(1, "", f"kubesum: cannot reach {url}: connection refused\n")


async def test_an_unknown_context_is_named(cluster: Cluster, tmp_path: Path) -> None:
    source = user_kubeconfig(cluster, tmp_path, "admin")

    output = await failed(tmp_path, "local", "--kubeconfig", source, "--context", "staging")

    assert output == Output(
        1, "", f"kubesum: kubeconfig {source} has no context 'staging'; its contexts: admin, viewer, tenant\n"
    )


async def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    assert await failed(tmp_path, "local") == Output(
        1, "", f"kubesum: kubeconfig {tmp_path}/.kube/config does not exist\n"
    )


async def test_a_kubeconfig_that_cannot_be_written_is_named(cluster: Cluster, tmp_path: Path) -> None:
    lost = tmp_path / "missing" / "kubeconfig"

    output = await failed(
        tmp_path,
        "local",
        "--kubeconfig",
        service_account_kubeconfig(cluster, tmp_path),
        "--kubeconfig-out",
        str(lost),
    )

    assert output == Output(1, "", f"kubesum: cannot write the kubeconfig {lost}: No such file or directory\n")


@pytest.fixture
def used_port() -> Iterator[str]:
    """A port that another process listens on."""
    with socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield str(listener.getsockname()[1])


@pytest.mark.parametrize("command", ["local", "demo"])
async def test_a_used_port_is_named(cluster: Cluster, tmp_path: Path, command: str, used_port: str) -> None:
    source = (
        ("--kubeconfig", service_account_kubeconfig(cluster, tmp_path)) if command == "local" else ("--pods", "1")
    )

    output = await failed(tmp_path, command, *source, "--port", used_port)

    assert output == Output(
        1,
        "",
        f"kubesum: cannot listen on 127.0.0.1, port {used_port}: Address already in use; choose another port\n",
    )


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ("", "kubesum: the following arguments are required: COMMAND; see kubesum --help"),
        (
            "local --port 65536",
            "kubesum local: argument --port: '65536' is not a number from 0 to 65535; see kubesum local --help",
        ),
        (
            "demo --nodes 0",
            "kubesum demo: argument --nodes: '0' is not a positive integer; see kubesum demo --help",
        ),
        (
            "serve --usage-interval 30",
            "kubesum serve: argument --usage-interval: '30' is not a duration such as 10s or 1m30s; "
            "see kubesum serve --help",
        ),
        (
            "demo --usage-interval 500ms",
            "kubesum demo: argument --usage-interval: '500ms' is neither 0 nor a duration of at least 1s; "
            "see kubesum demo --help",
        ),
        (
            "local --from cluster.json --context staging",
            "kubesum local: --from cannot be combined with --kubeconfig or --context; see kubesum local --help",
        ),
        (
            "serve --tls-cert-file tls.crt",
            "kubesum serve: --tls-cert-file and --tls-private-key-file must be set together; "
            "see kubesum serve --help",
        ),
        ("top --watch", "kubesum top: unrecognized arguments: --watch; see kubesum top --help"),
    ],
)
async def test_invalid_flags_are_an_error_of_one_line(tmp_path: Path, arguments: str, sentence: str) -> None:
    assert await failed(tmp_path, *arguments.split()) == Output(2, "", f"{sentence}\n")


@dataclass(frozen=True)
class Address:
    """The URL of kubesum, the CA of its certificate, and its client's certificate with the key; PEM."""

    url: str
    authority: str
    own: bytes

    async def get(self, certificate: bytes, directory: Path) -> int:
        """The status code of a request with a client certificate, with none if it is empty."""
        context = ssl.create_default_context(cadata=self.authority)
        if certificate:
            (directory / "client.pem").write_bytes(certificate)
            context.load_cert_chain(directory / "client.pem")
        async with (
            aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session,
            session.get(f"{self.url}/version") as answer,
        ):
            return answer.status


@pytest.fixture
def address(local: Ready) -> Address:
    """The address in the kubeconfig."""
    config = yaml.safe_load(local.kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    own = b64decode(user["client-certificate-data"]) + b64decode(user["client-key-data"])
    return Address(cluster["server"], b64decode(cluster["certificate-authority-data"]).decode(), own)


async def test_the_client_certificate_of_the_kubeconfig_is_accepted(address: Address, tmp_path: Path) -> None:
    assert await address.get(address.own, tmp_path) == 200


async def test_a_client_without_a_certificate_cannot_connect(address: Address, tmp_path: Path) -> None:
    with pytest.raises(aiohttp.ClientError):
        await address.get(b"", tmp_path)


async def test_a_certificate_of_another_ca_of_the_same_name_cannot_connect(address: Address, tmp_path: Path) -> None:
    stranger = certificates.client(certificates.authority("kubesum-local-ca"), "kubesum-local")

    with pytest.raises(aiohttp.ClientError):
        await address.get(stranger.certificate + stranger.key, tmp_path)
