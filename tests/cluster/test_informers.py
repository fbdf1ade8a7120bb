"""Informers of client-go over every kind, while pods change and two replicas restart in turn."""

import asyncio
import json
import random
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cluster import installation
from tests.cluster.churn import NAMESPACE, Churn, churning, fill
from tests.cluster.controlplane import BINARIES, ControlPlane, binaries
from tests.cluster.installation import available
from tests.cluster.replicas import two_replicas
from tests.computation import JsonObject
from tests.oracle.kubectl import kubectl

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

KINDS = (
    "clusterimagesummaries",
    "clustersummaries",
    "imagesummaries",
    "namespacesummaries",
    "nodesummaries",
    "podsummaries",
    "workloadsummaries",
)
CHANGES_PER_SECOND = 50
RESTARTS = 4
RESTART_EVERY_S = 5
QUIET_S = 4
HOW_TO_BUILD = "tests/cluster/informer/main.go says how to build it"
PODS = 520
"""More than one page of client-go's and kubectl's lists."""


@dataclass(frozen=True)
class Informers:
    """A run of informers: how they get their first state, and what they select."""

    mode: str
    kinds: tuple[str, ...] = KINDS
    labels: str = ""
    fields: str = ""

    def arguments(self) -> list[str]:
        resources = ",".join(f"summary.kubesum.dev/v1alpha1/{kind}" for kind in self.kinds)
        selectors = [f"-{name}={text}" for name in ("labels", "fields") if (text := getattr(self, name))]
        return ["-mode", self.mode, "-resources", resources, "-settle", "15s", "-content", *selectors]


RUNS = (
    Informers("watchlist"),
    Informers("list"),
    Informers("watchlist", ("podsummaries",), labels="color=red"),
    Informers("list", ("podsummaries",), fields="status.healthy=false"),
)


def informer() -> Path:
    """The program; skips where there is none."""
    assets = binaries()
    found = shutil.which("informer", path=assets)
    if found is None:
        pytest.skip(f"{BINARIES} holds no informer: {HOW_TO_BUILD}")
    usage = subprocess.run([found, "-h"], stderr=subprocess.PIPE, check=False).stderr
    if b"-content" not in usage:
        pytest.skip(f"the informer that {BINARIES} holds is an old one: {HOW_TO_BUILD}")
    return Path(found)


async def told(program: Path, plane: ControlPlane, run: Informers, is_over: asyncio.Event) -> JsonObject:
    """What a run of informers finds until it is over."""
    process = await asyncio.create_subprocess_exec(
        str(program),
        *("-kubeconfig", str(plane.kubeconfig), "-duration", "1h", *run.arguments()),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )

    async def end() -> None:
        await is_over.wait()
        process.terminate()

    ending = asyncio.create_task(end())
    out, err = await process.communicate()
    ending.cancel()
    assert process.returncode in (0, 1), err.decode()
    found: JsonObject = json.loads(out)
    return found


def violations(result: JsonObject) -> list[JsonObject]:
    """What a run of informers should not have seen, with examples."""
    return [
        {name: count for name, count in kind["violations"].items() if count}
        | {"resource": kind["resource"], "mode": result["mode"], "samples": kind.get("samples", [])}
        for kind in result["resources"]
        if any(kind["violations"].values())
    ]


async def lists_in_pages(plane: ControlPlane, is_over: asyncio.Event) -> int:
    """Lists pods in pages until it is over; each list has what is there all the time, once, in order."""
    lists = 0
    while not is_over.is_set():
        page = ("get", "posum", "-n", NAMESPACE, "--chunk-size=150", "-o", "custom-columns=NAME:.metadata.name")
        try:
            _, *names = (await kubectl(plane.kubeconfig, *page)).split()
        except AssertionError:
            # A replica that is killed takes the responses with it that it was sending.
            continue
        assert names == sorted(set(names))
        assert sum(name.startswith("steady-") for name in names) == PODS
        lists += 1
    return lists


async def test_informers_see_what_kube_apiserver_would_send(bare: ControlPlane) -> None:
    """[W5] [W10] [W11] [W12] A controller acts wrongly after one DELETED of an object that lives."""
    program = informer()
    with bare.client() as client:
        fill(client, PODS)
    await installation.install(bare.kubeconfig)
    churn, no_more_changes, is_over = Churn(random.Random(1)), asyncio.Event(), asyncio.Event()
    async with two_replicas(bare) as replicas:
        await available(bare.kubeconfig)
        with churning(bare, churn, CHANGES_PER_SECOND):
            runs = [asyncio.create_task(told(program, bare, run, is_over)) for run in RUNS]
            listing = asyncio.create_task(lists_in_pages(bare, no_more_changes))
            for restarts in range(RESTARTS):
                await asyncio.sleep(RESTART_EVERY_S)
                await (replicas.crash() if restarts % 2 else replicas.restart())
            await asyncio.sleep(QUIET_S)
            no_more_changes.set()
            lists = await listing
        await asyncio.sleep(QUIET_S)
        is_over.set()
        results = await asyncio.gather(*runs)

    assert [violation for one in results for violation in violations(one)] == []
    assert lists
    assert churn.changes > PODS
    for run, one in zip(RUNS, results, strict=True):
        firsts = [kind["info"]["lists"] + kind["info"]["watchlist_watches"] for kind in one["resources"]]
        assert sum(firsts) > len(run.kinds), "no informer came from a replica that is gone"
