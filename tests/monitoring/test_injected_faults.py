"""Each alert fires for the fault that it is about, injected into a running server, and others do not.

Server and cluster are on one clock that leaps, so that an outage of a minute takes no time.
"""

import asyncio
import itertools
import os
import socket
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from kubesim.access import certificates
from kubesum.commands.demo.manifests import SERVICE_HOST
from kubesum.operations.metrics import MEMORY_PRESSURE
from tests.leaping import leaping_together
from tests.monitoring.conftest import BEFORE_S
from tests.monitoring.expressions import OF_ALERTS
from tests.monitoring.faults import NONE, FaultyServer, faulty_server
from tests.monitoring.promql import evaluated
from tests.monitoring.scraping import scrape
from tests.serving.load import ROOT
from tests.serving.runningserver import NODES, RunningServer, V

PODS = f"{V}/podsummaries"
WATCHES = 11
"""More than ten are worth an alert."""

TIMES: Final = 2
"""How often a fault happens: Prometheus counts nothing of what a series begins with."""
AGO_S: Final = (*BEFORE_S, 0.0)

Fault = Callable[[FaultyServer], Awaitable[None]]


async def nothing(faulty: FaultyServer) -> None:
    """What happens all the time."""
    await faulty.server.forwarded(NODES, "root", "system:masters")
    await asyncio.sleep(60)


async def the_server_ends(faulty: FaultyServer) -> None:
    faulty.server.shutdown.set()
    await faulty.server.stopped.wait()


async def the_api_server_is_gone(faulty: FaultyServer) -> None:
    await faulty.relay.stop()
    await asyncio.sleep(60)


async def reviews_fail(faulty: FaultyServer) -> None:
    faulty.relay.refused["/apis/authorization.k8s.io"] = 500
    await faulty.server.forwarded(NODES, "somebody")


async def the_certificate_is_old(faulty: FaultyServer) -> None:
    """The files are replaced by one that has six days left."""
    pair = certificates.serving(faulty.server.authority, (SERVICE_HOST, "127.0.0.1"), timedelta(days=6))
    for path in pair.write(faulty.server.home, "new"):
        os.replace(path, faulty.server.home / path.name.replace("new", "serving"))
    await asyncio.sleep(10)


async def too_many_requests(faulty: FaultyServer) -> None:
    """One in ten seconds for a quarter of an hour."""
    await faulty.rejects(91)


async def clients_do_not_read(faulty: FaultyServer) -> None:
    """Watches, and more changes than the buffers of their connections hold."""
    cut = "kubesum_watches_cut_total"
    enough = await faulty.counted(cut) + WATCHES
    clients = [await unread_watch(faulty.server) for _ in range(WATCHES)]
    async with asyncio.timeout(1200):
        for number in itertools.count():
            for pod in faulty.server.store.list("pods"):
                changed = pod.decoded()
                changed["status"] |= {"phase": "Failed", "reason": f"Fault{number}" + "x" * 8192}
                faulty.server.store.put("pods", changed)
            await asyncio.sleep(5)
            if await faulty.counted(cut) >= enough:
                break
    for client in clients:
        client.transport.abort()


async def unread_watch(server: RunningServer) -> asyncio.StreamWriter:
    """A client of a watch that reads nothing of it."""
    connection = socket.socket()
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    connection.setblocking(False)
    await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", server.port))
    tls = server.tls(server.front_proxy)
    _, writer = await asyncio.open_connection(sock=connection, ssl=tls, server_hostname=SERVICE_HOST, limit=1024)
    head = (f"GET {PODS}?watch=true HTTP/1.1", f"Host: {SERVICE_HOST}", *(f"{name}: {value}" for name, value in ROOT))
    writer.write("\r\n".join([*head, "", ""]).encode())
    return writer


async def the_event_loop_is_held(_faulty: FaultyServer) -> None:
    time.sleep(0.6)  # noqa: ASYNC251 - this is the fault
    await asyncio.sleep(0.2)


async def text(faulty: FaultyServer) -> str:
    """The text of /metrics, nothing without a server."""
    try:
        return await faulty.metrics()
    except aiohttp.ClientError:
        return ""


def fired(
    home: Path,
    fault: Fault,
    refused: Mapping[str, int] = NONE,
    memory_limit_bytes: int = 0,
) -> set[str]:
    """The alerts that a fault makes fire."""
    names: set[str] = set()

    async def main() -> None:
        # Metrics are those of the process: a server before this one may have ended short of memory.
        MEMORY_PRESSURE.set(0)
        async with faulty_server(home, refused, memory_limit_bytes) as faulty:
            texts = [await text(faulty)]
            for _ in range(TIMES):
                await fault(faulty)
                texts.append(await text(faulty))
            now = time.time()
            scrapes = [scrape(text, now - ago) for text, ago in zip(texts, AGO_S, strict=True)]
            names.update(name for name, expression in OF_ALERTS if evaluated(expression, *scrapes))

    leaping_together(main())
    return names


# The machine of the tests may stall: KubesumBlocked may fire at any time.
MAY: Final = {"KubesumBlocked"}


@pytest.mark.parametrize(
    ("fault", "refused", "alerts"),
    [
        (nothing, NONE, set()),
        (nothing, {"/apis/metrics.k8s.io": 404}, set()),
        (the_server_ends, NONE, {"KubesumDown"}),
        (nothing, {"/api/v1/pods": 403}, {"KubesumNotSynced", "KubesumErrors"}),
        (the_api_server_is_gone, NONE, {"KubesumStale"}),
        (reviews_fail, NONE, {"KubesumErrors"}),
        (the_certificate_is_old, NONE, {"KubesumCertificateExpires"}),
        (too_many_requests, NONE, {"KubesumRejectsRequests"}),
        (clients_do_not_read, NONE, {"KubesumWatchesCut"}),
    ],
    ids=lambda value: value.__name__ if callable(value) else None,
)
def test_a_fault_makes_its_alert_fire(
    tmp_path: Path, fault: Fault, refused: Mapping[str, int], alerts: set[str]
) -> None:
    assert fired(tmp_path, fault, refused) - MAY == alerts


def test_a_held_event_loop_makes_an_alert_fire(tmp_path: Path) -> None:
    assert fired(tmp_path, the_event_loop_is_held) == {"KubesumBlocked"}


def test_a_memory_limit_that_is_too_low_makes_an_alert_fire(tmp_path: Path) -> None:
    assert fired(tmp_path, nothing, memory_limit_bytes=1 << 20) - MAY == {"KubesumMemoryShort"}
