"""The controller of definitions, in two replicas at once: what they serve, what they write, and that they agree."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY

from kubesum.kube.deltas import Deltas, ListStarted, SourceEvent, Synced, WatchError
from kubesum.kube.objects.meta import Status
from kubesum.kube.statuserror import StatusError
from kubesum.rollupdefinitions.watched import WATCHED_DEFINITIONS
from kubesum.rollups.engine import Engine
from kubesum.rollups.publisher import publish_forever
from kubesum.rollups.resourceversion import VersionClock
from kubesum.server.definedkinds import DefinedKinds
from kubesum.server.definitioncontroller import DefinitionController, DefinitionsApi
from kubesum.vocabulary.errors import UpstreamError
from kubesum.web.requestmetrics import observe
from tests.hanging import HANGS_AFTER_S
from tests.unit.rollupdefinitions.samples import named

JsonObject = dict[str, Any]


class ScriptedApiServer:
    """The definitions of an API server: list and watch, and server-side apply of the status."""

    def __init__(self) -> None:
        self.objects: dict[str, JsonObject] = {}
        self.writes: list[str] = []
        self.failing: UpstreamError | None = None
        self._version = 0
        self._watches: list[asyncio.Queue[SourceEvent[Any]]] = []

    def put(self, definition: JsonObject) -> None:
        """Creates a definition or changes its spec."""
        name = definition["metadata"]["name"]
        old = self.objects.get(name, {"metadata": {"generation": 0}, "status": {}})
        generation = old["metadata"]["generation"] + 1
        metadata = {"name": name, "uid": name, "generation": generation}
        self._store({**deepcopy(definition), "metadata": metadata, "status": old["status"]})

    def delete(self, name: str) -> None:
        del self.objects[name]
        self._send(Deltas([(("", name), None)]))

    async def apply_status(self, name: str, body: bytes) -> bool:
        """As kube-apiserver: another resourceVersion is a conflict, and an equal status is no change."""
        if self.failing is not None:
            raise self.failing
        # What another client sends meanwhile arrives first.
        await asyncio.sleep(0)
        applied, found = json.loads(body), self.objects.get(name)
        if found is None or found["metadata"]["resourceVersion"] != applied["metadata"]["resourceVersion"]:
            return False
        self.writes.append(name)
        self._store({**found, "status": applied["status"]})
        return True

    async def list_watch(self) -> AsyncIterator[SourceEvent[Any]]:
        events: asyncio.Queue[SourceEvent[Any]] = asyncio.Queue()
        yield ListStarted()
        yield Deltas([(("", name), facts(one)) for name, one in self.objects.items()])
        self._watches.append(events)
        yield Synced()
        while True:
            yield await events.get()

    def conditions(self, name: str) -> Mapping[str, tuple[str, str]]:
        """Status and reason of the conditions of a definition, by type."""
        status = self.objects[name].get("status", {})
        return {one["type"]: (one["status"], one["reason"]) for one in status.get("conditions", ())}

    def message(self, name: str, condition: str) -> str:
        status = self.objects[name]["status"]
        return next(str(one["message"]) for one in status["conditions"] if one["type"] == condition)

    def _store(self, obj: JsonObject) -> None:
        self._version += 1
        obj["metadata"] = {**obj["metadata"], "resourceVersion": str(self._version)}
        self.objects[obj["metadata"]["name"]] = obj
        self._send(Deltas([(("", obj["metadata"]["name"]), facts(obj))]))

    def _send(self, event: SourceEvent[Any]) -> None:
        for watch in self._watches:
            watch.put_nowait(event)


def facts(obj: JsonObject) -> Any:
    """What the reflector makes of an object."""
    return WATCHED_DEFINITIONS.transform(msgspec.convert(obj, WATCHED_DEFINITIONS.view))


class Replica:
    """One replica of the server, without pods."""

    def __init__(self, api: DefinitionsApi, tag: int) -> None:
        clock = VersionClock(lambda: 1_000_000 * int(now()), tag=tag)
        self.engine = Engine(clock, now, lambda _: {}, lambda _: None, lambda _: ())
        self.controller = DefinitionController(api, DefinedKinds(self.engine, (), ()), now)

    @property
    def kinds(self) -> list[str]:
        return sorted(store.resource.plural for store in self.engine.catalogue.stores)

    async def run(self) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.controller.run())
            tasks.create_task(publish_forever(self.engine, now))


def now() -> float:
    return datetime(2026, 1, 2, tzinfo=UTC).timestamp()


@asynccontextmanager
async def replicas(server: ScriptedApiServer, number: int = 2) -> AsyncIterator[list[Replica]]:
    """Running replicas of one API server, which have listed the definitions."""
    api = DefinitionsApi(server.list_watch, server.apply_status)
    made = [Replica(api, tag) for tag in range(1, number + 1)]
    running = [asyncio.create_task(one.run()) for one in made]
    for one in made:
        await asyncio.wait_for(one.controller.started.wait(), HANGS_AFTER_S)
    yield made
    for task in running:
        task.cancel()
    await asyncio.wait(running)


async def until(holds: Callable[[], bool]) -> None:
    """Returns when `holds` does."""
    async with asyncio.timeout(HANGS_AFTER_S):
        while not holds():  # noqa: ASYNC110  # the state is that of a remote server
            await asyncio.sleep(0.01)


def established(server: ScriptedApiServer, *names: str) -> bool:
    return all(server.conditions(name).get("Established", ("", ""))[0] == "True" for name in names)


TEAMS, OTHERS = "teams.rollup.kubesum.dev", "others.rollup.kubesum.dev"


async def test_a_definition_is_served_by_all_replicas_and_written_once() -> None:
    server = ScriptedApiServer()
    async with replicas(server) as both:
        server.put(named("teams", "Team"))
        await until(lambda: established(server, TEAMS))
        server.put(named("others", "Other"))
        await until(lambda: established(server, OTHERS))

        assert [one.kinds for one in both] == [["others", "teams"]] * 2
    assert server.writes == [TEAMS, OTHERS]
    assert server.objects[TEAMS]["status"]["observedGeneration"] == 1
    assert server.objects[TEAMS]["status"]["groups"] == 0
    assert dict(server.conditions(TEAMS)) == {
        "Accepted": ("True", "Valid"),
        "NamesAccepted": ("True", "NoConflicts"),
        "Established": ("True", "Served"),
        "Truncated": ("False", "WithinLimit"),
    }


async def test_definitions_that_come_and_go_leave_no_series_behind() -> None:
    """Each left some hundred behind for the life of the process."""
    server = ScriptedApiServer()
    async with replicas(server, 1) as (only,):
        server.put(named("teams", "Team"))
        await until(lambda: established(server, TEAMS))
        observe(("LIST", "rollup.kubesum.dev", "v1alpha1", "teams", "", "cluster", "apiserver"), 200, 0.1, 1000)
        assert series_of("teams")

        server.delete(TEAMS)
        await until(lambda: only.kinds == [])

        assert series_of("teams") == set()


def series_of(plural: str) -> set[str]:
    """The names of the series about a resource."""
    return {
        sample.name
        for metric in REGISTRY.collect()
        for sample in metric.samples
        if sample.labels.get("resource", "").partition(".")[0] == plural
    }


async def test_twenty_definitions_are_written_twenty_times() -> None:
    server = ScriptedApiServer()
    names = [f"kind{number}s.rollup.kubesum.dev" for number in range(20)]
    async with replicas(server):
        for number in range(20):
            server.put(named(f"kind{number}s", f"Kind{number}"))
        await until(lambda: established(server, *names))
        server.put(named("kind3s", "Kind3", scope="Namespaced"))
        await until(lambda: server.objects[names[3]]["status"]["observedGeneration"] == 2)

    assert sorted(server.writes) == sorted([*names, names[3]])


async def test_a_replica_that_starts_writes_nothing() -> None:
    server = ScriptedApiServer()
    server.put(named("teams", "Team"))
    async with replicas(server, 1):
        await until(lambda: established(server, TEAMS))
    async with replicas(server, 1) as (later,):
        await until(lambda: later.kinds == ["teams"])
        server.put(named("others", "Other"))
        await until(lambda: established(server, OTHERS))

    assert server.writes == [TEAMS, OTHERS]


async def test_of_two_definitions_with_one_name_the_established_one_is_served() -> None:
    server = ScriptedApiServer()
    async with replicas(server) as both:
        server.put(named("teams", "Team"))
        await until(lambda: established(server, TEAMS))
        # The first by name, and as old.
        server.put(named("others", "Team"))
        await until(lambda: "NamesAccepted" in server.conditions(OTHERS))
        conditions = dict(server.conditions(OTHERS))
        sentence = server.message(OTHERS, "NamesAccepted")
        served = [one.kinds for one in both]

        server.delete(TEAMS)
        await until(lambda: established(server, OTHERS))

    assert conditions["NamesAccepted"] == ("False", "NamesConflict")
    assert conditions["Established"] == ("False", "NamesNotAccepted")
    assert sentence == "spec.names: 'Team' is a name of teams.rollup.kubesum.dev already; choose another name."
    assert served == [["teams"]] * 2
    assert [one.kinds for one in both] == [["others"]] * 2


async def test_a_bad_definition_gets_a_sentence_and_harms_no_other() -> None:
    server = ScriptedApiServer()
    async with replicas(server) as both:
        server.put(named("others", "Other", filter="pod.colour == 'red'"))
        server.put(named("teams", "Team"))
        server.put(named("odd", "Odd", source="Volumes"))
        odd = "odd.rollup.kubesum.dev"
        await until(lambda: established(server, TEAMS) and bool(server.conditions(OTHERS)))
        await until(lambda: bool(server.conditions(odd)))

    assert [one.kinds for one in both] == [["teams"]] * 2
    assert server.conditions(OTHERS)["Accepted"] == ("False", "Invalid")
    assert server.message(OTHERS, "Accepted").startswith("spec.filter: the expression does not compile: ")
    assert server.message(odd, "Accepted").startswith("spec.source: 'Volumes' is not allowed; ")
    assert sorted(server.writes) == sorted([OTHERS, TEAMS, odd])


async def test_a_definition_that_becomes_bad_is_no_longer_served() -> None:
    server = ScriptedApiServer()
    async with replicas(server) as both:
        server.put(named("teams", "Team"))
        await until(lambda: established(server, TEAMS))
        server.put(named("teams", "Team", filter="1"))
        await until(lambda: server.conditions(TEAMS)["Accepted"][0] == "False")

        assert [one.kinds for one in both] == [[], []]
        assert server.conditions(TEAMS)["Established"] == ("False", "NotAccepted")
        assert server.writes == [TEAMS, TEAMS]


async def test_without_the_resource_a_server_starts() -> None:
    """The CustomResourceDefinition may be missing: everything else is served."""

    async def refused() -> AsyncIterator[SourceEvent[Any]]:
        yield ListStarted()
        yield WatchError(StatusError("the API server", Status(code=404)), refused=True)
        await asyncio.Event().wait()

    server = ScriptedApiServer()
    replica = Replica(DefinitionsApi(refused, server.apply_status), 1)
    running = asyncio.create_task(replica.run())
    await asyncio.wait_for(replica.controller.started.wait(), HANGS_AFTER_S)
    running.cancel()
    await asyncio.wait((running,))

    assert replica.kinds == []


async def test_without_the_right_to_write_refusals_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    server = ScriptedApiServer()
    given = facts(named("teams", "Team"))
    one = Replica(DefinitionsApi(server.list_watch, None, [given]), 1)
    running = asyncio.create_task(one.run())
    server.put(named("groups", "Team"))
    await until(lambda: "definition refused" in caplog.text)
    server.put(named("others", "Other"))
    await until(lambda: len(one.kinds) == 2)
    running.cancel()
    await asyncio.wait((running,))

    assert server.writes == []
    assert [record.__dict__["definition"] for record in caplog.records] == [TEAMS]


async def test_a_status_that_cannot_be_written_leaves_the_kind_served() -> None:
    server = ScriptedApiServer()
    server.failing = StatusError("the API server", Status(code=403, message="no right"))
    async with replicas(server, 1) as (one,):
        server.put(named("teams", "Team"))
        await until(lambda: one.kinds == ["teams"])
        server.failing = None
        await until(lambda: established(server, TEAMS))

    assert server.writes == [TEAMS]
