"""Checks metrics.k8s.io, from which kubesum reads usage; without it, usage is not shown."""

from typing import Final

import msgspec

from kubesum.doctor.cluster import Cluster, Denial
from kubesum.doctor.report import Report
from kubesum.doctor.views import PodSpec
from kubesum.kube.groupversions import path_of, readable_versions
from kubesum.kube.objects.meta import ApiGroup
from kubesum.semantics.watchedresources import METRICS_VERSIONS
from kubesum.vocabulary.duration import duration_s
from kubesum.vocabulary.errors import UpstreamError

_GROUP: Final = "metrics.k8s.io"


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
        _report(report, await _served(cluster))
    except UpstreamError as error:
        report.warn(f"metrics.k8s.io: {error}; usage is not shown until it answers, see metrics-server")


def _report(report: Report, found: str | Denial | None) -> None:
    """Reports the version that is served, None for none."""
    match found:
        case Denial(message):
            report.skip(f"metrics.k8s.io: {message}")
        case None:
            report.warn("metrics.k8s.io: it is not served, so usage is not shown; metrics-server serves it")
        case version:
            report.ok(f"metrics.k8s.io: it is served ({version})")


async def _served(cluster: Cluster) -> str | Denial | None:
    """The version that kubesum reads: the first one that is offered and responds; None if none is offered.

    Raises the UpstreamError of the first one if none responds.
    """
    group = await cluster.read(path_of(_GROUP), ApiGroup)
    if group is None or isinstance(group, Denial):
        return group
    errors: list[UpstreamError] = []
    for version in readable_versions(group, METRICS_VERSIONS):
        try:
            found = await cluster.read(f"{path_of(_GROUP)}/{version}", msgspec.Raw)
        except UpstreamError as error:
            errors.append(error)
            continue
        if found is not None:
            return found if isinstance(found, Denial) else version
    if errors:
        raise errors[0]
    return None
