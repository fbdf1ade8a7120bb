"""Where live usage comes from: metrics.k8s.io, which kubesum does without where it is not served."""

from typing import Final

import msgspec

from app.doctor.cluster import Cluster, Denial
from app.doctor.report import Report
from app.vocabulary.errors import UpstreamError

_PATH: Final = "/apis/metrics.k8s.io/v1beta1"


async def usage(cluster: Cluster, report: Report) -> None:
    """Judges whether live usage can be read."""
    try:
        found = await cluster.read(_PATH, msgspec.Raw)
    except UpstreamError as error:
        report.warn(f"metrics.k8s.io: {error}; kubesum leaves live usage out meanwhile, see metrics-server")
        return
    match found:
        case Denial(sentence):
            report.skip(f"metrics.k8s.io: {sentence}")
        case None:
            report.warn(
                "metrics.k8s.io: it is not served, so kubesum leaves live usage out; metrics-server serves it"
            )
        case _:
            report.ok("metrics.k8s.io: it is served")
