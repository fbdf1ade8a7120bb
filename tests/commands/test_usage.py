"""Usage beside `kubectl top`, and with a metrics API that fails or sends false values."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web

from kubesim.apiserver.apiserver import ServerOptions
from kubesim.apiserver.metrics import metrics_api_service
from kubesum.vocabulary.quantity import amount
from tests.commands.running import Ready, ready
from tests.commands.test_local import service_account_kubeconfig, without_credentials
from tests.unit.kubesim.runningcluster import Cluster, node, pod, running_cluster

pytestmark = pytest.mark.asyncio(loop_scope="module")

SHOWN_WITHIN_S = 10.0
AGREES_WITHIN_S = 30.0
"""The simulated cluster measures usage every 15 s, which may happen between two commands."""
MIB = 1 << 20
METRICS = "/apis/metrics.k8s.io/"
KINDS = "nosum,nssum,wlsum,posum,clsum"

JsonObject = dict[str, Any]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    """A demo whose cluster does not change, and whose usage is polled every second."""
    arguments = ("--nodes", "8", "--pods", "80", "--seed", "3", "--churn", "0", "--usage-interval", "1s")
    async with ready(tmp_path_factory.mktemp("demo"), "demo", *arguments) as demo:
        async with asyncio.timeout(SHOWN_WITHIN_S):
            while "<none>" in (await demo.kubectl("get", "clsum")).out:
                pass
        yield demo


async def items(ready: Ready, *arguments: str) -> list[JsonObject]:
    """The objects that kubectl gets."""
    found = await ready.kubectl("get", *arguments, "-o", "json")
    assert (found.code, found.err) == (0, "")
    listed: list[JsonObject] = json.loads(found.out)["items"]
    return listed


def used(item: JsonObject) -> tuple[int, int]:
    """Millicores and Mi, as `kubectl top` prints them."""
    usage = item["status"]["usage"]
    return amount("cpu", usage["cpu"]), amount("memory", usage["memory"]) // MIB


def printed(words: list[str]) -> tuple[int, int]:
    """The same from the words of `kubectl top`: `250m`, `64Mi`."""
    return int(words[0].removesuffix("m")), int(words[1].removesuffix("Mi"))


async def agreeing(ours: Callable[[], Awaitable[JsonObject]], theirs: Callable[[], Awaitable[JsonObject]]) -> None:
    """Waits until both give the same, other than nothing; fails if they do not."""
    mine: JsonObject = {}
    others: JsonObject = {}
    try:
        async with asyncio.timeout(AGREES_WITHIN_S):
            while mine != others or not mine:
                mine, others = await ours(), await theirs()
    except TimeoutError:
        assert mine == others


async def test_nodes_use_what_kubectl_top_says(demo: Ready) -> None:
    async def ours() -> JsonObject:
        return {
            item["metadata"]["name"]: (*used(item), item["status"]["usagePercent"]["cpu"])
            for item in await items(demo, "nosum")
            if "usage" in item["status"]
        }

    async def theirs() -> JsonObject:
        found = await demo.kubectl("top", "nodes", "--no-headers")
        return {
            words[0]: (*printed([words[1], words[3]]), int(words[2].removesuffix("%")))
            for words in found.words
            if "<unknown>" not in words
        }

    await agreeing(ours, theirs)


async def test_pods_use_what_kubectl_top_says(demo: Ready) -> None:
    async def ours() -> JsonObject:
        return {
            f"{item['metadata']['namespace']}/{item['metadata']['name']}": used(item)
            for item in await items(demo, "posum", "-A")
            if "usage" in item["status"]
        }

    async def theirs() -> JsonObject:
        found = await demo.kubectl("top", "pods", "-A", "--no-headers")
        return {f"{words[0]}/{words[1]}": printed(words[2:]) for words in found.words}

    await agreeing(ours, theirs)


@pytest.mark.parametrize("arguments", [("nosum",), ("nssum", "-A"), ("wlsum", "-A"), ("posum", "-A"), ("clsum",)])
async def test_every_resource_with_usage_has_columns_for_it(demo: Ready, arguments: tuple[str, ...]) -> None:
    found = await demo.kubectl("get", *arguments)

    lines = found.out.splitlines()
    start, end = lines[0].index("CPU-USE"), lines[0].index("MEM-USE") + len("MEM-USE")
    cells = [line[start:end].split() for line in lines[1:]]
    assert any(cell[0] != "<none>" and cell[1].endswith("i") for cell in cells)


async def test_nodes_are_sorted_by_what_they_use(demo: Ready) -> None:
    found = await demo.kubectl("get", "nosum", "--sort-by=.status.usage.cpu", "--no-headers", "-o", "name")
    shown = await demo.kubectl("get", "nosum", "--sort-by=.status.usage.cpu", "--no-headers")

    cpus = [amount("cpu", words[8]) for words in shown.words]
    assert cpus == sorted(cpus)
    assert len(set(cpus)) > 3
    assert len(found.names) == 8


async def test_the_sources_of_usage_are_listed(demo: Ready) -> None:
    (cluster,) = await items(demo, "clsum")

    synced = {source["resource"]: source["synced"] for source in cluster["status"]["sources"]}
    assert (synced["nodes.metrics.k8s.io"], synced["pods.metrics.k8s.io"]) == (True, True)


async def test_usage_can_be_switched_off(tmp_path: Path) -> None:
    arguments = ("--nodes", "2", "--pods", "10", "--churn", "0", "--usage-interval", "0")
    async with ready(tmp_path, "demo", *arguments) as demo:
        (cluster,) = await items(demo, "clsum")

    assert "usage" not in cluster["status"]
    assert not any("metrics" in source["resource"] for source in cluster["status"]["sources"])


def old(name: str) -> JsonObject:
    """A pod that has run for long enough to be measured."""
    return {
        **pod(name),
        "metadata": {"name": name, "namespace": "default", "creationTimestamp": "2026-01-02T03:04:05Z"},
    }


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Cluster]:
    """A cluster of one node and two pods."""
    async with running_cluster(tmp_path_factory.mktemp("cluster"), ServerOptions()) as cluster:
        found = node("node-1")
        found["metadata"]["creationTimestamp"] = "2026-01-02T03:04:05Z"
        cluster.store.put("nodes", found)
        cluster.store.put("pods", old("a"))
        cluster.store.put("pods", old("b"))
        yield cluster


async def test_a_user_who_may_not_read_usage_gets_one_warning(cluster: Cluster, tmp_path: Path) -> None:
    role = cluster.store.get("clusterroles", "", "kubesum:server")
    assert role is not None
    whole = role.decoded()
    rules = [rule for rule in whole["rules"] if rule.get("apiGroups") != ["metrics.k8s.io"]]
    cluster.store.put("clusterroles", {**whole, "rules": rules})
    try:
        arguments = ("--kubeconfig", service_account_kubeconfig(cluster, tmp_path), "--usage-interval", "1s")
        async with ready(tmp_path, "local", *arguments) as local:
            assert local.command.process.stderr is not None
            async with asyncio.timeout(SHOWN_WITHIN_S):
                said = (await local.command.process.stderr.readline()).decode()
            rows = await items(local, "nosum")
            is_ready = await local.kubectl("get", "--raw", "/readyz")
    finally:
        cluster.store.put("clusterroles", whole)

    assert said.startswith("kubesum: usage is not shown yet: https://127.0.0.1:")
    assert 'answers 403 Forbidden: nodes.metrics.k8s.io is forbidden: User "system:serviceaccount:' in said
    assert "usage" not in rows[0]["status"]
    assert is_ready.out == "ok"


@pytest.mark.parametrize("gone", ["v1", "v1beta1"])
async def test_usage_is_read_in_the_version_that_is_served(cluster: Cluster, tmp_path: Path, gone: str) -> None:
    cluster.store.delete("apiservices", "", f"{gone}.metrics.k8s.io")
    try:
        arguments = ("--kubeconfig", service_account_kubeconfig(cluster, tmp_path), "--usage-interval", "1s")
        async with ready(tmp_path, "local", *arguments) as local, asyncio.timeout(SHOWN_WITHIN_S):
            while "usage" not in (await items(local, "nosum"))[0]["status"]:
                pass
    finally:
        cluster.store.put("apiservices", metrics_api_service(gone))


Answer = Callable[[], Awaitable[web.StreamResponse]]


class Proxy:
    """A proxy in front of an API server, which can replace the responses of its metrics API."""

    def __init__(self, cluster: Cluster, session: aiohttp.ClientSession) -> None:
        self.url = ""
        self._cluster = cluster
        self._session = session
        self._fault: Answer | None = None
        self._asked: set[str] = set()
        self._both_asked = asyncio.Event()
        self._over = asyncio.Event()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """The response of the API server to kubesum's service account, or the one that replaces it."""
        if request.path.startswith(METRICS):
            self._asked.add(request.path.rpartition("/")[2])
            if len(self._asked) == 2:
                self._both_asked.set()
            if self._fault is not None:
                return await self._fault()
        headers = {"Authorization": f"Bearer {self._cluster.pki.service_token}", "Accept": "application/json"}
        async with self._session.get(request.path_qs, headers=headers) as upstream:
            answer = web.StreamResponse(status=upstream.status, headers={"Content-Type": upstream.content_type})
            await answer.prepare(request)
            async for chunk in upstream.content.iter_any():
                await answer.write(chunk)
            return answer

    async def answer_with(self, fault: Answer | None) -> None:
        """Replaces the responses of the metrics API; returns once both lists were requested."""
        self._over.set()
        self._fault, self._asked, self._over = fault, set(), asyncio.Event()
        self._both_asked.clear()
        async with asyncio.timeout(SHOWN_WITHIN_S):
            await self._both_asked.wait()

    async def silence(self) -> web.StreamResponse:
        """No response until another replacement is set."""
        await self._over.wait()
        return web.Response(status=500)


@asynccontextmanager
async def proxied(cluster: Cluster) -> AsyncIterator[Proxy]:
    """A proxy over plain HTTP in front of a cluster."""
    async with cluster.session("nobody") as session:
        proxy = Proxy(cluster, session)
        app = web.Application()
        app.router.add_get("/{path:.*}", proxy.serve)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        proxy.url = "http://{}:{}".format(*runner.addresses[0][:2])
        try:
            yield proxy
        finally:
            await runner.cleanup()


def saying(body: str, code: int = 200, media_type: str = "application/json") -> Answer:
    """A response that is always the same."""

    async def answer() -> web.StreamResponse:
        return web.Response(text=body, status=code, content_type=media_type)

    return answer


def refusing(code: int, reason: str) -> Answer:
    """A metav1.Status other than success."""
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason}
    return saying(json.dumps(status), code)


async def without_usage(local: Ready) -> list[JsonObject]:
    """All rows, without what depends on the metrics API."""
    rows = await items(local, KINDS, "-A")
    for row in rows:
        del row["metadata"]["resourceVersion"]
        for name in ("usage", "usagePercent", "podsWithoutUsage", "nodesWithoutUsage", "sources"):
            row["status"].pop(name, None)
    return rows


async def test_no_failure_of_the_metrics_api_changes_other_numbers(cluster: Cluster, tmp_path: Path) -> None:
    async with proxied(cluster) as proxy:
        arguments = ("--kubeconfig", without_credentials(proxy.url, tmp_path), "--usage-interval", "1s")
        async with ready(tmp_path, "local", *arguments) as local:
            rows = await without_usage(local)
            for fault in (
                refusing(404, "NotFound"),
                refusing(403, "Forbidden"),
                saying("service unavailable", 503, "text/plain"),
                saying("<h1>Sign in</h1>", media_type="text/html"),
                saying('{"kind":"PodMetricsList","items":[{"metadata":'),
                saying('{"kind":"List","items":[]}'),
                proxy.silence,
            ):
                await proxy.answer_with(fault)
                assert await without_usage(local) == rows
                await proxy.answer_with(None)
            is_ready = await local.kubectl("get", "--raw", "/readyz")

    assert len(rows) == 12
    assert is_ready.out == "ok"


def false_metrics(*claims: JsonObject) -> Answer:
    """Metrics of pods and nodes with these values."""

    async def answer() -> web.StreamResponse:
        found = [{"timestamp": "2026-03-01T00:00:00Z", "window": "-7h", **claim} for claim in claims]
        kind = "PodMetricsList" if "containers" in claims[0] else "NodeMetricsList"
        return web.json_response(
            {"kind": kind, "apiVersion": "metrics.k8s.io/v1beta1", "metadata": {}, "items": found}
        )

    return answer


def claim(name: str, cpu: str, memory: str) -> JsonObject:
    """Metrics of one pod."""
    usage = {"cpu": cpu, "memory": memory}
    return {"metadata": {"name": name, "namespace": "default"}, "containers": [{"name": "main", "usage": usage}]}


async def test_impossible_usage_is_ignored_and_any_other_is_shown(cluster: Cluster, tmp_path: Path) -> None:
    async with proxied(cluster) as proxy:
        arguments = ("--kubeconfig", without_credentials(proxy.url, tmp_path), "--usage-interval", "1s")
        async with ready(tmp_path, "local", *arguments) as local:
            rows = await without_usage(local)
            await proxy.answer_with(
                false_metrics(
                    claim("a", "-5m", "1Mi"),
                    claim("a", "1e30", "1Mi"),
                    claim("b", "900000", "1e30"),
                    claim("b", "900000", "700Ti"),
                    claim("stranger", "7", "1Gi"),
                )
            )
            async with asyncio.timeout(SHOWN_WITHIN_S):
                while (pods := await items(local, "posum"))[1]["status"].get("usage", {}).get("cpu") != "900k":
                    pass
            (namespace,) = await items(local, "nssum", "-n", "default")

            assert "usage" not in pods[0]["status"]
            assert namespace["status"]["usage"] == {"cpu": "900k", "memory": "700Ti"}
            assert await without_usage(local) == rows
