"""`kubesum local` in front of a cluster that has RollupDefinitions: their kinds are served too."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.commands.running import Ready, ready
from tests.commands.test_rollups import DEFINITION
from tests.hanging import HANGS_AFTER_S

pytestmark = pytest.mark.asyncio(loop_scope="module")

STILL = ("--nodes", "8", "--pods", "80", "--seed", "3", "--churn", "0", "--usage-interval", "0")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    """A cluster with the three definitions of the demo."""
    async with ready(tmp_path_factory.mktemp("demo"), "demo", *STILL) as demo:
        yield demo


def written(path: Path, **spec: Any) -> str:
    """A file with the demo's definition of teams, changed."""
    path.write_text(json.dumps({**DEFINITION, "spec": DEFINITION["spec"] | spec}))
    return str(path)


async def until(local: Ready, code: int, *arguments: str) -> None:
    """Returns once a kubectl ends with this code."""
    async with asyncio.timeout(HANGS_AFTER_S):
        while (await local.kubectl(*arguments)).code != code:
            pass


async def test_the_kinds_of_a_cluster_are_served_and_followed(demo: Ready, tmp_path: Path) -> None:
    definition = {**DEFINITION, "metadata": {"name": "owners.rollup.kubesum.dev"}}
    definition["spec"] = DEFINITION["spec"] | {"names": {"kind": "Owner", "plural": "owners"}}
    async with ready(tmp_path, "local", "--kubeconfig", str(demo.kubeconfig)) as local:
        pools = await local.kubectl("get", "nodepools")
        assert pools.out == (await demo.kubectl("get", "nodepools")).out
        assert len(pools.words) > 2
        await demo.kubectl("apply", "-f", "-", given=json.dumps(definition))
        await until(local, 0, "get", "owners", "payments")
        await demo.kubectl("delete", "rollupdefinition", "owners.rollup.kubesum.dev")
        await until(local, 1, "get", "owners", "payments")
        assert (await local.command.stopped(signal.SIGINT)).err == ""


async def test_a_definition_in_a_file_replaces_that_of_its_name(demo: Ready, tmp_path: Path) -> None:
    teams = written(tmp_path / "teams.json", groupBy=[{"name": "namespace", "field": "namespace"}])
    async with ready(tmp_path, "local", "--kubeconfig", str(demo.kubeconfig), "--rollups", teams) as local:
        assert "kube-system" in (await local.kubectl("get", "teamusages")).names
        assert (await local.kubectl("get", "nodepools")).code == 0


async def test_a_definition_that_cannot_be_served_is_named(demo: Ready, tmp_path: Path) -> None:
    taken = written(tmp_path / "taken.json", names={"kind": "NodePool", "plural": "teamusages"})
    async with ready(tmp_path, "local", "--kubeconfig", str(demo.kubeconfig), "--rollups", taken) as local:
        warned = (await local.command.stopped(signal.SIGINT)).err

    assert "definition refused" in warned
    assert "'NodePool' is a name of nodepools.rollup.kubesum.dev already" in warned


async def test_whoever_may_not_list_definitions_is_told(demo: Ready, tmp_path: Path) -> None:
    flags = ("--kubeconfig", str(demo.kubeconfig), "--context", "viewer")
    async with ready(tmp_path, "local", *flags) as local:
        warned = (await local.command.stopped(signal.SIGINT)).err

    assert "not allowed to list rollupdefinitions: the kinds that they make are not served\n" in warned
