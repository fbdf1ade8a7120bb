"""What kinds of RollupDefinitions cost: of each pod event, of memory, and from their creation to the first rows."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from kubesum.rollupdefinitions.definition import DEFINITION_GROUP, DEFINITION_KIND, DEFINITION_VERSION
from kubesum.vocabulary.resource import ROLLUP_GROUP
from tests.bench.figures import Figure
from tests.bench.options import Options
from tests.bench.phases.churn import sustained
from tests.bench.stage import LONGEST_WAIT_S, Stage, simulated_cluster, stage

MANY: Final = 20
API: Final = f"/apis/{ROLLUP_GROUP}/{DEFINITION_VERSION}"
KUBECTL: Final = Path(sys.executable).with_name("kubectl")
RUNNING: Final = "pod.active && pod.phase == 'Running'"

JsonObject = dict[str, Any]

STEADY: Final[Sequence[JsonObject]] = (
    {"name": "pods", "type": "Count"},
    {"name": "cpuRequests", "type": "Sum", "resource": {"from": "requests", "name": "cpu"}},
)
MEASURES: Final[Sequence[JsonObject]] = (*STEADY, {"name": "restarts", "type": "Sum", "field": "restarts"})
"""Each event changes the restarts of a pod."""


def measure(options: Options) -> Iterator[Figure]:
    """Microseconds of an event with none, one, many, and one with an expression; KiB of a group."""
    with simulated_cluster(options.size, options.bytes_per_s) as cluster, stage(cluster) as running:
        none_us = event_us(running, options)
        yield Figure("CPU of an event without definitions", none_us, "us")
        before = running.figures().resident_bytes
        appeared_s = create(running, [definition(0)])
        yield Figure("from creating a definition to its first rows", 1000 * appeared_s, "ms", 3000)
        groups = len(json.loads(running.client.get(f"{API}/bench0s", "application/json").body)["items"])
        memory = (running.figures().resident_bytes - before) / groups / 1024
        yield Figure("groups of a definition by node", groups, "groups")
        yield Figure("memory of a group, with its row and the join of its pods", memory, "KiB")
        yield Figure("CPU of an event, added by one definition", event_us(running, options) - none_us, "us")
        create(running, [definition(number) for number in range(1, MANY)])
        many_us = event_us(running, options)
        yield Figure(f"CPU of an event, added by each of {MANY} definitions", (many_us - none_us) / MANY, "us")
        sustained_name = f"events sustained by a whole core, with {MANY} definitions"
        yield Figure(sustained_name, 1e6 / many_us, "1/s", 10_000, more_is_better=True)
        delete(running, [definition(number) for number in range(MANY)])
        steady = [definition(number, measures=STEADY) for number in range(MANY)]
        create(running, steady)
        added_us = (event_us(running, options) - none_us) / MANY
        yield Figure(f"CPU of an event that changes nothing they read, added by each of {MANY}", added_us, "us")
        delete(running, steady)
        create(running, [definition(MANY, expression=RUNNING)])
        added_us = event_us(running, options) - none_us
        yield Figure("CPU of an event, added by one definition with an expression", added_us, "us")


def definition(number: int, expression: str = "", measures: Sequence[JsonObject] = MEASURES) -> JsonObject:
    """Pods by node."""
    spec: JsonObject = {
        "names": {"kind": f"Bench{number}", "plural": f"bench{number}s"},
        "source": "Pods",
        "groupBy": [{"name": "node", "field": "nodeName", "default": "none"}],
        "measures": measures,
    }
    if expression:
        spec["filter"] = expression
    return {
        "apiVersion": f"{DEFINITION_GROUP}/{DEFINITION_VERSION}",
        "kind": DEFINITION_KIND,
        "metadata": {"name": f"bench{number}s.{ROLLUP_GROUP}"},
        "spec": spec,
    }


def event_us(running: Stage, options: Options) -> float:
    """CPU time of an event as fast as they are read."""
    _, cost_us = sustained(running, options.seconds)
    running.settle()
    return cost_us


def create(running: Stage, definitions: list[JsonObject]) -> float:
    """Creates definitions; seconds until all of them have rows."""
    kubectl(running, definitions, "create", "--validate=false")
    began = time.perf_counter()
    for one in definitions:
        path = f"{API}/{one['spec']['names']['plural']}?limit=1"
        while (answer := running.client.ask(path)).code != 200 or not json.loads(answer.body)["items"]:
            if time.perf_counter() - began > LONGEST_WAIT_S:
                raise TimeoutError(f"{path}: {answer.code} {answer.body.decode()}")
            time.sleep(0.01)
    return time.perf_counter() - began


def delete(running: Stage, definitions: list[JsonObject]) -> None:
    """Deletes definitions; returns when none is served."""
    kubectl(running, definitions, "delete")
    for one in definitions:
        while running.client.ask(f"{API}/{one['spec']['names']['plural']}?limit=1").code != 404:
            time.sleep(0.01)


def kubectl(running: Stage, definitions: list[JsonObject], *verb: str) -> None:
    """Runs the real kubectl on these objects."""
    everything = json.dumps({"apiVersion": "v1", "kind": "List", "items": definitions})
    command = [str(KUBECTL), "--kubeconfig", running.cluster.started["admin"], *verb, "-f", "-"]
    subprocess.run(command, input=everything, text=True, check=True, stdout=subprocess.DEVNULL)
