"""Where live usage comes from: metrics.k8s.io, which kubesum does without where it is not served."""

from typing import Final

import msgspec

from kubesum.doctor.cluster import Cluster, Denial
from kubesum.doctor.report import Report
from kubesum.doctor.views import PodSpec
from kubesum.vocabulary.duration import duration_s
from kubesum.vocabulary.errors import UpstreamError

_PATH: Final = "/apis/metrics.k8s.io/v1beta1"


def is_wanted(spec: PodSpec | None) -> bool:
    """Whether pods of this spec, None if it is not known, read live usage."""
    interval = spec.option("--usage-interval") if spec else None
    try:
        return interval is None or duration_s(interval) > 0
    except ValueError:
        # The pods that run were started with another one.
        return True


async def usage(cluster: Cluster, report: Report, spec: PodSpec | None) -> None:
    """Judges whether live usage can be read, by pods of this spec, None if it is not known."""
    if not is_wanted(spec):
        report.skip("metrics.k8s.io: --usage-interval tells kubesum not to read it")
        return
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
