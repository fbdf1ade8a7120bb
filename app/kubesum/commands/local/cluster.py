"""Serves a cluster that the user can read; nothing is installed in it."""

from functools import partial
from http import HTTPStatus
from pathlib import Path
from typing import Final

from kubesum.commands import definitions
from kubesum.commands.eventloop import Main
from kubesum.commands.listwatches import cluster_list_watches, readable_definitions
from kubesum.commands.local.serving import Defined, InCluster, Output, Rollups, serve
from kubesum.commands.messages import warn
from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import ConfigLoader, kubeconfig, kubeconfig_files
from kubesum.kube.serverhistory import ServerHistory
from kubesum.kube.serverversion import VERSION_PATH
from kubesum.kube.statuserror import StatusError
from kubesum.rollupdefinitions.watched import WATCHED_DEFINITIONS
from kubesum.vocabulary.errors import UpstreamError, UsageError

FIRST_RESPONSE_S: Final = 10.0
"""How long the API server may take for the first response, before the command fails."""


def serving_cluster(
    path: Path | None, context: str | None, rollups: Rollups, out: Output, usage_interval_s: float
) -> Main:
    """Serves a context of a kubeconfig until cancelled; raises UsageError."""
    if out.kubeconfig_out and out.kubeconfig_out.resolve() in [source.resolve() for source in kubeconfig_files(path)]:
        raise UsageError(f"--kubeconfig-out {out.kubeconfig_out} would overwrite the kubeconfig of the cluster")
    found = () if rollups.path is None else definitions.read(rollups.path)
    return _serve_cluster(kubeconfig(path, context), Defined(found, rollups.annotations), out, usage_interval_s)


async def _serve_cluster(load_config: ConfigLoader, defined: Defined, out: Output, usage_interval_s: float) -> None:
    async with await connect(load_config) as upstream:
        await _require_response(upstream)
        history = ServerHistory(upstream)
        list_watches = cluster_list_watches(upstream, history, usage_interval_s, defined.annotations)
        api = readable_definitions(upstream, history, defined.definitions)
        await serve(list_watches, defined, out, InCluster(api, partial(_warn_of_forbidden_definitions, upstream)))


async def _require_response(upstream: Upstream) -> None:
    """Raises UpstreamError unless the server responds and accepts the credentials."""
    try:
        await upstream.get(VERSION_PATH, {}, FIRST_RESPONSE_S)
    except StatusError as error:
        if error.code != HTTPStatus.FORBIDDEN:
            raise


async def _warn_of_forbidden_definitions(upstream: Upstream) -> None:
    """Says that there may be RollupDefinitions which the user may not list, if their resource is installed."""
    if await _error_code(upstream, WATCHED_DEFINITIONS.path) != HTTPStatus.FORBIDDEN:
        return
    # A 403 says nothing about whether the resource exists: discovery, which every user may read, does.
    if await _error_code(upstream, f"/apis/{WATCHED_DEFINITIONS.api_version}") is None:
        warn("not allowed to list rollupdefinitions: the kinds that they make are not served")


async def _error_code(upstream: Upstream, path: str) -> int | None:
    """The code with which a path is refused, 0 if there is no answer; None if it is not refused."""
    try:
        await upstream.get(path, {"limit": "1"}, FIRST_RESPONSE_S)
    except UpstreamError as error:
        return error.code if isinstance(error, StatusError) else 0
    return None
