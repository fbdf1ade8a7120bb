"""A demo, and a server to which faults happen, each scraped before and after."""

import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
import pytest_asyncio

from tests.commands.running import Ready, ready
from tests.monitoring.faults import faulty_server
from tests.monitoring.promql import Scrape
from tests.monitoring.scraping import scrape

SIZE = ("--nodes", "8", "--pods", "80", "--seed", "3", "--churn", "5")
# Just inside the ranges of alerts and of panels: a range of Prometheus 3 is without its beginning.
BEFORE_S = (899.99, 239.99)


@dataclass(frozen=True)
class Scraped:
    """What was scraped before, at the beginning of each range, and what was scraped at last; and the text of that."""

    scrapes: tuple[Scrape, ...]
    text: str

    @property
    def last(self) -> Scrape:
        """The last scrape."""
        return self.scrapes[-1]


def scraped(before: str, after: str) -> Scraped:
    """The scrapes of two texts, the second one of now."""
    now = time.time()
    return Scraped((*(scrape(before, now - ago) for ago in BEFORE_S), scrape(after, now)), after)


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    """A demo."""
    home = tmp_path_factory.mktemp("demo")
    async with ready(home, "demo", *SIZE, "--kubeconfig-out", str(home / "demo.kubeconfig")) as demo:
        yield demo


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def of_demo(demo: Ready) -> Scraped:
    """The demo before and after a pod was deleted in it."""
    before = await metrics(demo)
    pods = json.loads((await demo.kubectl("get", "podsummaries", "-n", "data", "-o", "json")).out)["items"]
    pod = pods[0]["metadata"]["name"]
    await demo.kubectl("delete", "pod", "-n", "data", pod, "--wait=false")
    await demo.kubectl("wait", "-n", "data", f"podsummary/{pod}", "--for=delete", "--timeout=60s")
    return scraped(before, await metrics(demo))


async def metrics(demo: Ready) -> str:
    """The text of /metrics of the demo's server, through the proxy for its pod."""
    pods = json.loads((await demo.kubectl("get", "pods", "-n", "kubesum-system", "-o", "json")).out)["items"]
    pod = pods[0]["metadata"]["name"]
    port = pods[0]["spec"]["containers"][0]["ports"][0]["containerPort"]
    path = f"/api/v1/namespaces/kubesum-system/pods/https:{pod}:{port}/proxy/metrics"
    return (await demo.kubectl("get", "--raw", path)).out


@pytest_asyncio.fixture(scope="package", loop_scope="package")
async def of_faults(tmp_path_factory: pytest.TempPathFactory) -> Scraped:
    """A server to which everything happened once, and once more."""
    async with faulty_server(tmp_path_factory.mktemp("faults")) as server:
        await server.everything()
        before = await server.metrics()
        await server.everything()
        return scraped(before, await server.metrics())
