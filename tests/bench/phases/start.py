"""How long `kubesum local --from` a small file takes until it is ready."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.bench.child import SERVER_CORE, pinned
from tests.bench.figures import Figure

RUNS: Final = 3
FILE: Final = """\
apiVersion: v1
kind: List
items:
- apiVersion: v1
  kind: Node
  metadata: {name: worker}
  status: {allocatable: {cpu: "4", memory: 8Gi}}
- apiVersion: v1
  kind: Pod
  metadata: {name: web, namespace: shop}
  spec: {nodeName: worker, containers: [{name: web, image: web}]}
  status: {phase: Running}
"""


def measure(_options: object) -> Iterator[Figure]:
    """CPU time from the start of the process until it prints that it is ready: the least of some runs."""
    with tempfile.TemporaryDirectory(prefix="kubesum-bench-") as folder:
        file = Path(folder) / "cluster.yaml"
        file.write_text(FILE)
        yield Figure("CPU of `kubesum local --from` until ready", min(started_s(file) for _ in range(RUNS)), "s", 0.7)


def started_s(file: Path) -> float:
    """Seconds of CPU time of one start."""
    program = Path(sys.executable).with_name("kubesum")
    arguments = ("local", "--from", str(file), "--kubeconfig-out", str(file.with_name("kubeconfig")))
    command = (*pinned(SERVER_CORE), str(program), *arguments)
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    with process:
        assert process.stdout is not None
        if not process.stdout.readline():
            raise RuntimeError(f"{' '.join(command)} ended with exit code {process.wait()}")
        used_s = cpu_s(process.pid)
        process.terminate()
    return used_s


def cpu_s(pid: int) -> float:
    """The CPU time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
