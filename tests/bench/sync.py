"""One initial sync, measured from inside: the real server on a real connection, alone on its core.

Prints one line of JSON: seconds from the first request to the first rows, processor seconds, memory before and
after, in bytes, and what each further poll of metrics.k8s.io costs.
"""

import argparse
import asyncio
import gc
import json
import os
import resource
import tempfile
import time
from base64 import b64decode
from pathlib import Path

import uvloop
import yaml

from kubesum.commands.kubeconfigfile import local_credentials
from kubesum.commands.listwatches import cluster_list_watches
from kubesum.edge.secureserving import local_serving
from kubesum.edge.tls.certificates import write_private
from kubesum.kube.client import connect
from kubesum.kube.credentials import kubeconfig
from kubesum.operations import metrics
from kubesum.resources import RESOURCES
from kubesum.server.runtime import Kubesum, trim_memory
from kubesum.server.sockets import LOOPBACK, listen

TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
PAGE_BYTES = resource.getpagesize()
USAGE_INTERVAL_S = 16.0
"""Long enough for the simulated cluster to measure anew before each poll."""


def resident_bytes() -> int:
    """Memory of this process that is in use."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * PAGE_BYTES


async def longest_block_s(stop: asyncio.Event) -> float:
    """The longest time that the event loop ran without a pause, until stopped."""
    longest, interval_s = 0.0, 0.005
    while not stop.is_set():
        began = time.perf_counter()
        await asyncio.sleep(interval_s)
        longest = max(longest, time.perf_counter() - began - interval_s)
    return longest


async def list_everything(port: int, folder: Path) -> None:
    """Asks for one JSON and one Table list of every kind, as somebody else on another core."""
    for computed in RESOURCES:
        for accept in ("application/json", TABLE):
            url = f"https://{LOOPBACK}:{port}/apis/{computed.api_version}/{computed.plural}"
            process = await asyncio.create_subprocess_exec(
                *(
                    "curl",
                    "--silent",
                    "--fail",
                    "--insecure",
                    "--output",
                    "/dev/null",
                    "--header",
                    f"Accept: {accept}",
                ),
                # By its own name it would be given what a person reads.
                *("--user-agent", "bench"),
                *("--cert", str(folder / "client.crt"), "--key", str(folder / "client.key"), url),
                preexec_fn=lambda: os.sched_setaffinity(0, set(range(os.cpu_count() or 1))),
            )
            if await process.wait():
                raise RuntimeError(f"{url} could not be listed")


async def cost_of_polls(count: int) -> dict[str, float]:
    """What a poll of metrics.k8s.io costs, over so many of them, while nothing else happens."""
    stop = asyncio.Event()
    block = asyncio.create_task(longest_block_s(stop))
    began_cpu, began_rows = time.process_time(), published_rows()
    await asyncio.sleep(count * USAGE_INTERVAL_S)
    stop.set()
    return {
        "poll_cpu_s": (time.process_time() - began_cpu) / count,
        "poll_rows": (published_rows() - began_rows) / count,
        "poll_block_s": await block,
        "polled": resident_bytes(),
    }


def published_rows() -> float:
    """How many rows were published so far."""
    return next(sample.value for metric in metrics.PUBLISHED_ROWS.collect() for sample in metric.samples)


def client_files(kubeconfig: bytes, folder: Path) -> None:
    """Writes the client certificate and key of a kubeconfig."""
    user = yaml.safe_load(kubeconfig)["users"][0]["user"]
    (folder / "client.crt").write_bytes(b64decode(user["client-certificate-data"]))
    write_private(folder / "client.key", b64decode(user["client-key-data"]))


async def main() -> None:
    """Syncs once and tells what it took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kubeconfig", type=Path)
    parser.add_argument("--core", type=int, required=True, help="processor to run on")
    parser.add_argument("--polls", type=int, default=0, help="how many polls to measure instead of lists")
    options = parser.parse_args()
    os.sched_setaffinity(0, {options.core})
    gc.freeze()  # as the command does
    async with await connect(kubeconfig(options.kubeconfig, None)) as upstream:
        with listen(0) as listener, tempfile.TemporaryDirectory() as folder:
            port = listener.getsockname()[1]
            own = local_credentials(port)
            client_files(own.kubeconfig, Path(folder))
            kubesum = Kubesum(cluster_list_watches(upstream, USAGE_INTERVAL_S), local_serving(own.tls))
            stop = asyncio.Event()
            trim_memory()
            figures: dict[str, float] = {"idle": resident_bytes()}
            began, began_cpu = time.perf_counter(), time.process_time()
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(kubesum.run(listener))
                block = tasks.create_task(longest_block_s(stop))
                await kubesum.ready.wait()
                figures["wall_s"] = time.perf_counter() - began
                figures["cpu_s"] = time.process_time() - began_cpu
                figures["synced"] = resident_bytes()
                figures["peak"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
                stop.set()
                figures["block_s"] = await block
                if options.polls:
                    figures |= await cost_of_polls(options.polls)
                else:
                    await list_everything(port, Path(folder))
                    figures["listed"] = resident_bytes()
                running.cancel()
    print(json.dumps(figures))


if __name__ == "__main__":
    uvloop.run(main())
