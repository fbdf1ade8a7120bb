"""Two small resources, shelves and boxes, and a server of them for tests."""

import asyncio
import base64
import json
import os
import ssl
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from starlette.types import ASGIApp
from yarl import URL

from kubesum.edge.local import AlwaysAllowAuthorizer, LocalAuthenticator
from kubesum.edge.tls.certificates import KeyPair
from kubesum.rollups.engine import Engine
from kubesum.rollups.resourceversion import VersionClock
from kubesum.vocabulary.quantity import ResourceList, rounded
from kubesum.vocabulary.resource import Ago, Column, ComputedResource, Source, Stale, Unavailable
from kubesum.web.app import create_app
from kubesum.web.inflight import RequestLimits
from kubesum.web.resources import ResourceHandler
from kubesum.web.state import ServerState

NOW = 1_790_000_000.0  # 2026-09-21T14:13:20Z
KUBECTL = Path(sys.executable).with_name("kubectl")


class Thing(msgspec.Struct, frozen=True):
    """The subject of a row."""

    name: str
    namespace: str = ""
    uid: str = "u"
    created: datetime | None = datetime(2026, 9, 21, 14, 0, 0, tzinfo=UTC)
    labels: dict[str, str] = {}


class ShelfStatus(msgspec.Struct, frozen=True, rename="camel"):
    load: ResourceList
    opened_at: datetime
    is_full: bool = False


class BoxStatus(msgspec.Struct, frozen=True):
    size: int


NAME = Column("NAME", "Name of the object.", lambda row: row.name, format="name")
AGE = Column("AGE", "Time since it was made.", lambda row: Ago(row.created))

SHELVES = ComputedResource(
    kind="Shelf",
    plural="shelves",
    short_names=("sh",),
    namespaced=False,
    help="A shelf.",
    status_type=ShelfStatus,
    status=lambda _key, shelf, _tally: ShelfStatus(
        ResourceList({"cpu": 1500, "memory": 3 << 30}), datetime(2026, 9, 21, 8, 0, 0, tzinfo=UTC)
    ),
    columns=(
        NAME,
        Column("MEMORY", "Memory on it.", lambda row: rounded("memory", row.status.load["memory"])),
        AGE,
        Column("OPENED", "When it was opened.", lambda row: Ago(row.status.opened_at, "(", " ago)"), wide=True),
    ),
    subjects=Source.NODES,
    subject_key=lambda shelf: ("", shelf.name),
)
BOXES = ComputedResource(
    kind="Box",
    plural="boxes",
    short_names=("bx",),
    namespaced=True,
    help="A box.",
    status_type=BoxStatus,
    status=lambda key, _box, _tally: BoxStatus(len(key[1])),
    columns=(NAME, Column("SIZE", "Size of it.", lambda row: row.status.size, type="integer")),
    subjects=Source.PODS,
    subject_key=lambda box: (box.namespace, box.name),
)


@dataclass
class World:
    """An engine over things that tests put, and a clock that they set."""

    now: float = NOW
    not_synced: Unavailable | None = None
    stale: tuple[Stale, ...] = ()
    ready: bool = True
    tag: int = 7
    things: dict[Source, dict[tuple[str, str], Thing]] = field(
        default_factory=lambda: {source: {} for source in Source}
    )

    def __post_init__(self) -> None:
        clock = VersionClock(lambda: int(self.now * 1_000_000), tag=self.tag)
        self.engine = Engine(
            clock, lambda: self.now, self.things.__getitem__, lambda _: self.not_synced, lambda _: self.stale
        )

    def state(self) -> ServerState:
        """The state of a server of this world."""
        return ServerState(
            catalogue=lambda: self.engine.catalogue,
            readiness=lambda: {"informer-sync": self.ready},
            has_namespace=lambda name: name == "attic",
            now=lambda: self.now,
            shutting_down=lambda: False,
        )

    def app(self) -> ASGIApp:
        """The application that serves this world, and allows everything."""
        return local_app(self.state())

    async def put(self, source: Source, *things: Thing) -> None:
        """Things are created, while somebody reads all resources."""
        for store in self.engine.catalogue.stores:
            await store.catch_up()
        for thing in things:
            self.things[source][thing.namespace, thing.name] = thing
            self.engine.change(source, None, thing)
        await self.engine.publish()


def local_app(state: ServerState) -> ASGIApp:
    """The application that serves this state, and allows everything."""
    return create_app(ResourceHandler(state), state, LocalAuthenticator(), AlwaysAllowAuthorizer(), RequestLimits())


@dataclass(frozen=True)
class Answer:
    """A complete response."""

    code: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class Endpoint:
    """A running server whose application tests replace, and a client of it."""

    port: int
    session: aiohttp.ClientSession
    kubeconfig: Path
    tls: ssl.SSLContext
    app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@dataclass(frozen=True)
class Served:
    """A world and the endpoint that serves it."""

    world: World
    endpoint: Endpoint
    home: Path

    async def request(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """The response to a request of `path`, sent as it is; header names are given with underscores."""
        url = URL(f"https://127.0.0.1:{self.endpoint.port}{path}", encoded=True)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with self.endpoint.session.request(method, url, headers=named, allow_redirects=False) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def kubectl(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output and standard error of the real kubectl."""
        kubeconfig = str(self.endpoint.kubeconfig)
        process = await asyncio.create_subprocess_exec(
            KUBECTL,
            *arguments,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home), "KUBECONFIG": kubeconfig},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        return process.returncode or 0, out.decode(), err.decode()


def client_context(ca: KeyPair, mine: KeyPair, directory: Path) -> ssl.SSLContext:
    """A client context that trusts `ca` and presents `mine`."""
    context = ssl.create_default_context(cadata=ca.certificate.decode())
    context.load_cert_chain(*mine.write(directory, "client"))
    return context


def write_kubeconfig(directory: Path, port: int, ca: KeyPair, mine: KeyPair) -> Path:
    """A kubeconfig (YAML is a superset of JSON) with this server and this client."""

    def encoded(pem: bytes) -> str:
        return base64.b64encode(pem).decode()

    cluster = {"server": f"https://127.0.0.1:{port}", "certificate-authority-data": encoded(ca.certificate)}
    user = {
        "client-certificate-data": encoded(mine.certificate),
        "client-key-data": encoded(mine.key),
    }
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": cluster}],
        "users": [{"name": "test", "user": user}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    path = directory / "kubeconfig"
    path.write_text(json.dumps(config))
    return path
