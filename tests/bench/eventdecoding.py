"""The floor of a pod event: CPU time to decode it into the view of a pod, and nothing else."""

import time
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from kubesim.store.store import Store
from kubesim.world.world import World
from kubesum.commands.demo.simulation import INSTALLATION
from kubesum.semantics.interner import Interner
from kubesum.semantics.watchedresources import watched_resources
from tests.bench.options import SMALL
from tests.bench.podchanges import changed, has_containers

ROUNDS: Final = 3


def decoded_us() -> float:
    """Microseconds of an event, over those of a small cluster's pods; the least of some rounds."""
    store = Store()
    World(1, SMALL.nodes, SMALL.pods, datetime.now(UTC), INSTALLATION).fill(store)
    pods = [pod for pod in store.list("pods") if has_containers(pod)]
    lines = [b'{"type":"MODIFIED","object":%b}' % changed(pod.body, 1) for pod in pods]
    (kind,) = (kind for kind in watched_resources(Interner()) if kind.resource == "pods")
    view: Any = kind.view
    decoder = msgspec.json.Decoder(msgspec.defstruct("Event", [("type", str), ("object", view)]))
    return min(_round_us(decoder, lines) for _ in range(ROUNDS))


def _round_us(decoder: "msgspec.json.Decoder[Any]", lines: list[bytes]) -> float:
    began = time.process_time()
    for line in lines:
        decoder.decode(line)
    return 1e6 * (time.process_time() - began) / len(lines)
