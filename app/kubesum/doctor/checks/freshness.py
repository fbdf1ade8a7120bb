"""Whether kubesum hears from the API server: what its ClusterSummary says of the kinds that it watches."""

from datetime import datetime
from typing import Final

from kubesum.doctor.cluster import Cluster, Denial
from kubesum.doctor.report import Report
from kubesum.doctor.views import ClusterSummary, SourceState
from kubesum.render.rbac import USAGE
from kubesum.resources import clustersummaries
from kubesum.vocabulary.duration import human_duration

_NAME: Final = clustersummaries.CLUSTER[1]
_OPTIONAL: Final = frozenset(f"{resource}.{group}" for group, resource in USAGE)
_PATH: Final = f"/apis/{clustersummaries.RESOURCE.api_version}/{clustersummaries.RESOURCE.plural}/{_NAME}"


async def freshness(cluster: Cluster, report: Report, now: datetime) -> None:
    """Judges how fresh each watched kind is."""
    match await cluster.read(_PATH, ClusterSummary):
        case Denial(sentence):
            report.skip(f"informers: {sentence}")
        case None:
            report.fail(
                "informers: there is no ClusterSummary, as if there were no namespace kube-system; see the log"
            )
        case ClusterSummary() as found:
            _judge(found, report, now)


def _judge(found: ClusterSummary, report: Report, now: datetime) -> None:
    sources = [source for source in found.status.sources if source.resource not in _OPTIONAL]
    late = [f"{source.resource} (for {_age(source, now)})" for source in sources if not source.synced]
    if not sources:
        report.skip("informers: the ClusterSummary names none")
    elif late:
        report.fail(
            f"informers: {', '.join(late)} are not in step, so what is shown may be old; see the rights above, "
            "and the log of kubesum"
        )
    else:
        latest = max(sources, key=lambda source: source.last_transition_time)
        report.ok(f"informers: {len(sources)} kinds are listed and watched without a break for {_age(latest, now)}")


def _age(source: SourceState, now: datetime) -> str:
    return human_duration((now - source.last_transition_time).total_seconds())
