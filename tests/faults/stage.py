"""`kubesum serve` behind the relay, a simulated cluster that can be restarted, and what must hold between them.

What is served is compared with what is computed afresh from the objects of the cluster. A witness asks all the while:
no probe fails, and no list has a content that the cluster never had.
"""

import asyncio
import ssl
from asyncio.constants import SSL_HANDSHAKE_TIMEOUT, SSL_SHUTDOWN_TIMEOUT
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import aiohttp
import msgspec

from kubesim.access import certificates
from kubesim.access import pki as pki_of_cluster
from kubesim.access.certificates import KeyPair
from kubesim.access.kubeconfig import service_kubeconfig
from kubesim.access.pki import Pki
from kubesim.apiserver.apiserver import ApiServer, ServerOptions
from kubesim.store.store import Store
from kubesim.world.world import World
from kubesum.commands.demo.manifests import SERVICE_HOST
from kubesum.commands.demo.simulation import INSTALLATION
from kubesum.commands.serve.run import ServeOptions, serve
from kubesum.resources import RESOURCES
from kubesum.semantics.pods.resizes import resize_rule
from kubesum.server.runtime import Limits
from kubesum.vocabulary.defaults import ALWAYS_ALLOW_PATHS
from tests.computation import KINDS, Computation, JsonObject, key_of
from tests.faults.relay import LOOPBACK, FaultRelay
from tests.leaping import leaping_together
from tests.serving.load import ROOT
from tests.serving.runningserver import V, eventually, fetch, free_port

PLURALS = ("imagesummaries", "namespacesummaries", "nodesummaries", "podsummaries", "workloadsummaries")
"""Kinds whose objects follow from those of the cluster alone, and not from when they were read."""
HOSTS = (SERVICE_HOST, LOOPBACK)
API_NAME = "kube-apiserver.test"
"""A name of the API server that only the event loop of a test resolves."""

PROBES = ("/livez", "/readyz", "/apis", V)
DEFAULT = ServerOptions()
_SERVER_SETS = ("uid", "creationTimestamp", "resourceVersion")

Rows = dict[tuple[str, str], Any]
"""The statuses of the objects of a kind, by namespace and name."""

Contents = dict[str, Rows]
"""The rows of each kind, by plural."""


class History:
    """How each pod was at any time, and whether there was one.

    Without its workload: that depends on two other kinds, which are listed on their own after a restart.
    """

    def __init__(self) -> None:
        self.answers = 0
        """How often kubesum was asked."""
        self._states: list[Rows] = []

    def add(self, rows: Rows) -> None:
        """The pods from now on."""
        self._states.append(_without_workload(rows))

    def never(self, served: Rows) -> Rows:
        """What is served of pods that never were so, None for one that is missing."""
        shown = _without_workload(served)
        keys = set(shown).union(*self._states)
        return {
            key: shown.get(key) for key in keys if all(shown.get(key) != state.get(key) for state in self._states)
        }


def _without_workload(rows: Rows) -> Rows:
    return {key: {name: value for name, value in row.items() if name != "workloadRef"} for key, row in rows.items()}


@dataclass
class Stage:
    """The parts, and what can be done with them."""

    home: Path
    pki: Pki
    relay: FaultRelay
    options: ServerOptions
    store: Store
    port: int
    authority: KeyPair
    tasks: asyncio.TaskGroup
    api_host: str = LOOPBACK
    """What kubesum's kubeconfig calls the API server."""
    cluster: asyncio.Task[None] | None = None
    shutdown: asyncio.Event = field(default_factory=asyncio.Event)
    changes: int = 0
    history: History = field(default_factory=History)

    def start_cluster(self) -> None:
        """Starts an API server with the store, behind the relay."""
        server = ApiServer(self.store, self.pki, INSTALLATION, self.options)
        self.cluster = self.tasks.create_task(server.run())
        self.relay.target_port = int(server.address.rpartition(":")[2])

    async def stop_cluster(self) -> None:
        """Kills the API server: connections are reset, and new ones are refused."""
        self.relay.down()
        if self.cluster is not None:
            self.cluster.cancel()
            await asyncio.wait([self.cluster])

    def replace_etcd(self, seed: int) -> None:
        """The next API server has the first state of a cluster, and numbers its changes from there."""
        self.store = filled_store(seed)

    async def change(self) -> None:
        """A pod is deleted, one fails, one is created; what each change makes of the pods is noted."""
        first, second, *_ = self.store.list("pods")
        self.changes += 1
        self.store.delete("pods", *first.key)
        await self.note()
        failed = second.decoded()
        failed["status"] |= {"phase": "Failed", "reason": f"Fault{self.changes}"}
        self.store.put("pods", failed)
        await self.note()
        new = without_server_sets(first.decoded()) | {"name": f"new-{self.changes}"}
        self.store.put("pods", first.decoded() | {"metadata": new})
        await self.note()

    async def note(self) -> None:
        """The history has what is in the cluster now."""
        self.history.add((await self.expected(("podsummaries",)))["podsummaries"])

    def write_kubeconfig(self) -> None:
        """Writes the kubeconfig of kubesum's ServiceAccount, which leads to the relay."""
        config = service_kubeconfig(f"https://{self.api_host}:{self.relay.port}", self.pki)
        (self.home / "kubeconfig").write_bytes(msgspec.json.encode(config))

    @property
    def serve_options(self) -> ServeOptions:
        """The options of `kubesum serve`; without usage, which is another one at each poll."""
        return ServeOptions(
            secure_port=self.port,
            bind_address=LOOPBACK,
            kubeconfig=self.home / "kubeconfig",
            namespace="kubesum-system",
            tls_files=(self.home / "serving.crt", self.home / "serving.key"),
            tls_secret="kubesum-tls",
            service_name="kubesum",
            usage_interval_s=0,
            always_allow_paths=ALWAYS_ALLOW_PATHS,
            limits=Limits(),
        )

    @asynccontextmanager
    async def session(self) -> AsyncIterator[aiohttp.ClientSession]:
        """A client of kubesum that is the aggregator."""
        tls = ssl.create_default_context(cadata=self.authority.certificate.decode())
        tls.load_cert_chain(*self.pki.front_proxy_files)
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session:
            yield session

    async def code(self, path: str) -> int:
        """The status of the answer for a path, 0 without one."""
        try:
            async with self.session() as session:
                return (await fetch(session, self.port, path, ROOT)).code
        except aiohttp.ClientError:
            return 0

    async def served(self) -> Contents:
        """What kubesum serves."""
        async with self.session() as session:
            return {plural: await self.listed(session, plural) for plural in PLURALS}

    async def listed(self, session: aiohttp.ClientSession, plural: str) -> Rows:
        """The statuses of one kind."""
        answer = await fetch(session, self.port, f"{V}/{plural}", ROOT)
        assert answer.code == 200, answer.body
        return {key_of(one): one["status"] for one in answer.json["items"]}

    async def expected(self, plurals: Sequence[str] = PLURALS) -> Contents:
        """What follows from the objects of the cluster, computed afresh."""
        resources = [one for one in RESOURCES if one.plural in plurals]
        computation = Computation(*resources, rule=resize_rule(f"1.{self.options.minor_version}"))
        for kind in KINDS:
            computation.relist(kind, objects(self.store, kind))
        rows = await computation.everything()
        return {plural: {key: row["status"] for key, row in rows[plural].items()} for plural in plurals}

    async def answers(self, path: str, code: int) -> bool:
        """Whether the answer for a path has this status."""
        return await self.code(path) == code

    async def follows(self, within_s: float = 60) -> None:
        """Returns once kubesum serves what the cluster has; `within_s` is on the clock of the event loop."""
        left = await self.expected()
        async with self.session() as session:
            with suppress(TimeoutError):
                async with asyncio.timeout(within_s):
                    async for _ in moments():
                        while left and await self.listed(session, next(iter(left))) == next(iter(left.values())):
                            left.pop(next(iter(left)))
                        if not left:
                            break
        found = differences(await self.served(), await self.expected())
        assert not found, found


async def moments() -> AsyncIterator[None]:
    """When to look, without end: often in the first seconds, later every few."""
    pause_s = 0.1
    while True:
        yield
        await asyncio.sleep(pause_s)
        pause_s = min(5.0, pause_s * 1.2)


def differences(served: Contents, expected: Contents) -> dict[str, tuple[Any, Any]]:
    """The first row of each kind that is served otherwise than expected."""
    found = {}
    for plural, rows in expected.items():
        keys = (key for key in {*rows, *served[plural]} if rows.get(key) != served[plural].get(key))
        if (key := next(keys, None)) is not None:
            found[f"{plural} {key}"] = (served[plural].get(key), rows.get(key))
    return found


def without_server_sets(found: JsonObject) -> JsonObject:
    """The metadata of an object that a new one may have."""
    return {name: content for name, content in found["metadata"].items() if name not in _SERVER_SETS}


def objects(store: Store, kind: str) -> list[JsonObject]:
    """The objects of a kind as the cluster has them."""
    return [stored.decoded() for stored in store.list(kind.partition(".")[0])]


def filled_store(seed: int) -> Store:
    """A new cluster."""
    store = Store()
    World(seed, 5, 40, datetime.now(UTC), INSTALLATION).fill(store)
    return store


@asynccontextmanager
async def stage(
    home: Path,
    options: ServerOptions = DEFAULT,
    *,
    reads_tls: bool = True,
    is_up: bool = True,
    api_host: str = LOOPBACK,
) -> AsyncIterator[Stage]:
    """A kubesum that follows a cluster; one that has nothing to follow yet unless the cluster `is_up`.

    The relay reads requests and responses, or with `reads_tls` false only the bytes of TLS.
    """
    pki = pki_of_cluster.create(home, INSTALLATION.service_account)
    authority = certificates.authority("kubesum-ca")
    certificates.serving(authority, HOSTS).write(home, "serving")
    trust = ssl.create_default_context(cadata=pki.authority.certificate.decode())
    relay = FaultRelay(accepting(pki.authority, home), trust) if reads_tls else FaultRelay()
    async with asyncio.TaskGroup() as tasks:
        stage = Stage(home, pki, relay, options, filled_store(seed=1), free_port(), authority, tasks, api_host)
        relay.port = free_port()
        stage.write_kubeconfig()
        serving = tasks.create_task(serve(stage.serve_options, stage.shutdown))
        if is_up:
            stage.start_cluster()
            await relay.up()
            await eventually(lambda: stage.answers("/readyz", 200))
            await stage.follows()
        try:
            yield stage
        finally:
            serving.cancel()
            await stage.stop_cluster()
            await relay.ended()


def accepting(authority: KeyPair, home: Path, lifetime: timedelta = certificates.LIFETIME) -> ssl.SSLContext:
    """The context of a server on loopback with a certificate of this authority; it may have expired."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*certificates.serving(authority, (LOOPBACK, API_NAME), lifetime).write(home, "relay"))
    return context


@asynccontextmanager
async def witnessed(stage: Stage) -> AsyncIterator[None]:
    """Asks kubesum all the while; fails if a probe does, or if a pod is served as it never was."""
    await stage.note()
    async with stage.session() as session, asyncio.TaskGroup() as tasks:
        watching = tasks.create_task(_witness(stage, session))
        yield
        watching.cancel()
    assert stage.history.answers, "nothing was asked"


async def _witness(stage: Stage, session: aiohttp.ClientSession) -> None:
    async for _ in moments():
        for path in PROBES:
            assert (await fetch(session, stage.port, path, ROOT)).code == 200, path
        never = stage.history.never(await stage.listed(session, "podsummaries"))
        assert not never, dict(islice(never.items(), 2))
        stage.history.answers += 1


def on_stage(home: Path, test: Callable[[Stage], Coroutine[Any, Any, object]], **how: Any) -> None:
    """Runs a test on a clock that leaps."""

    async def main() -> None:
        async with stage(home, **how) as entered:
            await test(entered)
        # A connection whose TLS handshake or closing is under way would outlive the loop, and fail a later test.
        await asyncio.sleep(SSL_HANDSHAKE_TIMEOUT + SSL_SHUTDOWN_TIMEOUT)

    leaping_together(main())
