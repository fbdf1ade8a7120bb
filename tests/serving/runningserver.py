"""`kubesum serve` behind a simulated API server, on real sockets, and clients of every kind."""

import asyncio
import json
import socket
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
from multidict import CIMultiDict
from yarl import URL

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
from kubesum.server.runtime import Limits
from kubesum.vocabulary.defaults import ALWAYS_ALLOW_PATHS
from tests.hanging import HANGS_AFTER_S
from tests.serving.relay import Relay

V = "/apis/summary.kubesum.dev/v1alpha1"
NODES = f"{V}/nodesummaries"
USUAL = Limits()


@dataclass(frozen=True)
class Answer:
    """A complete response."""

    code: int
    headers: CIMultiDict[str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def message(self) -> str:
        return str(self.json["message"])


@dataclass
class RunningServer:
    """A running server, the simulated cluster, and their addresses."""

    store: Store
    pki: Pki
    cluster: ApiServer
    port: int
    authority: KeyPair
    home: Path
    shutdown: asyncio.Event = field(default_factory=asyncio.Event)
    stopped: asyncio.Event = field(default_factory=asyncio.Event)
    name: str = SERVICE_HOST
    relay: Relay | None = None

    def tls(self, pair: KeyPair | None = None) -> ssl.SSLContext:
        """A client context that trusts the server and presents `pair`."""
        context = ssl.create_default_context(cadata=self.authority.certificate.decode())
        if pair is not None:
            context.load_cert_chain(*pair.write(self.home, f"client-{id(pair)}"))
        return context

    @asynccontextmanager
    async def session(self, pair: KeyPair | None = None) -> AsyncIterator[aiohttp.ClientSession]:
        """A client that presents `pair` on all its connections."""
        connector = aiohttp.TCPConnector(ssl=self.tls(pair), limit=0)
        async with aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar()) as session:
            yield session

    def register(self) -> None:
        """Registers it with the cluster's aggregator, as the chart does."""
        self.cluster.aggregator.register(f"127.0.0.1:{self.port}", self.authority.certificate)

    async def request(
        self, path: str, pair: KeyPair | None = None, headers: Sequence[tuple[str, str]] = (), method: str = "GET"
    ) -> Answer:
        """The response to one request over a connection of its own."""
        async with self.session(pair) as session:
            return await fetch(session, self.port, path, headers, method)

    @property
    def reader(self) -> Path:
        """A kubeconfig of the service account."""
        path = self.home / "service.kubeconfig"
        url = self.cluster.url if self.relay is None else self.relay.url
        path.write_bytes(msgspec.json.encode(service_kubeconfig(url, self.pki)))
        return path

    def arguments(self, *more: str) -> list[str]:
        """The arguments of another server of this cluster in a process of its own."""
        files = ("--tls-cert-file", str(self.home / "serving.crt"), "--tls-private-key-file")
        where = ("--bind-address", "127.0.0.1", "--secure-port", "0", "--kubeconfig", str(self.reader))
        return [*where, *files, str(self.home / "serving.key"), *more]

    @property
    def front_proxy(self) -> KeyPair:
        """The client certificate of the aggregator."""
        certificate, key = (path.read_bytes() for path in self.pki.front_proxy_files)
        return KeyPair(certificate, key)

    async def forwarded(self, path: str, user: str, *groups: str, **more: str) -> Answer:
        """The response to a request that the aggregator forwards for a user."""
        return await self.request(path, self.front_proxy, identity(user, *groups, **more))


async def as_person(server: RunningServer, who: str, path: str) -> Answer:
    """The response to a request of one of the people to the cluster's API server."""
    tls = ssl.create_default_context(cadata=server.pki.authority.certificate.decode())
    tls.load_cert_chain(*server.pki.people[who].write(server.home, who))
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session,
        session.get(URL(f"{server.cluster.url}{path}", encoded=True)) as answer,
    ):
        return Answer(answer.status, CIMultiDict(answer.headers), await answer.read())


def identity(user: str, *groups: str, **more: str) -> list[tuple[str, str]]:
    """The identity headers of the aggregator."""
    lines = [("X-Remote-User", user), *(("X-Remote-Group", group) for group in groups)]
    return lines + [(name.replace("_", "-"), value) for name, value in more.items()]


async def fetch(
    session: aiohttp.ClientSession,
    port: int,
    path: str,
    headers: Sequence[tuple[str, str]] = (),
    method: str = "GET",
) -> Answer:
    """The response to one request of a session."""
    url = URL(f"https://127.0.0.1:{port}{path}", encoded=True)
    async with session.request(
        method, url, headers=CIMultiDict(headers), server_hostname=SERVICE_HOST, allow_redirects=False
    ) as answer:
        return Answer(answer.status, CIMultiDict(answer.headers), await answer.read())


def free_port() -> int:
    """A free port, which the kernel gives to no other socket within the next minute.

    A connection that its server ended first leaves the port in TIME_WAIT: listeners with SO_REUSEADDR may have it.
    """
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = listener.getsockname()
        with socket.create_connection(address), listener.accept()[0]:
            pass
        return int(address[1])


@asynccontextmanager
async def running_server(
    home: Path, limits: Limits = USUAL, relay: Relay | None = None
) -> AsyncIterator[RunningServer]:
    """A server that is ready, with a certificate in files, and stopped on the way out.

    With `relay`, its requests to the API server go through that.
    """
    store = Store()
    World(1, 8, 80, datetime.now(UTC), INSTALLATION).fill(store)
    pki = pki_of_cluster.create(home, INSTALLATION.service_account)
    cluster = ApiServer(store, pki, INSTALLATION, ServerOptions())
    authority = certificates.authority("kubesum-ca")
    certificates.serving(authority, (SERVICE_HOST, "127.0.0.1")).write(home, "serving")
    server = RunningServer(store, pki, cluster, free_port(), authority, home, relay=relay)
    async with asyncio.TaskGroup() as tasks:
        upstream = tasks.create_task(cluster.run())
        if relay is not None:
            await relay.start(pki, cluster.url)
        serving = tasks.create_task(_serving(server, limits))
        await until_ready(server)
        try:
            yield server
        finally:
            serving.cancel()
            if relay is not None:
                await relay.stop()
            upstream.cancel()


async def _serving(server: RunningServer, limits: Limits) -> None:
    await serve(options(server, limits, server.port), server.shutdown)
    server.stopped.set()


def options(server: RunningServer, limits: Limits, port: int) -> ServeOptions:
    """The options of `kubesum serve`."""
    return ServeOptions(
        secure_port=port,
        bind_address="127.0.0.1",
        kubeconfig=server.reader,
        namespace="kubesum-system",
        tls_files=(server.home / "serving.crt", server.home / "serving.key"),
        tls_secret="kubesum-tls",
        service_name="kubesum",
        usage_interval_s=30.0,
        always_allow_paths=ALWAYS_ALLOW_PATHS,
        limits=limits,
    )


async def eventually(check: Callable[[], Awaitable[bool]], within_s: float = HANGS_AFTER_S) -> None:
    """Returns when `check` holds, which is polled: the less often, the longer it takes."""
    now = asyncio.get_running_loop().time
    began = now()
    async with asyncio.timeout(within_s):
        while not await check():  # noqa: ASYNC110 - it may ask over a socket
            await asyncio.sleep(max(0.05, (now() - began) / 10))


async def until_ready(server: RunningServer) -> None:
    """Returns when /readyz is 200: a minute later if it may not list a kind."""
    await eventually(lambda: is_ready(server), within_s=90)


async def is_ready(server: RunningServer) -> bool:
    """Whether /readyz is 200; false also before the server listens."""
    try:
        return (await server.request("/readyz")).code == 200
    except aiohttp.ClientError:
        return False
