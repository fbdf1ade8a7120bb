"""Serves a cluster that the user can read; nothing is installed in it."""

from http import HTTPStatus
from pathlib import Path
from typing import Final

from kubesum.commands import definitions
from kubesum.commands.eventloop import Main
from kubesum.commands.listwatches import cluster_list_watches
from kubesum.commands.local.serving import Defined, Output, Rollups, serve
from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import ConfigLoader, kubeconfig, kubeconfig_files
from kubesum.kube.serverversion import VERSION_PATH
from kubesum.kube.statuserror import StatusError
from kubesum.vocabulary.errors import UsageError

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
        await serve(cluster_list_watches(upstream, usage_interval_s, defined.annotations), defined, out)


async def _require_response(upstream: Upstream) -> None:
    """Raises UpstreamError unless the server responds and accepts the credentials."""
    try:
        await upstream.get(VERSION_PATH, {}, FIRST_RESPONSE_S)
    except StatusError as error:
        if error.code != HTTPStatus.FORBIDDEN:
            raise
