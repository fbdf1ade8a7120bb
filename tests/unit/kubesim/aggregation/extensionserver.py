"""A minimal extension server that records its requests and sends the responses that a test sets."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from kubesim.access.certificates import KeyPair, authority, serving
from kubesum.commands.demo.manifests import API_SERVICE
from tests.hanging import HANGS_AFTER_S
from tests.unit.kubesim.runningcluster import Cluster

ROOT = "/apis/summary.kubesum.dev/v1alpha1"
DISCOVERY_TYPE = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
DISCOVERY = (
    b'{"kind":"APIGroupDiscoveryList","apiVersion":"apidiscovery.k8s.io/v2","metadata":{},"items":['
    b'{"metadata":{"name":"summary.kubesum.dev"},"versions":[{"version":"v1alpha1","resources":['
    b'{"resource":"nodesummaries","responseKind":{"group":"summary.kubesum.dev","version":"v1alpha1",'
    b'"kind":"NodeSummary"},"scope":"Cluster","singularResource":"nodesummary","verbs":["get","list"],'
    b'"shortNames":["nosum"],"categories":["summaries"]}]}]}]}'
)


@dataclass(frozen=True)
class Received:
    """One request: its lines in order, its body, the common name of the client certificate, and the SNI name."""

    line: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    subject: str
    host_asked: str

    @property
    def path(self) -> str:
        return self.line.split()[1].partition("?")[0]


def answer(body: bytes, code: str = "200 OK", media_type: str = "application/json", more: str = "") -> bytes:
    """A whole HTTP response."""
    head = f"HTTP/1.1 {code}\r\nContent-Type: {media_type}\r\nContent-Length: {len(body)}\r\n{more}\r\n"
    return head.encode() + body


Answer = bytes | Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Extension:
    """Its responses by path, and the requests that it received."""

    address: str
    ca: KeyPair
    answers: dict[str, Answer] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)

    def requests(self, path: str) -> list[Received]:
        """The requests for one path."""
        return [request for request in self.received if request.path == path]


@asynccontextmanager
async def running_extension(cluster: Cluster, host: str = "kubesum.kubesum-system.svc") -> AsyncIterator[Extension]:
    """An extension server with a certificate for `host` that requires the front proxy's certificate."""
    ca = authority("extension-ca")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*serving(ca, [host]).write(cluster.home, "extension"))
    context.load_verify_locations(cadata=cluster.pki.front_proxy_authority.certificate.decode())
    context.verify_mode = ssl.CERT_REQUIRED
    hosts_asked: list[str] = []
    connections: set[asyncio.StreamWriter] = set()
    context.sni_callback = lambda _tls, name, _context: hosts_asked.append(name or "")
    extension = Extension("", ca, {ROOT: answer(b"{}"), "/apis": answer(DISCOVERY, media_type=DISCOVERY_TYPE)})

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(writer)
        peer = dict(pair[0] for pair in writer.get_extra_info("peercert")["subject"])
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                line, *lines = head.decode().rstrip("\r\n").split("\r\n")
                headers = tuple((name, value) for name, _, value in (text.partition(": ") for text in lines))
                size = int({name.lower(): value for name, value in headers}.get("content-length", "0"))
                body = await reader.readexactly(size)
                request = Received(line, headers, body, peer["commonName"], hosts_asked[-1])
                extension.received.append(request)
                reply = extension.answers.get(request.path, answer(b"{}", "404 Not Found"))
                if callable(reply):
                    await reply(reader, writer)
                else:
                    writer.write(reply)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    host_and_port = server.sockets[0].getsockname()
    extension.address = f"{host_and_port[0]}:{host_and_port[1]}"
    try:
        yield extension
    finally:
        server.close()
        for writer in connections:
            writer.close()


def condition(cluster: Cluster) -> dict[str, str]:
    """The condition Available of the APIService, without its time."""
    stored = cluster.store.get("apiservices", "", API_SERVICE)
    assert stored is not None
    (available,) = stored.decoded()["status"]["conditions"]
    del available["lastTransitionTime"]
    return dict(available)


@asynccontextmanager
async def aggregated_extension(cluster: Cluster) -> AsyncIterator[Extension]:
    """An extension server that is registered, available and discovered."""
    async with running_extension(cluster) as extension:
        cluster.server.aggregator.register(extension.address, extension.ca.certificate)
        await asyncio.wait_for(cluster.server.aggregator.ready(), HANGS_AFTER_S)
        yield extension
