"""The page in a real browser while pods change: its first picture, long tasks, and the memory of the tab.

Each view is opened and left open for some seconds. Then all views are visited again and again while nothing changes,
the overview stays open for minutes, and after that the view of unhealthy pods is opened: by then there are many.
"""

import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from kubesum.server.sockets import LOOPBACK
from tests.bench.child import OTHER_CORE, SERVER_CORE, pinned
from tests.bench.client import API, JSON
from tests.bench.figures import Figure
from tests.bench.opentab import LONG_TASK_MS, Memory, Tab, Tasks, open_tab
from tests.bench.options import Options
from tests.bench.stage import Stage, simulated_cluster, stage
from tests.soak.growth import slope

RATE: Final = 100.0
PICTURE_MS: Final = 3000
SETTLED_S: Final = 3.0
SAMPLES: Final = 40
SETTLING_SHARE: Final = 0.3
"""The first part of the minutes, in which the browser compiles scripts and fills its caches."""
ROUNDS: Final = 10
VISIT_S: Final = 0.7
VIEWS: Final = ("nodes", "namespaces", "workloads", "unhealthy", "images", "pending")


def measure(options: Options) -> Iterator[Figure]:
    """Milliseconds of pictures and tasks; what the tab gains in a minute and in a round of visits."""
    with (
        simulated_cluster(options.size, options.bytes_per_s) as cluster,
        stage(cluster) as running,
        dashboard(running) as url,
        # A user's browser has a machine of its own; this one shares both processors.
        open_tab({SERVER_CORE, OTHER_CORE}) as tab,
    ):
        running.at_rate(RATE)
        for when in ("opened first", "opened again"):
            yield from opening(running, tab, url, options.size.nodes, when)
        queries = {"overview": "", **{name: query(view=name) for name in VIEWS}, **details(running)}
        for name, asked in queries.items():
            yield from view(tab, name, asked, options.seconds)
        running.settle()
        yield from visits(tab, list(queries.values()))
        running.at_rate(RATE)
        yield from minutes(tab, options.churn_s)
        yield from many_rows(running, tab, queries["unhealthy"], options.seconds)


@contextmanager
def dashboard(running: Stage) -> Iterator[str]:
    """The address of `kubesum dashboard`, behind whose API server kubesum is."""
    authority = b64encode(running.authority.certificate).decode()
    running.cluster.command(f"register {LOOPBACK}:{running.port} {authority}")
    program = str(Path(sys.executable).with_name("kubesum"))
    arguments = ("--no-browser", "--kubeconfig", running.cluster.started["admin"])
    command = (*pinned(SERVER_CORE), program, "dashboard", *arguments)
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line:
            raise RuntimeError(f"{' '.join(command)} ended with exit code {process.wait()}")
        try:
            yield line.split()[1]
        finally:
            process.terminate()


def opening(running: Stage, tab: Tab, url: str, nodes: int, when: str) -> Iterator[Figure]:
    """Until the first picture, and until everything is drawn; the first time kubesum computes the rows for it."""

    def opened() -> None:
        tab.open(url)
        tab.until(lambda drawn: drawn.nodes == nodes)
        tab.wait(SETTLED_S)

    before = running.figures().cpu_s
    found = tab.traced(opened)
    used_ms = 1000 * (running.figures().cpu_s - before)
    drawn = tab.until(lambda drawn: drawn.nodes == nodes)
    yield Figure(f"page, {when}: first picture", drawn.first_ms, "ms", PICTURE_MS)
    yield Figure(f"page, {when}: all {nodes:,} nodes and {drawn.workloads:,} workloads", drawn.all_ms, "ms")
    yield Figure(f"page, {when}: CPU of kubesum until {SETTLED_S:g} s later", used_ms, "ms")
    yield from of_tasks(f"page, {when}", found)


def many_rows(running: Stage, tab: Tab, asked: str, seconds: float) -> Iterator[Figure]:
    """Tasks while very many pods are listed, and for some seconds more."""
    unhealthy = len(items(running, "podsummaries?fieldSelector=status.healthy=false"))

    def listed() -> None:
        tab.show(asked)
        tab.until_rows(unhealthy)
        tab.wait(seconds)

    yield from of_tasks(f"page, {unhealthy:,} unhealthy pods", tab.traced(listed))


def view(tab: Tab, name: str, asked: str, seconds: float) -> Iterator[Figure]:
    """Tasks from opening a view until it was open for some seconds."""

    def shown() -> None:
        tab.show(asked)
        tab.wait(seconds)

    found = tab.traced(shown)
    yield from of_tasks(f"page, {name}", found)
    yield Figure(f"page, {name}: main thread busy", found.busy_percent, "%")


def minutes(tab: Tab, seconds: float) -> Iterator[Figure]:
    """What the overview gains while it is open, and its tasks meanwhile."""
    tab.show("")
    samples, found = [], []
    for _ in range(SAMPLES):
        found.append(tab.traced(lambda: tab.wait(seconds / SAMPLES)))
        # Collects garbage, which is a task of its own.
        samples.append(tab.memory())
    during = f"page, {seconds / 60:g} minutes of the overview"
    yield Figure(f"{during}: long tasks", sum(tasks.long for tasks in found), "", 0)
    yield Figure(f"{during}: longest task", max(tasks.longest_ms for tasks in found), "ms", LONG_TASK_MS)
    yield Figure(f"{during}: longest task (CPU)", max(tasks.longest_cpu_ms for tasks in found), "ms", LONG_TASK_MS)
    yield from growth(during, samples, seconds / 60 / SAMPLES, "minute")


def visits(tab: Tab, queries: Sequence[str]) -> Iterator[Figure]:
    """What is gained by visiting all views again and again, while nothing changes: new rows are no leak."""
    samples = []
    for _ in range(ROUNDS):
        for asked in [*queries, ""]:
            tab.show(asked)
            tab.wait(VISIT_S)
        samples.append(tab.memory())
    yield from growth(f"page, {ROUNDS} visits of all views", samples, 1, "round")


def growth(during: str, samples: Sequence[Memory], apart: float, unit: str) -> Iterator[Figure]:
    """The slope of each series of samples after it has settled."""
    settled = samples[round(SETTLING_SHARE * len(samples)) :]
    times = [apart * place for place in range(len(settled))]
    series: tuple[tuple[str, str, Callable[[Memory], float]], ...] = (
        ("heap", "KiB", lambda memory: 1024 * memory.heap_mib),
        ("DOM nodes", "", lambda memory: memory.dom_nodes),
        ("listeners", "", lambda memory: memory.listeners),
    )
    yield Figure(f"{during}: heap at the end", samples[-1].heap_mib, "MiB")
    yield Figure(f"{during}: DOM nodes at the end", samples[-1].dom_nodes, "")
    for name, of, read in series:
        yield Figure(f"{during}: {name} gained in a {unit}", slope(times, [read(one) for one in settled]), of)


def of_tasks(what: str, found: Tasks) -> Iterator[Figure]:
    """The longest task, with the time of other processes and without."""
    yield Figure(f"{what}: longest task", found.longest_ms, "ms", LONG_TASK_MS)
    yield Figure(f"{what}: longest task (CPU)", found.longest_cpu_ms, "ms", LONG_TASK_MS)


def details(running: Stage) -> dict[str, str]:
    """The queries of a node, and of the largest namespace, workload and image."""
    nodes, namespaces, workloads, images = (
        max(items(running, plural), key=_pods)
        for plural in ("nodesummaries", "namespacesummaries", "workloadsummaries", "clusterimagesummaries")
    )
    owner, image = workloads["status"]["workloadRef"], images["status"]
    namespace = workloads["metadata"]["namespace"]
    return {
        "a node": query(view="node", name=nodes["metadata"]["name"]),
        "a namespace": query(view="namespace", name=namespaces["metadata"]["name"]),
        "a workload": query(view="workload", namespace=namespace, kind=owner["kind"], name=owner["name"]),
        "an image": query(view="image", repository=image["repository"], tag=image["tag"]),
    }


def _pods(item: dict[str, Any]) -> int:
    pods = item["status"]["pods"]
    return int(pods if isinstance(pods, int) else pods["active"])


def query(**parameters: str) -> str:
    """The query of a view."""
    return f"?{urlencode(parameters)}"


def items(running: Stage, path: str) -> list[dict[str, Any]]:
    """The objects of a list."""
    # The server has closed a connection that was idle for minutes.
    running.client.close()
    found: list[dict[str, Any]] = json.loads(running.client.get(f"{API}/{path}", JSON).body)["items"]
    return found
