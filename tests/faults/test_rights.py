"""The right to list or watch a kind is taken and given back; the authority of kube-apiserver changes."""

import asyncio
from collections.abc import Callable, Container, Iterable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from kubesim.access import certificates
from kubesim.apiserver.apiserver import ServerOptions
from tests.computation import KINDS, JsonObject
from tests.faults.faults import failure
from tests.faults.relay import Request
from tests.faults.scenes import WITHIN_S
from tests.faults.stage import Stage, accepting, on_stage, witnessed
from tests.serving.load import ROOT
from tests.serving.runningserver import V, eventually, fetch

ROLE = "kubesum:server"
OUTAGE_S = 45
"""More than the 30 s of failures after which answers carry a warning."""


def without(rules: list[JsonObject], resource: str, verb: str) -> list[JsonObject]:
    """The rules of a role, without one verb of one resource."""
    found: list[JsonObject] = []
    for rule in rules:
        others = [one for one in rule.get("resources", ()) if one != resource]
        if len(others) == len(rule.get("resources", ())):
            found.append(rule)
            continue
        found.append(rule | {"resources": others})
        found.append(rule | {"resources": [resource], "verbs": [one for one in rule["verbs"] if one != verb]})
    return found


def take(stage: Stage, resources: Iterable[str], verb: str) -> Callable[[], object]:
    """Takes a right from kubesum; what is returned gives it back."""
    stored = stage.store.get("clusterroles", "", ROLE)
    assert stored is not None
    role = stored.decoded()
    rules = role["rules"]
    for resource in resources:
        rules = without(rules, resource, verb)
    stage.store.put("clusterroles", role | {"rules": rules})
    return lambda: stage.store.put("clusterroles", role)


def reads(resources: Container[str]) -> Callable[[Request], bool]:
    """Which requests are lists or watches of some resources, but for those of one object."""
    return lambda it: it.path.rpartition("/")[2] in resources and "fieldSelector" not in it.query


def watches(resources: Container[str]) -> Callable[[Request], bool]:
    """Which requests are watches of some resources."""
    return lambda it: it.is_watch and reads(resources)(it)


@pytest.mark.parametrize("verb", ["watch", "list"])
def test_a_right_that_is_taken_leaves_what_was_read(tmp_path: Path, verb: str) -> None:
    """For one kind, and for all: 403 on the watch, or on the list that must follow 410."""

    async def test(stage: Stage) -> None:
        # The other lists take most of a minute, and all are refused by the same code.
        single = tuple(KINDS) if verb == "watch" else ("nodes", "pods")
        for kinds in (*((kind,) for kind in single), tuple(KINDS)):
            async with witnessed(stage):
                before = await stage.served()
                give_back = take(stage, kinds, verb)
                with stage.relay.fault(failure(410, "Expired"), watches(kinds if verb == "list" else ())):
                    stage.relay.cut(reads(kinds))
                    await asyncio.sleep(OUTAGE_S)
                assert await stage.served() == before, kinds
                assert [kind for kind in kinds if kind not in await warning(stage)] == []
                await stage.change()
                give_back()
                await stage.follows(WITHIN_S)

    # A streamed list is a watch.
    on_stage(tmp_path, test, options=ServerOptions(refuses_watch_lists=verb == "list"))


async def warning(stage: Stage) -> str:
    """The warning of the list that is computed from all kinds."""
    async with stage.session() as session:
        return (await fetch(session, stage.port, f"{V}/clustersummaries", ROOT)).headers.get("Warning", "")


def test_a_right_that_is_missing_at_the_start_is_named_and_may_come_later(tmp_path: Path) -> None:
    """What needs the kind is 503 and not empty, all else is served; no restart is needed."""

    async def test(stage: Stage) -> None:
        stage.start_cluster()
        give_back = take(stage, ["nodes"], "list")
        take_watch = take(stage, ["nodes"], "watch")
        await stage.relay.up()
        await eventually(lambda: stage.answers("/readyz", 200), WITHIN_S)

        async with stage.session() as session:
            refused = await fetch(session, stage.port, f"{V}/nodesummaries", ROOT)
        assert refused.code == 503
        assert "kubesum may not list nodes" in refused.message
        assert await stage.code(f"{V}/imagesummaries") == 200

        take_watch()
        give_back()
        await eventually(lambda: stage.answers(f"{V}/nodesummaries", 200), WITHIN_S)
        await stage.follows()

    on_stage(tmp_path, test, is_up=False)


def test_another_authority_is_trusted_once_its_file_is_there(tmp_path: Path) -> None:
    """kube-apiserver shows a certificate of an unknown authority, as an impostor would; then the file follows."""

    async def test(stage: Stage) -> None:
        async with witnessed(stage):
            before = await stage.served()
            authority = certificates.authority("kubernetes-ca")
            stage.relay.down()
            stage.relay.accept = accepting(authority, stage.home)
            await stage.relay.up()
            stage.relay.requests.clear()
            await stage.change()
            await asyncio.sleep(OUTAGE_S)
            assert await stage.served() == before
            assert stage.relay.requests == [], "a request was sent to a server that is not trusted"

            stage.pki = replace(stage.pki, authority=authority)
            stage.write_kubeconfig()
            await stage.follows(WITHIN_S)

    on_stage(tmp_path, test)


def test_an_expired_certificate_of_kube_apiserver_is_not_trusted(tmp_path: Path) -> None:
    """No request is sent until it is renewed; kubesum needs no restart."""

    async def test(stage: Stage) -> None:
        async with witnessed(stage):
            before = await stage.served()
            stage.relay.down()
            stage.relay.accept = accepting(stage.pki.authority, stage.home, timedelta(minutes=-1))
            await stage.relay.up()
            stage.relay.requests.clear()
            await stage.change()
            await asyncio.sleep(OUTAGE_S)
            assert await stage.served() == before
            assert stage.relay.requests == []

            stage.relay.down()
            stage.relay.accept = accepting(stage.pki.authority, stage.home)
            await stage.relay.up()
            await stage.follows(WITHIN_S)

    on_stage(tmp_path, test)
