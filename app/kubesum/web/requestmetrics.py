"""Counts of requests, with the names and labels of kube-apiserver's metrics.

k8s.io/apiserver/pkg/endpoints/metrics/metrics.go. Only served resources, and verbs that Kubernetes knows, become
labels.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from kubesum.api.requests.requestinfo import RequestInfo
from kubesum.operations.metrics import LONG_RUNNING, REQUEST_DURATION, REQUESTS, TERMINATIONS
from kubesum.rollups.catalogue import Catalogue

Labels = tuple[str, str, str, str, str, str, str]
"""Verb, group, version, resource, subresource, scope and component."""

_VERBS: Final = frozenset(
    {"get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "head", "post", "put"}
)
_COMPONENT: Final = "apiserver"

# Cached by label values, of which there are few: a lookup by prometheus_client takes longer than to count.
_counter, _histogram = cache(REQUESTS.labels), cache(REQUEST_DURATION.labels)


def labels_of(info: RequestInfo | None, catalogue: Catalogue) -> Labels:
    """The labels of a request; with None, of one whose path cannot be read."""
    if info is None:
        return ("", "", "", "", "", "", _COMPONENT)
    verb = info.verb.upper() if info.verb in _VERBS else "OTHER"
    if catalogue.find(info.group, info.version, info.resource) is None:
        return (verb, "", "", "", "", "", _COMPONENT)
    return (verb, info.group, info.version, info.resource, "", _scope(info), _COMPONENT)


def _scope(info: RequestInfo) -> str:
    """metrics.go, CleanScope."""
    if info.name:
        return "resource"
    return "namespace" if info.namespace else "cluster"


def observe(labels: Labels, code: int, duration_s: float) -> None:
    """Counts an answered request."""
    verb, *rest = labels
    _counter(verb, "", *rest, str(code)).inc()
    # Watches last on purpose, and would distort the histogram.
    if verb != "WATCH":
        _histogram(verb, "", *rest).observe(duration_s)


def observe_termination(labels: Labels, code: int) -> None:
    """Counts a request that was refused in self-defense."""
    TERMINATIONS.labels(*labels, str(code)).inc()


@contextmanager
def long_running(labels: Labels) -> Iterator[None]:
    """Counts a watch while it is open."""
    with LONG_RUNNING.labels(*labels).track_inprogress():
        yield
