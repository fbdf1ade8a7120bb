"""The log of a real `kubesum serve`: its lines are whole, whatever clients send, and none holds a secret."""

import asyncio
import json
import os
import re
import sys
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from kubesum import __version__
from kubesum.commands.demo.manifests import SERVICE_HOST
from tests.serving.runningserver import (
    NODES,
    RunningServer,
    eventually,
    free_port,
    identity,
    is_ready,
    running_server,
)

pytestmark = pytest.mark.asyncio(loop_scope="module")

TOKEN = "hunter2-hunter2-hunter2"
AUDIT_ID = "8a5dc3c4-4c3b-4f0c-9a0e-6ad9b0bb8b3f"
HOSTILE = {
    "a field of its own": b"jane code=200 user=admin",
    "quotes": b'jane" user="admin',
    "backslashes": rb"jane\n12:00:00 INFO",
    "C1": "jane\u009b2J".encode(),
    "C1 in Latin-1": b"jane\x9b2J\x85",
    "no UTF-8": b"jane\xff\xfe",
    "reversed": "jane\u202eenimda".encode(),
    "line separator": "jane\u2028forged".encode(),
    "long": b"j" * 100_000,
}
REFUSED = {"escape": b"jane\x1b[2J", "NUL": b"jane\x00", "line feed": b"jane\nX-Remote-Group: system:masters"}


@dataclass
class Logged:
    """A process, its address, and what it has logged."""

    server: RunningServer
    process: asyncio.subprocess.Process
    lines: list[str] = field(default_factory=list)

    async def read(self) -> None:
        """Reads lines until the process ends."""
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            self.lines.append(line.decode())

    async def line(self, *texts: str) -> str:
        """The first line with all of these texts, once there is one."""

        async def is_there() -> bool:
            return any(all(text in line for text in texts) for line in self.lines)

        await eventually(is_there)
        return next(line for line in self.lines if all(text in line for text in texts))


@asynccontextmanager
async def logging_server(cluster: RunningServer, *flags: str) -> AsyncIterator[Logged]:
    """A process of `kubesum serve` with these flags, once it is ready."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "kubesum", "serve", *cluster.arguments("--secure-port", str(port), *flags)),
        env={"PATH": os.environ["PATH"], "HOME": str(cluster.home)},
        stderr=asyncio.subprocess.PIPE,
        limit=1 << 22,
    )
    logged = Logged(replace(cluster, port=port), process)
    reading = asyncio.create_task(logged.read())
    try:
        await eventually(lambda: is_ready(logged.server), 30)
        yield logged
    finally:
        process.terminate()
        await process.wait()
        await reading


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cluster(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningServer]:
    """A simulated cluster."""
    async with running_server(tmp_path_factory.mktemp("cluster")) as server:
        yield server


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def in_json(cluster: RunningServer) -> AsyncIterator[Logged]:
    """One that logs everything there is, in JSON."""
    flags = ("--access-log", "all", "--log-level", "debug", "--shutdown-delay-duration", "0s")
    async with logging_server(cluster, *flags) as logged:
        yield logged


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def in_text(cluster: RunningServer) -> AsyncIterator[Logged]:
    """One that logs all requests, in text."""
    flags = ("--access-log", "all", "--log-format", "text", "--shutdown-delay-duration", "0s")
    async with logging_server(cluster, *flags) as logged:
        yield logged


def of_requests(line: str) -> dict[str, Any]:
    """A line of JSON."""
    found: dict[str, Any] = json.loads(line)
    return found


async def asked(server: RunningServer, audit_id: str, user: bytes) -> int:
    """The code of the response to a list by a user; aiohttp refuses to send such names."""
    tls = server.tls(server.front_proxy)
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, ssl=tls, server_hostname=SERVICE_HOST)
    head = f"GET {NODES} HTTP/1.1\r\nHost: a\r\nX-Remote-Group: system:masters\r\nAudit-ID: {audit_id}\r\n"
    writer.write(head.encode() + b"X-Remote-User: " + user + b"\r\n\r\n")
    code = int((await reader.readline()).split()[1])
    writer.close()
    return code


@pytest.mark.parametrize("case", HOSTILE)
async def test_a_hostile_user_has_one_line(in_json: Logged, in_text: Logged, case: str) -> None:
    for logged in (in_json, in_text):
        audit_id = f"hostile-{case.replace(' ', '-')}"
        assert await asked(logged.server, audit_id, HOSTILE[case]) == 200

        line = (await logged.line(audit_id)).removesuffix("\n")
        assert line.isprintable()
        assert len(line) < 2000
    text = line.partition(" request ")[2]
    assert [field.partition("=")[0] for field in fields(text)] == [
        *("audit_id", "user", "groups", "verb", "resource", "code", "latency_ms", "bytes", "source")
    ]


@pytest.mark.parametrize("user", REFUSED.values(), ids=REFUSED.keys())
async def test_what_is_no_header_is_refused(in_json: Logged, user: bytes) -> None:
    assert await asked(in_json.server, "refused", user) == 400

    line = of_requests(await in_json.line("request refused"))
    assert (line["level"], line["code"], line["source"]) == ("debug", 400, "127.0.0.1")


def fields(text: str) -> list[str]:
    """The fields of a line of text, as a reader parses them: name=value, or name="value" as Go quotes it."""
    found = re.findall(r'\w+=(?:"(?:[^"\\]|\\.)*"|[^\s"\\]*)(?: |$)', text)
    assert "".join(found) == text
    return found


@pytest.mark.parametrize("sent", ["a" * 50_000, "a\tb", "caf\u00e9", "a b", "a;b", "{}"])
async def test_an_audit_id_cannot_break_a_line(in_text: Logged, sent: str) -> None:
    answer = await in_text.server.request("/version", headers=[("Audit-ID", sent)])

    returned = answer.headers["Audit-ID"]
    line = await in_text.line(returned)
    assert len(returned) <= 64
    assert line.count("\n") == 1


async def test_no_token_and_no_object_is_logged(in_json: Logged) -> None:
    """Also at the level debug, over WebSocket, and where a client puts a token in a place that is none."""
    server = in_json.server
    names = [stored.decoded()["metadata"]["name"] for stored in server.store.list("pods", "")]
    for headers in (
        [("Authorization", f"Bearer {TOKEN}")],
        [("Authorization", f"Basic {TOKEN}")],
        [("Cookie", TOKEN)],
    ):
        await server.request(f"{NODES}?token={TOKEN}", headers=headers)
    answer = await server.forwarded("/apis/summary.kubesum.dev/v1alpha1/podsummaries", "admin", "system:masters")
    assert names[0] in answer.body.decode()

    encoded = urlsafe_b64encode(TOKEN.encode()).decode().rstrip("=")
    offered = [Subprotocol(f"base64url.bearer.authorization.k8s.io.{encoded}"), Subprotocol("base64.binary.k8s.io")]
    tls = server.tls(server.front_proxy)
    url = f"wss://127.0.0.1:{server.port}/apis/summary.kubesum.dev/v1alpha1/podsummaries?watch=1&timeoutSeconds=1"
    async with connect(
        url,
        ssl=tls,
        server_hostname=SERVICE_HOST,
        subprotocols=offered,
        proxy=None,
        additional_headers=identity("websocket-user", "system:masters"),
    ) as connection:
        messages = [str(message) async for message in connection]
    assert any(names[0] in message for message in messages)

    line = of_requests(await in_json.line('"websocket-user"'))
    assert (line["verb"], line["code"]) == ("watch", 200)
    everything = "".join(in_json.lines)
    assert "request to the API server" in everything
    assert TOKEN not in everything
    assert encoded not in everything
    assert [name for name in names if name in everything] == []


async def test_a_start_is_logged_once_and_no_probe(cluster: RunningServer) -> None:
    """Each probe of a replica that starts was a line of the access log, for its 500."""
    async with logging_server(cluster, "--shutdown-delay-duration", "0s") as logged:
        assert of_requests(await logged.line('"message":"ready"'))["level"] == "info"
        assert of_requests(await logged.line('"message":"starting"'))["version"] == __version__

    assert [line for line in logged.lines if '"message":"request"' in line] == []
    readiness = [of_requests(line) for line in logged.lines if "readinesslog" in line]
    assert [one for one in readiness if one["level"] != "info"] == []
    assert len({one.get("failing") for one in readiness}) == len(readiness)


@pytest.mark.parametrize(("formatter", "rest"), [("JsonFormatter", 0), ("TextFormatter", 8)])
async def test_a_crash_has_one_line_with_its_place(tmp_path: Path, formatter: str, rest: int) -> None:
    """The error of a task, as its group raises it; the lines of its traceback follow in text."""
    program = f"""
import asyncio, sys
from kubesum.operations.logs import {formatter}, log_crash, set_up_logging
from kubesum.vocabulary.quantity import uncached_nanos
async def main():
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(asyncio.to_thread(uncached_nanos, None))
set_up_logging({formatter}())
sys.excepthook = log_crash
asyncio.run(main())
"""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", program), env={"HOME": str(tmp_path)}, stderr=asyncio.subprocess.PIPE
    )
    _, err = await process.communicate()

    first, *others = err.decode().splitlines()
    assert process.returncode == 1
    assert "crashed" in first
    assert "Error: " in first
    assert "quantity.py:" in first
    assert "in uncached_nanos" in first
    assert len(others) >= rest
    assert bool(others) == bool(rest)
