"""Rolling restarts of two replicas under load: no request fails, and no watch ends but in order."""

import asyncio
import tempfile
from collections.abc import Awaitable
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Final

from kubesum.commands.demo.manifests import SERVICE_HOST
from kubesum.edge.tls import certificates
from kubesum.server.sockets import LOOPBACK
from tests.bench.child import SERVER_CORE, Child, pinned
from tests.bench.client import client_tls
from tests.soak.clients import KINDS, Clients, Counts, session
from tests.soak.replicas import Replicas

REPLICAS: Final = 2
WATCHES: Final = 20
LISTS: Final = 4
RATE: Final = 200.0


@dataclass(frozen=True, slots=True)
class Restarted:
    """What clients have seen while replicas were replaced."""

    replaced: int
    counts: Counts
    failures: tuple[str, ...]
    """Of requests, and of replicas that did not end in order."""


async def restarts(cluster: Child, number: int, shutdown_delay_s: float) -> Restarted:
    """Replaces two replicas of a cluster so many times, while pods change and clients list and watch."""
    with tempfile.TemporaryDirectory(prefix="kubesum-restarts-") as folder:
        home = Path(folder)
        authority = certificates.authority("kubesum-ca")
        (home / "ca.crt").write_bytes(authority.certificate)
        certificate, key = certificates.serving(authority, (SERVICE_HOST,)).write(home, "serving")
        front_proxy = (Path(cluster.started["front_proxy"][0]), Path(cluster.started["front_proxy"][1]))
        flags = {
            "--bind-address": LOOPBACK,
            "--kubeconfig": cluster.started["kubeconfig"],
            "--tls-cert-file": certificate,
            "--tls-private-key-file": key,
            "--shutdown-delay-duration": f"{shutdown_delay_s:g}s",
        }
        arguments = [str(part) for flag in flags.items() for part in flag]
        tls = client_tls(home / "ca.crt", front_proxy)
        replicas = Replicas(home, home / "ca.crt", arguments, pinned(SERVER_CORE))
        cluster.command(f"rate {RATE}")
        async with replicas.serving(REPLICAS), session(tls) as kept, session(tls, keeps_alive=False) as new:
            url = f"https://{LOOPBACK}:{replicas.port}"
            counts = Counts()
            await under_load(replaced(replicas, number), Clients(kept, url, counts), Clients(new, url, counts))
        cluster.command("rate 0")
    return Restarted(replicas.replaced, counts, (*counts.failures, *replicas.failures))


async def replaced(replicas: Replicas, number: int) -> None:
    """Replaces all replicas so many times."""
    for done in range(number):
        await replicas.replace_all()
        print(f"  {done + 1} rolling restarts", flush=True)
    await replicas.ended()


async def under_load(work: Awaitable[None], kept: Clients, new: Clients) -> None:
    """Watches and lists over connections that are kept, and lists over a new one each, for as long as the work."""
    kinds = cycle(KINDS)
    async with asyncio.TaskGroup() as tasks:
        clients = [
            *(tasks.create_task(kept.watch(next(kinds))) for _ in range(WATCHES)),
            *(tasks.create_task(one.list_repeatedly(0.1)) for one in (kept, new) for _ in range(LISTS)),
        ]
        await work
        for client in clients:
            client.cancel()


def report_restarts(found: Restarted) -> int:
    """Prints what clients have seen; the exit code."""
    counts = found.counts
    print(
        f"{found.replaced} replicas replaced: {counts.lists} lists, {counts.relists} watches, "
        f"{counts.events} events, {len(found.failures)} failures"
    )
    for failure in dict.fromkeys(found.failures):
        print(f"  {failure}")
    return int(bool(found.failures))
