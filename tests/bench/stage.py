"""What most phases run against: a simulated API server whose pods change, and `kubesum serve` behind it."""

import socket
import ssl
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kubesum.commands.demo.manifests import SERVICE_HOST
from kubesum.edge.tls import certificates
from kubesum.server.sockets import LOOPBACK
from tests.bench.child import OTHER_CORE, SERVER_CORE, Child, child
from tests.bench.client import Client, client_tls
from tests.bench.options import Size

LONGEST_WAIT_S = 900.0
"""A cluster of 150,000 pods with usage takes minutes to sync on a busy machine."""
LEAD = 2000
"""Changes that are made before kubesum has read the ones before; the simulated API server keeps 10,000."""
SETTLED_S = 1.5
"""A row that changes all the time is published once a second, and the last change within 1.1 s."""


@dataclass(frozen=True, slots=True)
class ServerFigures:
    """What the process of kubesum has used and done so far."""

    cpu_s: float
    resident_bytes: int
    anonymous_bytes: int
    """Of those, what is of no file: pages of files come and go as the kernel decides."""
    peak_bytes: int
    pod_events: int
    published_rows: int
    polls: int
    tasks: int
    descriptors: int
    block_s: float
    """The longest block of the event loop since it was last measured anew, as time passed."""
    block_cpu_s: float
    """The same in CPU time, which other processes do not lengthen."""


@dataclass(frozen=True, slots=True)
class Synced:
    """An initial sync: from the end of the imports until ready."""

    seconds: float
    cpu_s: float
    block_cpu_s: float


@dataclass(frozen=True, slots=True)
class Stage:
    """A running cluster and a running kubesum that is ready."""

    cluster: Child
    server: Child
    client: Client
    idle: ServerFigures
    """The process of kubesum before it had connected."""
    sync: Synced
    port: int
    tls: ssl.SSLContext
    """Of a client, which is a front proxy."""
    authority: certificates.KeyPair
    """The authority of the serving certificate."""
    authority_file: Path
    """Its certificate."""
    pair: tuple[Path, Path]
    """The files of the serving certificate and its key."""

    def figures(self, command: str = "figures") -> ServerFigures:
        """The figures of kubesum's process; also obeys `blocks` and `no-blocks`."""
        return _figures(self.server.command(command))

    def at_rate(self, events_per_s: float) -> None:
        """Has so many pods change each second, from now on."""
        self.cluster.command(f"rate {events_per_s}")

    def change(self, pods: int, lead: int = LEAD) -> None:
        """Has so many pods change, as fast as kubesum reads them; returns when it has read them all."""
        before, first = self.cluster.command("sent")["sent"], self.figures().pod_events
        read = 0
        while read < pods:
            self.cluster.command(f"until {before + min(pods, read + lead)}")
            time.sleep(0.02)
            read = self.figures().pod_events - first

    def settle(self) -> None:
        """Stops all changes, and returns when they are published."""
        self.at_rate(0)
        time.sleep(SETTLED_S)


@contextmanager
def simulated_cluster(size: Size, bytes_per_s: float) -> Iterator[Child]:
    """A simulated API server in a process of its own."""
    arguments = ("--nodes", str(size.nodes), "--pods", str(size.pods), "--rate", str(bytes_per_s))
    with child("cluster", OTHER_CORE, (*arguments, "--core", str(OTHER_CORE))) as cluster:
        yield cluster


@contextmanager
def stage(cluster: Child, usage_interval_s: float = 0, kubeconfig: Path | None = None) -> Iterator[Stage]:
    """`kubesum serve` of a simulated cluster, ready; it reads usage only with an interval.

    `kubeconfig` is another than the cluster's own, with a way to the cluster that can fail.
    """
    with tempfile.TemporaryDirectory(prefix="kubesum-bench-") as folder:
        home = Path(folder)
        authority = certificates.authority("kubesum-ca")
        authority_file = home / "ca.crt"
        authority_file.write_bytes(authority.certificate)
        serving = certificates.serving(authority, (SERVICE_HOST,))
        certificate, key = serving.write(home, "serving")
        port = free_port()
        front_proxy = (Path(cluster.started["front_proxy"][0]), Path(cluster.started["front_proxy"][1]))
        tls = client_tls(authority_file, front_proxy)
        flags = {
            "--bind-address": LOOPBACK,
            "--secure-port": port,
            "--kubeconfig": kubeconfig or cluster.started["kubeconfig"],
            "--tls-cert-file": certificate,
            "--tls-private-key-file": key,
            "--usage-interval": f"{usage_interval_s:g}s",
        }
        arguments = [str(part) for flag in flags.items() for part in flag]
        with child("measuredserver", SERVER_CORE, arguments) as server:
            client, idle = Client(port, tls), _figures(server.started)
            began = time.perf_counter()
            until_ready(client)
            seconds = time.perf_counter() - began
            ready = _figures(server.command("no-blocks"))
            sync = Synced(seconds, ready.cpu_s - idle.cpu_s, ready.block_cpu_s)
            yield Stage(cluster, server, client, idle, sync, port, tls, authority, authority_file, (certificate, key))


def until_ready(client: Client) -> None:
    """Returns when /readyz is 200; raises TimeoutError."""
    deadline = time.monotonic() + LONGEST_WAIT_S
    while time.monotonic() < deadline:
        try:
            if client.ask("/readyz").code == 200:
                return
        except OSError:
            client.close()
        # Each request takes CPU time from the sync that is measured.
        time.sleep(0.05)
    raise TimeoutError("kubesum is not ready")


def free_port() -> int:
    """A free port."""
    with socket.create_server((LOOPBACK, 0)) as one:
        return int(one.getsockname()[1])


def _figures(line: dict[str, Any]) -> ServerFigures:
    counts = ("anonymous_bytes", "peak_bytes", "pod_events", "published_rows", "polls", "tasks", "descriptors")
    none = dict.fromkeys((*counts, "block_s", "block_cpu_s"), 0)
    return ServerFigures(**(none | line))
