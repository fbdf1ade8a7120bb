"""Alert rules: each has a section of its name in docs/operations.md."""

from dataclasses import dataclass
from typing import Any, Final

from deploy.monitoring.expressions import OF_WATCHED, OWN, per_second, quantile

RUNBOOK: Final = "https://github.com/kubesum/kubesum/blob/main/docs/operations.md"
RANGE: Final = "15m"

# Paths that name no kind, such as those of probes and of discovery, have no group.
_REQUESTS: Final = 'group!=""'
_FAILED: Final = 'group!="", code=~"5.."'


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert: it fires when `expr` has a result for as long as `for_`."""

    name: str
    expr: str
    for_: str
    severity: str
    summary: str
    description: str

    @property
    def rule(self) -> dict[str, Any]:
        """The rule as Prometheus reads it."""
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": self.for_,
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook_url": f"{RUNBOOK}#{self.name.lower()}",
            },
        }


ALERTS: Final = (
    Alert(
        "KubesumDown",
        f"absent({OWN})",
        "5m",
        "critical",
        "kubesum exports no metrics",
        "No replica of kubesum could be scraped for five minutes: kubectl get nodesummaries probably fails.",
    ),
    Alert(
        "KubesumNotSynced",
        "min by (resource) (kubesum_informer_synced{}) == 0",
        "5m",
        "critical",
        "kubesum cannot list {{ $labels.resource }}",
        "What is computed from {{ $labels.resource }} is not served.",
    ),
    Alert(
        "KubesumStale",
        f"min by (resource) ({OF_WATCHED} == 1) == 0",
        "5m",
        "warning",
        "kubesum's data for {{ $labels.resource }} are old",
        "The watch of {{ $labels.resource }} is interrupted, and the last state received is served.",
    ),
    Alert(
        "KubesumCertificateExpires",
        "min(kubesum_serving_cert_not_after_seconds{}) - time() < 604800",
        "1h",
        "warning",
        "kubesum's serving certificate expires within a week",
        "It expires in {{ $value | humanizeDuration }}; the API server then refuses to connect.",
    ),
    Alert(
        "KubesumErrors",
        f"sum({per_second('apiserver_request_total', RANGE, _FAILED)}) "
        f"/ sum({per_second('apiserver_request_total', RANGE, _REQUESTS)}) > 0.05",
        "10m",
        "warning",
        "kubesum answers requests with errors",
        "{{ $value | humanizePercentage }} of the requests for its kinds are answered with 5xx.",
    ),
    Alert(
        "KubesumRejectsRequests",
        f"sum({per_second('apiserver_request_terminations_total', RANGE)}) > 0.1",
        "15m",
        "warning",
        "kubesum refuses requests",
        "It has more requests in flight than it may have, or some take longer than a minute.",
    ),
    Alert(
        "KubesumMemoryShort",
        "max by (job, instance) (kubesum_memory_pressure{}) > 1",
        "5m",
        "warning",
        "kubesum is short of memory",
        "{{ $labels.instance }} uses nearly all memory that it may, and refuses lists and new watches.",
    ),
    Alert(
        "KubesumWatchesCut",
        f"sum by (resource) (increase(kubesum_watches_cut_total{{}}[{RANGE}])) > 10",
        "15m",
        "warning",
        "Clients read watches of {{ $labels.resource }} too slowly",
        "kubesum has closed {{ $value | humanize }} watches in 15 minutes whose clients did not read for a minute.",
    ),
    Alert(
        "KubesumBlocked",
        f"{quantile('0.99', 'kubesum_event_loop_lag_seconds', RANGE, by='job, instance, le')} > 0.5",
        "15m",
        "warning",
        "kubesum is short of CPU",
        "The event loop of {{ $labels.instance }} is held for more than half a second: requests wait, and the API "
        "server may take it for down.",
    ),
)


def groups() -> list[dict[str, Any]]:
    """The groups of rules of a PrometheusRule, or of a file of rules."""
    return [{"name": "kubesum", "rules": [alert.rule for alert in ALERTS]}]
