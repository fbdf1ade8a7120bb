"""A real Prometheus over scrapes: its own tool writes them into its database, and its HTTP API evaluates."""

import asyncio
import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from tests.computation import JsonObject
from tests.hanging import HANGS_AFTER_S
from tests.monitoring.promql import Scrape, Vector
from tests.serving.runningserver import free_port

NO_SETTINGS: Final[JsonObject] = {}
# What was not in the last scrape is gone, as for a Prometheus that scrapes.
LOOKBACK: Final = "--query.lookback-delta=1m"
HOW_TO: Final = "no Prometheus is found: apt-get install prometheus, or have prometheus and promtool on the PATH"


def program(name: str) -> str:
    """The path of prometheus or promtool; skips the test without, unless KUBESUM_PROMETHEUS_REQUIRED is set."""
    found = shutil.which(name)
    if found is None:
        if os.environ.get("KUBESUM_PROMETHEUS_REQUIRED"):
            pytest.fail(HOW_TO)
        pytest.skip(HOW_TO)
    return found


def promtool(*arguments: str | Path) -> str:
    """What promtool prints; fails with it if promtool does."""
    done = subprocess.run([program("promtool"), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@dataclass(frozen=True)
class Prometheus:
    """A running one."""

    client: aiohttp.ClientSession

    async def evaluated(self, expression: str, at: float) -> Vector:
        """The result at a time, without the names of metrics."""
        parameters = {"query": expression, "time": f"{at:.3f}"}
        async with self.client.get("/api/v1/query", params=parameters) as answer:
            body = await answer.json()
        assert body["status"] == "success", body
        return {
            frozenset((label, text) for label, text in one["metric"].items() if label != "__name__"): float(
                one["value"][1]
            )
            for one in body["data"]["result"]
        }


@asynccontextmanager
async def prometheus(
    home: Path, scrapes: Iterable[Scrape] = (), settings: JsonObject = NO_SETTINGS
) -> AsyncIterator[Prometheus]:
    """One that has scraped these, with the content of its file of settings; stopped on the way out."""
    text, data, config = home / "scrapes.txt", home / "data", home / "prometheus.yml"
    # promtool drops samples of a series that are older than the one before.
    in_order = sorted(scrapes, key=lambda one: one.at)
    text.write_text("\n".join([*(line for one in in_order for line in _lines(one)), "# EOF\n"]))
    config.write_text(json.dumps(settings))
    promtool("tsdb", "create-blocks-from", "openmetrics", text, data)
    url = f"http://127.0.0.1:{free_port()}"
    arguments = (
        f"--config.file={config}",
        f"--storage.tsdb.path={data}",
        f"--web.listen-address={url[7:]}",
        LOOKBACK,
    )
    running = await asyncio.create_subprocess_exec(program("prometheus"), *arguments, stderr=asyncio.subprocess.PIPE)
    try:
        await _ready(running)
        async with aiohttp.ClientSession(url) as client:
            yield Prometheus(client)
    finally:
        running.terminate()
        await running.communicate()


async def _ready(running: asyncio.subprocess.Process) -> None:
    """Returns when it answers queries; its log says so."""
    assert running.stderr is not None
    log = b""
    async with asyncio.timeout(HANGS_AFTER_S):
        async for line in running.stderr:
            log += line
            if b"ready to receive web requests" in line:
                return
    raise AssertionError(log.decode())


def _lines(scrape: Scrape) -> Iterator[str]:
    """The samples in the text format of OpenMetrics; json quotes labels as that does."""
    for name, series in scrape.samples.items():
        for labels, value in series:
            inner = ",".join(f"{label}={json.dumps(text, ensure_ascii=False)}" for label, text in labels.items())
            yield f"{name}{{{inner}}} {value} {scrape.at:.3f}"
