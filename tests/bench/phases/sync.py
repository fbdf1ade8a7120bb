"""The initial sync, against curl downloading the same lists and a bare typed decode of their bytes."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from kubesum.semantics.interner import Interner
from kubesum.semantics.watchedresources import watched_resources
from tests.bench.child import SERVER_CORE, Child, pinned
from tests.bench.figures import Figure, median
from tests.bench.options import Options
from tests.bench.stage import Synced, simulated_cluster, stage


def measure(options: Options) -> Iterator[Figure]:
    """The medians of pairs of a download and a sync, one after the other."""
    downloads: list[float] = []
    syncs: list[Synced] = []
    with tempfile.TemporaryDirectory(prefix="kubesum-bench-") as folder:
        with simulated_cluster(options.size, options.bytes_per_s) as cluster:
            for _ in range(options.runs):
                downloads.append(downloaded_s(cluster, Path(folder)))
                with stage(cluster) as running:
                    syncs.append(running.sync)
        decoding_s = decoded_s(folder)
    yield Figure("download with curl", median(downloads), "s")
    yield Figure("initial sync", median(sync.seconds for sync in syncs), "s")
    pairs = zip(syncs, downloads, strict=True)
    yield Figure("initial sync / download", median(sync.seconds / download for sync, download in pairs), "", 1.0)
    yield Figure(
        "CPU of the initial sync / of decoding the same bytes", median(sync.cpu_s / decoding_s for sync in syncs), ""
    )
    yield Figure("initial sync, longest block (CPU)", 1000 * median(sync.block_cpu_s for sync in syncs), "ms", 25)


def downloaded_s(cluster: Child, folder: Path) -> float:
    """Seconds that curl takes for the lists of all watched kinds, one after the other."""
    seconds = 0.0
    for kind in watched_resources(Interner()):
        command = (*pinned(SERVER_CORE), "curl", "--silent", "--show-error", "--fail", "--insecure")
        authorization = ("--header", f"Authorization: Bearer {cluster.started['token']}")
        target = ("--output", str(folder / f"{kind.resource}.json"), "--write-out", "%{time_total}\n")
        seconds += float(output(*command, *authorization, *target, cluster.started["url"] + kind.path))
    return seconds


def decoded_s(folder: str) -> float:
    """Seconds of CPU time to decode the lists in this folder."""
    line = output(sys.executable, "-m", "tests.bench.decode", folder, "--core", str(SERVER_CORE))
    seconds: float = json.loads(line)["cpu_s"]
    return seconds


def output(*command: str) -> str:
    """The last line that a command prints."""
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip().splitlines()[-1]
