"""`make bench` runs, with a small cluster: four phases, in which pods change and every kind is listed."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PHASES = ("churn", "lists", "memory", "rollups")
NEEDED_PROCESSORS = 2


@pytest.mark.process
@pytest.mark.timeout(300)
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < NEEDED_PROCESSORS, reason="the benchmark pins to two processors")
def test_the_benchmark_gives_figures_of_a_small_cluster(tmp_path: Path) -> None:
    size = ("--nodes", "5", "--pods", "50", "--seconds", "0.5", "--minutes", "0.01", "--runs", "1")
    target = tmp_path / "figures.json"
    command = (sys.executable, "-m", "tests.bench", *PHASES, *size, "--json", str(target))

    run = subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False)

    assert run.returncode == 0, run.stderr
    figures = json.loads(target.read_text())["figures"]
    values = {figure["name"]: figure["value"] for figure in figures}
    assert values["50 pods: events sustained by a whole core"] > 0
    assert values["list of pods, Table, first after one pod changed"] > 0
    assert values["memory after the sync"] >= values["memory of the idle process, after imports"]
    assert values["groups of a definition by node"] > 0
    assert len(values) == len(figures), "no two figures have the same name"
