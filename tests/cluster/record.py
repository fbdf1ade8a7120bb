"""Records what a real kube-apiserver prints of pods: `python -m tests.cluster.record`.

The recording lets tests compare with a real server where there is none.
"""

import sys
import tempfile
import time
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

from tests.cluster.controlplane import BINARIES, HOW_TO, Client, binaries, control_plane
from tests.cluster.stage import enact
from tests.computation import JsonObject, key_of
from tests.oracle import recording
from tests.oracle.podtables import TABLE, of_table
from tests.oracle.recording import Recording
from tests.oracle.testpods import SEED, cases, drawn, nodes

COMMAND = f"{BINARIES}=<folder of etcd and kube-apiserver> python -m tests.cluster.record"

_DRAWN = 65
"""Enough to have met all, few enough to read."""


def record(client: Client) -> Recording:
    """Puts the shapes on a stage, and takes down what the server says of them."""
    now = datetime.now(UTC)
    enact(client, nodes(), [*cases(now), *drawn(SEED, _DRAWN, now)])
    pods = [_kept(pod) for pod in client.get("/api/v1/pods")["items"]]
    # The server tells the time in whole seconds, ages do too: early in a second both are of the same one.
    time.sleep(1 - time.time() % 1)
    answer = client.send("GET", "/api/v1/pods", accept=TABLE)
    printed = of_table(answer.json())
    version = client.get("/version")["gitVersion"]
    at = parsedate_to_datetime(answer.headers["Date"])
    return Recording(version, COMMAND, at, pods, [printed[key_of(pod)] for pod in pods])


def _kept(pod: JsonObject) -> JsonObject:
    """The pod as served, without the log of who wrote what, which nothing prints."""
    return pod | {"metadata": {key: value for key, value in pod["metadata"].items() if key != "managedFields"}}


def main() -> int:
    """Writes the recording; the exit code."""
    assets = binaries()
    if assets is None:
        print(HOW_TO, file=sys.stderr)
        return 1
    with (
        tempfile.TemporaryDirectory(prefix="kubesum-record-") as directory,
        control_plane(assets, Path(directory)) as plane,
        plane.client() as client,
    ):
        recording.write(record(client))
    print(f"wrote {recording.PATH}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
