"""The page of `kubesum demo`, as `make demo` starts it: until it shows the cluster, and until a crash is red."""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.child import OTHER_CORE, SERVER_CORE, pinned
from tests.bench.figures import Figure, median
from tests.bench.opentab import Tab, open_tab
from tests.bench.options import Options
from tests.page.crashes import crashing, patch

NODES: Final = 30
"""The default of `kubesum demo`."""
SHOWN_MS: Final = 1000
RED_MS: Final = 2000
BIN: Final = Path(sys.executable).parent


@dataclass(frozen=True, slots=True)
class Demo:
    """A running demo: the address of its page, and its kubeconfig."""

    url: str
    kubeconfig: str

    def kubectl(self, *arguments: str) -> str:
        """What the real kubectl prints."""
        command = (str(BIN / "kubectl"), "--kubeconfig", self.kubeconfig, *arguments)
        return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def measure(options: Options) -> Iterator[Figure]:
    """Milliseconds, the medians of some demos."""
    runs = [measured() for _ in range(options.runs)]
    opened_ms, drawn_ms, red_ms = (median(run[place] for run in runs) for place in range(3))
    yield Figure("page of the demo: first picture", opened_ms, "ms", SHOWN_MS)
    yield Figure("page of the demo: all nodes, and workloads by namespace", drawn_ms, "ms", SHOWN_MS)
    yield Figure("page of the demo: from kubectl's patch to a red row", red_ms, "ms", RED_MS)


def measured() -> tuple[float, float, float]:
    """One demo, opened in a new browser."""
    with demo() as running, open_tab({SERVER_CORE, OTHER_CORE}) as tab:
        tab.open(running.url)
        drawn = tab.until(lambda found: found.nodes == NODES)
        return drawn.first_ms, drawn.all_ms, crash_ms(running, tab)


def crash_ms(running: Demo, tab: Tab) -> float:
    """From the start of kubectl, which has a pod crash, until the row of the pod is red: later than the change."""
    namespace, name, crashed = crashing(json.loads(running.kubectl("get", "pods", "-A", "-o", "json"))["items"])
    tab.show("?view=unhealthy")
    tab.watch_for(name)
    began = time.time()
    running.kubectl(*patch(namespace, name, crashed))
    return tab.red_at_ms() - 1000 * began


@contextmanager
def demo() -> Iterator[Demo]:
    """A demo with its defaults."""
    with tempfile.TemporaryDirectory(prefix="kubesum-bench-") as folder:
        kubeconfig = str(Path(folder) / "kubeconfig")
        command = (*pinned(SERVER_CORE), str(BIN / "kubesum"), "demo", "--kubeconfig-out", kubeconfig)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            lines = (line.split() for line in process.stdout)
            url = next((words[1] for words in lines if words[0] == "dashboard:"), None)
            if url is None:
                raise RuntimeError(f"{' '.join(command)} ended with exit code {process.wait()}")
            try:
                yield Demo(url, kubeconfig)
            finally:
                process.terminate()
