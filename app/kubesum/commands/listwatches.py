"""What a server reads of a cluster: a list and watch of each watched resource, a poll of each usage resource."""

from collections.abc import Sequence
from functools import partial
from typing import Final
from urllib.parse import quote

from kubesum.kube.client import Upstream
from kubesum.kube.poller import PollTiming, poll
from kubesum.kube.reflector import Timing, reflect
from kubesum.kube.serverhistory import ServerHistory
from kubesum.kube.serverversion import VersionedResource
from kubesum.kube.statuserror import StatusError
from kubesum.rollupdefinitions.watched import WATCHED_DEFINITIONS
from kubesum.semantics.interner import Interner
from kubesum.semantics.pods.resizes import ResizeRule, resize_rule
from kubesum.semantics.watchedresources import POLLED_RESOURCES, watched_pods, watched_resources
from kubesum.server.definitioncontroller import Definition, DefinitionsApi
from kubesum.server.runtime import ListWatch

FIELD_MANAGER: Final = "kubesum"
DEFINITIONS_TIMING: Final = Timing(max_backoff_s=10.0)
"""Their CustomResourceDefinition may be installed at any time."""
_WRITE_TIMEOUT_S: Final = 10.0
_NOT_FOUND: Final = 404
_CONFLICT: Final = 409


def cluster_list_watches(
    upstream: Upstream, history: ServerHistory, usage_interval_s: float, annotations: Sequence[str] = ()
) -> dict[str, ListWatch]:
    """The list and watch of each resource of a cluster, by name; none of usage if its interval is 0.

    `annotations` are those that are read of pods.
    """
    interner = Interner()
    pods = {rule: watched_pods(interner, rule, annotations) for rule in ResizeRule}
    list_watches: dict[str, ListWatch] = {
        kind.resource: partial(reflect, upstream, kind, history=history) for kind in watched_resources(interner)
    }
    versioned = VersionedResource(upstream, lambda version: pods[resize_rule(version)])
    list_watches["pods"] = partial(reflect, upstream, versioned, history=history)
    if usage_interval_s:
        timing = PollTiming(usage_interval_s)
        list_watches |= {kind.resource: partial(poll, upstream, kind, timing) for kind in POLLED_RESOURCES}
    return list_watches


def definitions(upstream: Upstream, history: ServerHistory) -> DefinitionsApi:
    """The RollupDefinitions of a cluster, whose resource need not be installed."""

    async def apply_status(name: str, body: bytes) -> bool:
        path = f"{WATCHED_DEFINITIONS.path}/{quote(name, safe='')}"
        try:
            await upstream.apply_status(path, body, FIELD_MANAGER, _WRITE_TIMEOUT_S)
        except StatusError as error:
            if error.code in (_NOT_FOUND, _CONFLICT):
                return False
            raise
        return True

    return DefinitionsApi(partial(reflect, upstream, WATCHED_DEFINITIONS, DEFINITIONS_TIMING, history), apply_status)


def readable_definitions(upstream: Upstream, history: ServerHistory, given: Sequence[Definition]) -> DefinitionsApi:
    """The same without their status, and with those of files, in place of any that has the same name."""
    list_watch = partial(reflect, upstream, WATCHED_DEFINITIONS, DEFINITIONS_TIMING, history)
    return DefinitionsApi(list_watch, None, given)
