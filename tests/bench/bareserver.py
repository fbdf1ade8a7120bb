"""The floor of a response: an ASGI application that only sends the bytes of files, on the same uvicorn and TLS.

It prints one line of JSON when it listens, and one with its CPU time for each line on standard input.
"""

import argparse
import asyncio
import json
import sys
import time
from pathlib import Path

import uvloop
from starlette.types import Receive, Scope, Send

from kubesum.edge.http.connections import Connections
from kubesum.edge.tls import certificates
from kubesum.edge.tls.servertls import ServerTls
from kubesum.server.sockets import listen
from kubesum.server.uvicornserver import Server, server_config
from tests.bench.commandlines import commands


class Bodies:
    """Answers the path of a file in a folder with its bytes."""

    def __init__(self, folder: Path) -> None:
        self._bodies = {f"/{file.name}": file.read_bytes() for file in folder.iterdir()}

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        body = self._bodies[scope["path"]]
        headers = [(b"content-length", str(len(body)).encode()), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": body})


async def main() -> None:
    """Serves until its standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--host", required=True, help="host of the certificate that it makes")
    parser.add_argument("--authority", type=Path, required=True, help="where it writes the authority of that")
    options = parser.parse_args()
    authority = certificates.authority("bare-ca")
    options.authority.write_bytes(authority.certificate)
    tls = ServerTls(certificates.serving(authority, (options.host,)))
    # A connection on which no client certificate was asked for is closed after one response.
    tls.set_client_ca(authority.certificate)
    server = Server(server_config(Bodies(options.folder), tls.context), Connections(1000))
    with listen(0) as listener:
        serving = asyncio.create_task(server.serve([listener]))
        await server.listening.wait()
        print(json.dumps({"port": listener.getsockname()[1]}), flush=True)
        async for _ in commands(sys.stdin):
            print(json.dumps({"cpu_s": time.process_time()}), flush=True)
        serving.cancel()


if __name__ == "__main__":
    uvloop.run(main())
