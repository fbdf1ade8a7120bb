"""A scripted API server, for states that take a simulated one too long to reach."""

import json
from dataclasses import dataclass, field
from typing import Any

from kubesum.doctor.cluster import Cluster
from kubesum.doctor.report import Report
from tests.unit.kube.scriptedserver import Script, body


@dataclass
class Scripted:
    """The responses of the API server in order, the cluster that reads them, and the lines that a check reports."""

    script: Script
    cluster: Cluster
    lines: list[str] = field(default_factory=list)

    @property
    def report(self) -> Report:
        return Report(self.lines.append)


def json_body(content: object) -> Any:
    """A successful response with this content."""
    return body(json.dumps(content).encode())
