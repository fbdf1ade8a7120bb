"""Measurements of requests."""

from typing import Final

from prometheus_client import Counter, Histogram

REQUESTS: Final = Counter(
    "kubesum_requests",
    "Requests answered, by verb, resource (empty for other paths) and code.",
    ("verb", "resource", "code"),
)
REQUEST_DURATION: Final = Histogram(
    "kubesum_request_duration_seconds",
    "Time from a request to the end of its answer, by verb and resource.",
    ("verb", "resource"),
    buckets=(0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60),
)
