"""The openb trace, a production cluster, gives the published totals through `local --from` and kubectl."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from kubesum.vocabulary.quantity import amount
from tests.commands import openb
from tests.commands.running import Ready, ready

pytestmark = pytest.mark.skipif(
    not openb.FOLDER.is_dir(), reason=f"the openb trace is not in {openb.FOLDER.relative_to(openb.FOLDER.parents[2])}"
)

MIB = 1024 * 1024


@asynccontextmanager
async def served(directory: Path, *, placed: bool) -> AsyncIterator[Ready]:
    """The trace, served from a file; prints how long it took to be ready."""
    dump = directory / "openb.json"
    dump.write_text(json.dumps(openb.cluster(placed=placed)))
    loop = asyncio.get_running_loop()
    started = loop.time()
    async with ready(directory, "local", "--from", str(dump)) as local:
        print(f"ready after {loop.time() - started:.2f} s ({dump.stat().st_size >> 20} MiB of JSON)")
        yield local


async def items(local: Ready, *arguments: str) -> list[Any]:
    """The objects that kubectl gets."""
    found = await local.kubectl("get", *arguments, "-o", "json")
    assert found.err == ""
    return list(json.loads(found.out)["items"])


def total(statuses: list[Any], field: str) -> Counter[str]:
    """The sums of a resource list over objects: millicores of cpu, whole units of the rest."""
    sums: Counter[str] = Counter()
    for status in statuses:
        sums.update({name: amount(name, quantity) for name, quantity in status.get(field, {}).items()})
    return sums


async def test_the_trace_as_published(tmp_path: Path) -> None:
    async with served(tmp_path, placed=False) as local:
        nodes = await items(local, "nosum")
        (cluster,) = await items(local, "clsum")
        (namespace,) = await items(local, "nssum", "-A")
        pods = await items(local, "posum", "-A")

    models: Counter[str] = Counter()
    for node in nodes:
        model = node["metadata"].get("labels", {}).get("gpu-model")
        models[model] += int(node["status"]["capacity"].get("nvidia.com/gpu", 0))
    assert len(nodes) == 1523
    assert models == {
        "G2": 4392,
        "T4": 842,
        "G3": 312,
        "P100": 265,
        "V100M32": 204,
        "V100M16": 195,
        "A10": 2,
        None: 0,
    }
    assert sum("nvidia.com/gpu" in node["status"]["capacity"] for node in nodes) == 1213

    status = cluster["status"]
    assert status["capacity"] == {
        "cpu": "125514",
        "memory": "597684Gi",
        "nvidia.com/gpu": "6212",
        "openb.example/gpu-milli": "6212k",
        "pods": "761500",
    }
    assert status["allocatable"] == status["capacity"]
    assert status["requests"] == {"cpu": "0", "memory": "0"}
    active = {
        "cpu": "71517364m",
        "memory": "259495275Mi",
        "nvidia.com/gpu": "5048",
        "openb.example/gpu-milli": "3975170",
    }
    assert status["pendingRequests"] == active
    assert namespace["status"]["requests"] == active
    counts = {"total": 8152, "active": 6090, "unscheduled": 6090, "failed": 1870, "succeeded": 192}
    assert {name: status["pods"][name] for name in counts} == counts

    assert len(pods) == 8152
    assert Counter(pod["status"]["phase"] for pod in pods) == {
        "Running": 5193,
        "Failed": 1870,
        "Pending": 897,
        "Succeeded": 192,
    }
    running = total([pod["status"] for pod in pods if pod["status"]["phase"] == "Running"], "requests")
    assert running == {
        "cpu": 62_505_268,
        "memory": 223_645_152 * MIB,
        "nvidia.com/gpu": 4_186,
        "openb.example/gpu-milli": 3_373_300,
    }


async def test_scheduled_and_unscheduled_pods_add_up_to_all(tmp_path: Path) -> None:
    async with served(tmp_path, placed=True) as local:
        nodes = await items(local, "nosum")
        (cluster,) = await items(local, "clsum")

    status = cluster["status"]
    on_nodes = total([node["status"] for node in nodes], "requests")
    waiting = total([status], "pendingRequests")
    assert on_nodes == total([status], "requests")
    assert on_nodes["pods"] + status["pods"]["unscheduled"] == 6090
    del on_nodes["pods"]
    assert on_nodes + waiting == {
        "cpu": 71_517_364,
        "memory": 259_495_275 * MIB,
        "nvidia.com/gpu": 5_048,
        "openb.example/gpu-milli": 3_975_170,
    }
    assert status["pods"]["orphaned"] == 0
    assert sum(node["status"]["pods"]["active"] for node in nodes) + status["pods"]["unscheduled"] == 6090
