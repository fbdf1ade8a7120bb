"""What the commands read of a cluster: a list and watch of each watched kind, a poll of each polled one."""

from functools import partial

from kubesum.kube.client import Upstream
from kubesum.kube.poller import PollTiming, poll
from kubesum.kube.reflector import reflect
from kubesum.semantics.interner import Interner
from kubesum.semantics.watchedresources import POLLED_RESOURCES, watched_resources
from kubesum.server.runtime import ListWatch


def cluster_feeds(upstream: Upstream, usage_interval_s: float) -> dict[str, ListWatch]:
    """The feeds of all watched kinds of a cluster, and of the polled ones unless their interval is 0."""
    feeds: dict[str, ListWatch] = {
        kind.resource: partial(reflect, upstream, kind) for kind in watched_resources(Interner())
    }
    if usage_interval_s:
        timing = PollTiming(usage_interval_s)
        feeds |= {kind.resource: partial(poll, upstream, kind, timing) for kind in POLLED_RESOURCES}
    return feeds
