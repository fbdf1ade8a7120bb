"""Collects a bundle: first what is small and says most, the logs last, because the size of all is bounded."""

from dataclasses import asdict
from typing import Final

import msgspec

from kubesum.doctor.bundle.objects import collect_cluster_objects, collect_objects, place_of
from kubesum.doctor.bundle.reader import OK, Reader
from kubesum.doctor.bundle.replicas import collect_answers, collect_logs, sample_requests
from kubesum.doctor.bundle.versions import versions
from kubesum.doctor.checks.rollups import API_SERVICE as ROLLUPS
from kubesum.doctor.diagnosis import API_SERVICES, Findings
from kubesum.doctor.report import Report
from kubesum.doctor.views import ServiceReference
from kubesum.kube.client import Response
from kubesum.kube.decoding import MALFORMED
from kubesum.vocabulary import defaults

NAMESPACE: Final = "kubesum-system"
"""Where an installation is looked for that nothing names: where the documentation installs it."""
_USAGE: Final = "v1beta1.metrics.k8s.io"
_DOCTOR: Final = "kubesum doctor"
_VERSION: Final = "/version"


async def collect(reader: Reader, report: Report, findings: Findings, namespace: str) -> None:
    """Adds what the doctor reported and found, and what can be read of the cluster.

    `namespace` is where kubesum is if the doctor found no Service, empty if unknown.
    """
    bundle = reader.bundle
    bundle.add_text("doctor.txt", _DOCTOR, "".join(f"{one}\n" for one in report.results))
    bundle.add_object("doctor.json", _DOCTOR, [asdict(one) for one in report.results])
    answer, error = await reader.ask(_VERSION)
    bundle.add_object("versions.json", f"this machine, and {_VERSION}", versions(_decoded(answer)))
    if answer is None:
        bundle.miss("objects, pods, discovery", bundle.server, error)
    else:
        await _collect_cluster(reader, findings, namespace or NAMESPACE)
    reader.add_requests()


async def _collect_cluster(reader: Reader, findings: Findings, namespace: str) -> None:
    await collect_cluster_objects(reader, (*API_SERVICES, ROLLUPS, _USAGE))
    place = await place_of(reader, findings.service or ServiceReference(namespace, defaults.SERVICE_NAME))
    pods = await collect_objects(reader, place)
    await sample_requests(reader)
    port = findings.backend.port if findings.backend else None
    await collect_answers(reader, pods, port or defaults.SECURE_PORT)
    await collect_logs(reader, pods)


def _decoded(answer: Response | None) -> object:
    """What is in a response, None if it is no success or no JSON."""
    if answer is None or answer.code != OK:
        return None
    try:
        return msgspec.json.decode(answer.body)
    except MALFORMED:
        return None
