"""What a response costs at least: the same bytes from a bare ASGI application, and their compression by zlib."""

import ssl
import tempfile
import time
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from kubesum.commands.demo.manifests import SERVICE_HOST
from tests.bench.child import SERVER_CORE, child
from tests.bench.client import Client
from tests.bench.figures import Figure, median

ROUNDS: Final = 10
COMPRESSIONS: Final = 3


def bare(bodies: Mapping[str, bytes]) -> Iterator[Figure]:
    """How long the bare application takes for each of these responses, by name."""
    with tempfile.TemporaryDirectory(prefix="kubesum-bench-") as home:
        folder, authority = Path(home) / "bodies", Path(home) / "ca.crt"
        folder.mkdir()
        for number, body in enumerate(bodies.values()):
            (folder / str(number)).write_bytes(body)
        arguments = (str(folder), "--host", SERVICE_HOST, "--authority", str(authority))
        with child("bareserver", SERVER_CORE, arguments) as server:
            client = Client(server.started["port"], ssl.create_default_context(cafile=authority))
            for number, name in enumerate(bodies):
                client.get(f"/{number}")
                before = server.command("figures")["cpu_s"]
                took_ms = 1000 * median(client.get(f"/{number}").seconds for _ in range(ROUNDS))
                used_ms = 1000 * (server.command("figures")["cpu_s"] - before) / ROUNDS
                yield Figure(f"{name}, the same bytes from a bare application", took_ms, "ms")
                yield Figure(f"{name}, the same bytes from a bare application (CPU)", used_ms, "ms")
            client.close()


def compressed(name: str, body: bytes) -> Iterator[Figure]:
    """The CPU time of zlib for this body, at its fastest level."""
    times = []
    for _ in range(COMPRESSIONS):
        began = time.process_time()
        zlib.compress(body, 1)
        times.append(time.process_time() - began)
    yield Figure(f"{name}, size", len(body) / 2**20, "MiB")
    yield Figure(f"{name}, compressed by zlib level 1 (CPU)", 1000 * min(times), "ms")
