"""Checks metrics.k8s.io, from which kubesum reads usage; without it, usage is not shown."""

from typing import Final

import msgspec

from kubesum.doctor.cluster import Cluster, Denial
from kubesum.doctor.report import Report
from kubesum.doctor.views import PodSpec
from kubesum.vocabulary.duration import duration_s
from kubesum.vocabulary.errors import UpstreamError

_PATH: Final = "/apis/metrics.k8s.io/v1beta1"


def reads_usage(spec: PodSpec | None) -> bool:
    """Whether pods of this spec read usage, which is the default; None is an unknown spec."""
    interval = spec.option("--usage-interval") if spec else None
    try:
        return interval is None or duration_s(interval) > 0
    except ValueError:
        # Such as $(INTERVAL): its value is not in the spec. A pod with an invalid one would not run.
        return True


async def check_metrics_api(cluster: Cluster, report: Report, spec: PodSpec | None) -> None:
    """Checks that metrics.k8s.io is served, if pods of this spec read it; None is an unknown spec."""
    if not reads_usage(spec):
        report.skip("metrics.k8s.io: not read, because --usage-interval is 0")
        return
    try:
        found = await cluster.read(_PATH, msgspec.Raw)
    except UpstreamError as error:
        report.warn(f"metrics.k8s.io: {error}; usage is not shown until it answers, see metrics-server")
        return
    match found:
        case Denial(message):
            report.skip(f"metrics.k8s.io: {message}")
        case None:
            report.warn("metrics.k8s.io: it is not served, so usage is not shown; metrics-server serves it")
        case _:
            report.ok("metrics.k8s.io: it is served")
