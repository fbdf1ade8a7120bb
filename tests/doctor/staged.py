"""An API server that plays a script, where a whole one would take too long to bring into a state."""

from dataclasses import dataclass, field

from kubesum.doctor.cluster import Cluster
from kubesum.doctor.report import Report
from tests.unit.kube.scriptedserver import Script


@dataclass
class Staged:
    """What the API server answers, one request after the other; the cluster of it; and what is reported of that."""

    script: Script
    cluster: Cluster
    lines: list[str] = field(default_factory=list)

    @property
    def report(self) -> Report:
        return Report(self.lines.append)
