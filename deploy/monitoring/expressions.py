"""PromQL over the series of kubesum alone.

Metrics that begin with `apiserver_` and `process_` have the names of other servers' metrics, so that a Prometheus
which scrapes kube-apiserver as well has both. Which job or instance is kubesum depends on the installation: it is
each that exports OWN, which only kubesum has.
"""

from typing import Final

OWN: Final = "kubesum_event_loop_lag_seconds_count{}"
"""One series for each process of kubesum, from its start on."""

OF_WATCHED: Final = "kubesum_informer_in_step{} and on (job, instance, resource) kubesum_informer_synced{}"
"""Which kinds are up to date, but those that are polled: a cluster need not have them. They have no other series."""


def of_kubesum(vector: str) -> str:
    """The series of targets that are kubesum; the result belongs in parentheses or stands alone."""
    return f"{vector} and on (job, instance) {OWN}"


def per_second(metric: str, over: str, labels: str = "") -> str:
    """By how much a counter of kubesum grows each second."""
    grown = f"rate({metric}{{{labels}}}[{over}])"
    return grown if metric.startswith("kubesum_") else of_kubesum(grown)


def quantile(share: str, histogram: str, over: str, labels: str = "", by: str = "le") -> str:
    """A quantile of a histogram of kubesum."""
    return f"histogram_quantile({share}, sum by ({by}) ({per_second(f'{histogram}_bucket', over, labels)}))"
