"""A recording of pods as a real kube-apiserver served them, and of the cells that it printed for them."""

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
    """Pods and cells of a server of `version` at `recorded_at`; `command` records them again."""

    version: str
    command: str
    recorded_at: datetime
    pods: list[JsonObject]
    cells: list[Cells]
    """Of each pod in turn."""


def read(path: Path = PATH) -> Recording:
    """The committed recording."""
    kept = json.loads(path.read_text())
    return Recording(
        kept["version"],
        kept["command"],
        datetime.fromisoformat(kept["recordedAt"]),
        [entry["object"] for entry in kept["pods"]],
        [entry["cells"] for entry in kept["pods"]],
    )


def write(recording: Recording, path: Path = PATH) -> None:
    """Writes a recording with one pod per line, so that a diff shows which pods changed."""
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
