"""CPU time of one get over TLS, beside that of an ASGI application that answers the same bytes.

One client sends the requests one after the other over one connection, with the headers that kube-apiserver forwards.
Only the process of the server is measured. Prints one line of JSON.
"""

import argparse
import asyncio
import json
import os
import ssl
import sys
import tempfile
import time
from pathlib import Path

import uvloop
from starlette.types import ASGIApp, Receive, Scope, Send

from kubesum.edge.http.connections import Connections
from kubesum.edge.tls import certificates
from kubesum.edge.tls.servertls import ServerTls
from kubesum.server.sockets import LOOPBACK, listen
from kubesum.server.uvicornserver import Server, server_config
from kubesum.vocabulary.resource import Source
from kubesum.web.app import create_app
from kubesum.web.inflight import RequestLimits
from kubesum.web.resources import ResourceHandler
from tests.bench.identity import delegating, headers
from tests.unit.web.fakeresources import SHELVES, Thing, World

PATH = "/apis/summary.kubesum.dev/v1alpha1/shelves/a"
HOST = "kubesum.test"
GROUPS = 5
WARM_UP, REQUESTS = 500, 5000


class Measured:
    """Passes requests on, and notes the CPU time of the process at the first and the last one that count."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._seen = 0
        self._began = self._ended = 0.0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._seen == WARM_UP:
            self._began = time.process_time()
        if self._seen == WARM_UP + REQUESTS:
            self._ended = time.process_time()
        self._seen += 1
        await self._app(scope, receive, send)

    @property
    def seconds(self) -> float:
        """CPU time of one request."""
        return (self._ended - self._began) / REQUESTS


class Bare:
    """Answers every request with the same body."""

    def __init__(self, body: bytes) -> None:
        length = str(len(body)).encode()
        self._headers = [(b"content-length", length), (b"content-type", b"application/json")]
        self._body = body

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body})


async def measured(home: Path) -> dict[str, float]:
    """Seconds of CPU time, of the bare application and of kubesum."""
    world = World()
    world.engine.add((SHELVES,))
    await world.put(Source.NODES, Thing("a"))
    clients, proxies = certificates.authority("kubernetes"), certificates.authority("front-proxy-ca")
    authority = certificates.authority("kubesum-ca")
    tls = ServerTls(certificates.serving(authority, [HOST]))
    tls.set_client_ca(clients.certificate + proxies.certificate)
    (home / "ca.crt").write_bytes(authority.certificate)
    certificates.client(proxies, "front-proxy-client").write(home, "client")
    state = world.state()
    kubesum = create_app(ResourceHandler(state), state, *delegating(clients, proxies), RequestLimits())
    body = await responses(kubesum, tls, home)
    apps: dict[str, ASGIApp] = {"bare_s": Bare(body), "get_s": kubesum}
    figures = {}
    for name, app in apps.items():
        counting = Measured(app)
        await responses(counting, tls, home, WARM_UP + REQUESTS + 1)
        figures[name] = counting.seconds
    return figures


async def responses(app: ASGIApp, tls: ServerTls, home: Path, times: int = 1) -> bytes:
    """The last body that a client in a process of its own gets from `app`."""
    server = Server(server_config(app, tls.context), Connections(1000))
    with listen(0) as listener:
        running = asyncio.create_task(server.serve([listener]))
        await server.listening.wait()
        port = str(listener.getsockname()[1])
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.bench.gets", "--client", port, "--home", str(home)),
            *("--requests", str(times)),
            stdout=asyncio.subprocess.PIPE,
        )
        body, _ = await process.communicate()
        server.should_exit = True
        await running
    return body


async def client(port: int, home: Path, times: int) -> bytes:
    """Sends the requests; returns the body of the last response."""
    context = ssl.create_default_context(cafile=home / "ca.crt")
    context.load_cert_chain(home / "client.crt", home / "client.key")
    reader, writer = await asyncio.open_connection(LOOPBACK, port, ssl=context, server_hostname=HOST)
    lines = [f"GET {PATH} HTTP/1.1".encode(), *(b": ".join(line) for line in headers(GROUPS)), b"", b""]
    body = b""
    for _ in range(times):
        writer.write(b"\r\n".join(lines).replace(b";as=Table;v=v1;g=meta.k8s.io", b""))
        status, *rest = (await reader.readuntil(b"\r\n\r\n")).lower().split(b"\r\n")
        if b" 200 " not in status:
            raise RuntimeError(status.decode())
        (length,) = (int(line.partition(b":")[2]) for line in rest if line.startswith(b"content-length:"))
        body = await reader.readexactly(length)
    writer.close()
    return body


def main() -> None:
    """Measures on `--core`, with a client on the other cores."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--core", type=int, help="processor to run on")
    parser.add_argument("--client", type=int, metavar="PORT", help="be the client of this port")
    parser.add_argument("--home", type=Path)
    parser.add_argument("--requests", type=int)
    options = parser.parse_args()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if options.client is not None:
            # Not the one of the server, which it inherits.
            os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
            # Not the one of the server, which it inherits.
            os.sched_setaffinity(0, set(range(os.cpu_count() or 1)))
            sys.stdout.buffer.write(runner.run(client(options.client, options.home, options.requests)))
            return
        with tempfile.TemporaryDirectory(prefix="kubesum-bench-") as home:
            os.sched_setaffinity(0, {options.core})
            print(json.dumps(runner.run(measured(Path(home)))))


if __name__ == "__main__":
    main()
