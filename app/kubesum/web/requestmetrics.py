"""Counts of requests, with the names and labels of kube-apiserver's metrics.

k8s.io/apiserver/pkg/endpoints/metrics/metrics.go. Only served resources, and verbs that Kubernetes knows, become
labels; the series of a resource end with it, so that definitions which come and go do not leave them behind.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Final

from kubesum.api.requests.requestinfo import RequestInfo
from kubesum.operations.metrics import (
    LONG_RUNNING,
    REQUEST_DURATION,
    REQUEST_SLI_DURATION,
    REQUESTS,
    RESPONSE_SIZES,
    ROWS,
    SENT_WATCH_EVENTS,
    TERMINATIONS,
    WATCHES_CUT,
)
from kubesum.rollups.catalogue import Catalogue
from kubesum.vocabulary.resource import ComputedResource

Labels = tuple[str, str, str, str, str, str, str]
"""Verb, group, version, resource, subresource, scope and component."""

_VERBS: Final = {
    "get": "GET",
    "head": "GET",
    "list": "LIST",
    "watch": "WATCH",
    "create": "POST",
    "post": "POST",
    "update": "PUT",
    "put": "PUT",
    "patch": "PATCH",
    "delete": "DELETE",
    "deletecollection": "DELETE",
}
"""Methods, but for reads: metrics.go, cleanVerb and CanonicalVerb."""
_SIZED: Final = frozenset({"GET", "LIST"})
_COMPONENT: Final = "apiserver"

# Cached by label values, of which there are few: a lookup by prometheus_client takes longer than to count.
_counter, _histogram = cache(REQUESTS.labels), cache(REQUEST_DURATION.labels)
_sli_histogram, _sizes = cache(REQUEST_SLI_DURATION.labels), cache(RESPONSE_SIZES.labels)


def labels_of(info: RequestInfo | None, catalogue: Catalogue) -> Labels:
    """The labels of a request; with None, of one whose path cannot be read."""
    if info is None:
        return ("", "", "", "", "", "", _COMPONENT)
    verb = _VERBS.get(info.verb, "other")
    if catalogue.find(info.group, info.version, info.resource) is None:
        return (verb, "", "", "", "", "", _COMPONENT)
    return (verb, info.group, info.version, info.resource, "", _scope(info), _COMPONENT)


def _scope(info: RequestInfo) -> str:
    """metrics.go, CleanScope."""
    if info.name or info.verb == "create":
        return "resource"
    return "namespace" if info.namespace else "cluster"


def observe(labels: Labels, code: int, duration_s: float, sent_bytes: int) -> None:
    """Counts an answered request, whose response has a body of so many bytes."""
    verb, *rest = labels
    _counter(verb, "", *rest, str(code)).inc()
    # Watches last on purpose, and would distort the histograms.
    if verb != "WATCH":
        _histogram(verb, "", *rest).observe(duration_s)
        _sli_histogram(*labels).observe(duration_s)
    if verb in _SIZED:
        _sizes(*labels).observe(sent_bytes)


def remove_series(resource: ComputedResource) -> None:
    """Removes the series of a resource that is served no longer."""
    named = {"group": resource.group, "version": resource.version, "resource": resource.plural}
    for metric in (REQUESTS, REQUEST_DURATION, REQUEST_SLI_DURATION, RESPONSE_SIZES, TERMINATIONS, LONG_RUNNING):
        metric.remove_by_labels(named)
    SENT_WATCH_EVENTS.remove_by_labels(named)
    WATCHES_CUT.remove_by_labels({"resource": resource.resource_group})
    ROWS.remove_by_labels({"resource": resource.plural})
    for cached in (_counter, _histogram, _sli_histogram, _sizes):
        cached.cache_clear()


def observe_termination(labels: Labels, code: int) -> None:
    """Counts a request that was refused in self-defense."""
    TERMINATIONS.labels(*labels, str(code)).inc()


@contextmanager
def long_running(labels: Labels) -> Iterator[None]:
    """Counts a watch while it is open."""
    with LONG_RUNNING.labels(*labels).track_inprogress():
        yield
