"""/readyz: when a server becomes ready, and that its cluster cannot make it unready again."""

import time
from typing import Any

from kubesum.edge.secureserving import local_serving
from kubesum.edge.tls.certificates import authority, serving
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube.deltas import Deltas, ListStarted, SourceEvent, Synced, WatchError
from kubesum.kube.objects.meta import Status
from kubesum.kube.statuserror import StatusError
from kubesum.server.runtime import Kubesum
from kubesum.vocabulary.errors import UpstreamError

REFUSED = WatchError(StatusError("https://10.0.0.1/apis/batch/v1/jobs", Status(code=403)), refused=True)
DOWN = WatchError(UpstreamError("cannot reach https://10.0.0.1: connection refused"), refused=False)


def kubesum() -> Kubesum:
    """A server in which every kind but jobs has synced."""
    ca = authority("ca")
    made = Kubesum({}, local_serving(ServerTls(serving(ca, ["kubesum.test"])).context))
    for kind in made.cache.sources.watched:
        if kind != "jobs":
            listed: list[SourceEvent[Any]] = [ListStarted(), Deltas([]), Synced()]
            for event in listed:
                made.cache.apply(kind, event)
    return made


def test_a_kind_that_has_not_synced_keeps_the_server_from_being_ready() -> None:
    made = kubesum()
    assert made.readiness()["informer-sync"] is False

    made.cache.apply("jobs", Synced())
    assert made.readiness()["informer-sync"] is True


def test_a_kind_that_is_denied_does_so_for_a_minute() -> None:
    made = kubesum()
    made.cache.apply("jobs", REFUSED)
    assert made.readiness()["informer-sync"] is False

    made.cache.sources.watched["jobs"].denied_since = time.monotonic() - 61
    assert made.readiness()["informer-sync"] is True


def test_a_server_that_was_ready_stays_ready() -> None:
    """While a kind was denied, a restart of kube-apiserver made all replicas unready, and the whole API with them."""
    made = kubesum()
    made.cache.apply("jobs", REFUSED)
    made.cache.sources.watched["jobs"].denied_since = time.monotonic() - 61
    assert made.readiness()["informer-sync"] is True

    for kind in made.cache.sources.watched:
        for event in (DOWN, ListStarted(), REFUSED):
            made.cache.apply(kind, event)
            assert made.readiness()["informer-sync"] is True
