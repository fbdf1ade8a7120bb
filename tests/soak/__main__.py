"""Runs kubesum for minutes under churn, watches and faults, and fails if memory, tasks, descriptors or latency grow.

Every 20 seconds the connections to the API server are cut, it is away for five seconds, or it restarts, or the
serving certificate or the front proxy's authority is replaced. Clients must see none of it: no error, no status but
200, and 410 where a watch is too old. Then two replicas are replaced ten times, while requests go on.

What journals hold by design must not count as growth: twelve changes of each row, which 200 events a second and the
polls of usage bring in four minutes. So more pods change in the first ones.
"""

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from itertools import cycle
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from kubesum.commands.demo.manifests import SERVICE_HOST
from kubesum.edge.tls import certificates
from tests.bench.child import OTHER_CORE, Child
from tests.bench.options import Size
from tests.bench.stage import Stage, simulated_cluster, stage
from tests.soak.clients import KINDS, Clients, session
from tests.soak.growth import MIB, Sample, growths
from tests.soak.link import LOOPBACK, Link
from tests.soak.restarts import report_restarts, restarts

SAMPLE_S: Final = 5.0
FAULT_S: Final = 20.0
AWAY_S: Final = 5.0
LIST_PAUSE_S: Final = 2.0
BYTES_PER_S: Final = 80e6
SETTLING_SHARE: Final = 0.3
"""The first part of a run, in which caches and journals fill: three minutes of ten."""
FILLING_SHARE: Final = 0.2
"""The first part of a run, in which FILLING times as many pods change."""
FILLING: Final = 4
TRUSTED_AFTER_S: Final = 3.0
"""How long after it is published kubesum trusts an authority, in a watch of its ConfigMap."""


class Soak:
    """One run: samples of a running kubesum, and faults that strike it."""

    def __init__(self, running: Stage, link: Link, clients: Clients) -> None:
        self.samples: Final[list[Sample]] = []
        self._running = running
        self._link = link
        self._clients = clients
        self._began = time.monotonic()

    async def sample(self) -> None:
        """Takes samples until it is cancelled, and prints one a minute."""
        while True:
            latency_ms = await self._clients.get_latency_ms()
            figures = await asyncio.to_thread(self._running.figures)
            minutes = (time.monotonic() - self._began) / 60
            anonymous_mib = figures.anonymous_bytes / MIB
            self.samples.append(Sample(minutes, anonymous_mib, figures.tasks, figures.descriptors, latency_ms))
            if len(self.samples) % round(60 / SAMPLE_S) == 1:
                print(f"  {self.samples[-1]}", flush=True)
            await asyncio.sleep(SAMPLE_S)

    async def fail(self) -> None:
        """Has one fault after the other, until it is cancelled."""
        faults: tuple[Callable[[], Awaitable[None]], ...] = (
            *(self._cut, self._away, self._rotate),
            *(self._restart, self._rotate_front_proxy),
        )
        for fault in cycle(faults):
            await asyncio.sleep(FAULT_S)
            await fault()

    async def _cut(self) -> None:
        self._link.cut()

    async def _away(self) -> None:
        self._link.down()
        await asyncio.sleep(AWAY_S)
        await self._link.up()

    async def fill(self, rate: float, filling_s: float) -> None:
        """Has more pods change at first, then so many each second."""
        self._running.at_rate(FILLING * rate)
        await asyncio.sleep(filling_s)
        self._running.at_rate(rate)

    async def _restart(self) -> None:
        await asyncio.to_thread(self._running.cluster.command, "restart")

    async def _rotate_front_proxy(self) -> None:
        """Another authority of the front proxy; connections that are opened from now on have its certificate."""
        pair = (await asyncio.to_thread(self._running.cluster.command, "authority"))["pair"]
        await asyncio.sleep(TRUSTED_AFTER_S)
        self._running.tls.load_cert_chain(*pair)

    async def _rotate(self) -> None:
        """Another serving certificate of the same authority, in the same files."""
        certificate, key = self._running.pair
        renewed = certificates.serving(self._running.authority, (SERVICE_HOST,))
        for path, content in ((key, renewed.key), (certificate, renewed.certificate)):
            path.write_bytes(content)


async def soak(running: Stage, link: Link, options: argparse.Namespace) -> tuple[list[Sample], Clients]:
    """The samples of one run, and its clients with what they have seen."""
    async with session(running.tls) as connections:
        clients = Clients(connections, f"https://{LOOPBACK}:{running.port}")
        run = Soak(running, link, clients)
        kinds = cycle(KINDS)
        try:
            async with asyncio.timeout(60 * options.minutes), asyncio.TaskGroup() as tasks:
                for _ in range(options.watches):
                    tasks.create_task(clients.watch(next(kinds)))
                tasks.create_task(clients.list_repeatedly(LIST_PAUSE_S))
                tasks.create_task(run.fill(options.rate, 60 * FILLING_SHARE * options.minutes))
                tasks.create_task(run.fail())
                tasks.create_task(run.sample())
        except TimeoutError:
            pass
    return run.samples, clients


async def run(cluster: Child, options: argparse.Namespace) -> int:
    """Runs kubesum behind a link to the cluster, and prints what grew; the exit code."""
    with tempfile.TemporaryDirectory(prefix="kubesum-soak-") as folder:
        address = urlsplit(cluster.started["url"])
        link = Link(address.port or 443)
        await link.up()
        kubeconfig = Path(folder) / "kubeconfig"
        through_link(Path(cluster.started["kubeconfig"]), address.netloc, link, kubeconfig)
        # It blocks, while the link must pass on.
        entered = stage(cluster, options.usage_interval, kubeconfig)
        running = await asyncio.to_thread(entered.__enter__)
        try:
            samples, clients = await soak(running, link, options)
        finally:
            link.down()
            await asyncio.to_thread(entered.__exit__, None, None, None)
    grows = report(samples, clients)
    return max(grows, report_restarts(await restarts(cluster, options.restarts, options.shutdown_delay)))


def through_link(own: Path, netloc: str, link: Link, kubeconfig: Path) -> None:
    """Writes the kubeconfig `own` with the address of the link in place of the cluster's."""
    kubeconfig.write_text(own.read_text().replace(netloc, f"{LOOPBACK}:{link.port}"))


def report(samples: list[Sample], clients: Clients) -> int:
    """Prints what was seen; the exit code."""
    settled = [sample for sample in samples if sample.minutes >= SETTLING_SHARE * samples[-1].minutes]
    found = growths(settled)
    counts = clients.counts
    print(f"{counts.events} events, {counts.lists} lists, {counts.relists} watches, {len(counts.failures)} failures")
    for failure in dict.fromkeys(counts.failures):
        print(f"  {failure}")
    print(*found, sep="\n")
    return int(bool(counts.failures) or any(growth.is_excessive for growth in found))


def main() -> int:
    """Runs the soak test; the exit code."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="how long (default: %(default)s)")
    parser.add_argument("--nodes", type=int, default=200, help="nodes of the cluster (default: %(default)s)")
    parser.add_argument("--pods", type=int, default=5_000, help="pods of the cluster (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=200, help="pods that change each second (default: %(default)s)")
    parser.add_argument("--watches", type=int, default=20, help="watches of clients (default: %(default)s)")
    parser.add_argument(
        "--usage-interval", type=float, default=30, help="seconds between polls of usage (default: %(default)s)"
    )
    parser.add_argument("--restarts", type=int, default=10, help="of both replicas (default: %(default)s)")
    parser.add_argument(
        "--shutdown-delay",
        type=float,
        default=10,
        help="seconds for which a replica answers after SIGTERM, as in the chart (default: %(default)s)",
    )
    options = parser.parse_args()
    os.sched_setaffinity(0, {OTHER_CORE})
    with simulated_cluster(Size(options.nodes, options.pods), BYTES_PER_S) as cluster:
        return asyncio.run(run(cluster, options))


if __name__ == "__main__":
    sys.exit(main())
