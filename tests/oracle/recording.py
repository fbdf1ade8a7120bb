"""The recording of what a real kube-apiserver printed of pods, and the pods themselves as it served them."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from tests.computation import JsonObject
from tests.oracle.podtables import Cells

PATH = Path(__file__).with_name("recorded") / "get-pods.json"


@dataclass(frozen=True)
class Recording:
    """What a server of `version` printed at `recorded_at`; `command` records it again."""

    version: str
    command: str
    recorded_at: datetime
    pods: list[JsonObject]
    cells: list[Cells]
    """Of each pod in turn."""


def read(path: Path = PATH) -> Recording:
    """The recording that is kept with the tests."""
    kept = json.loads(path.read_text())
    return Recording(
        kept["version"],
        kept["command"],
        datetime.fromisoformat(kept["recordedAt"]),
        [entry["object"] for entry in kept["pods"]],
        [entry["cells"] for entry in kept["pods"]],
    )


def write(recording: Recording, path: Path = PATH) -> None:
    """Keeps a recording: a pod a line, so that a new recording shows what has changed."""
    head = {
        "version": recording.version,
        "command": recording.command,
        "recordedAt": recording.recorded_at.isoformat(),
    }
    lines = ",\n".join(_entries(zip(recording.cells, recording.pods, strict=True)))
    path.write_text(f'{json.dumps(head)[:-1]}, "pods": [\n{lines}\n]}}\n')


def _entries(pods: Iterable[tuple[Cells, JsonObject]]) -> Iterable[str]:
    for cells, pod in pods:
        yield json.dumps({"cells": cells, "object": pod}, separators=(",", ":"))
