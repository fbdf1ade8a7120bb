"""Serves a cluster that the user can read; nothing is installed in it."""

from collections.abc import Sequence
from http import HTTPStatus
from pathlib import Path
from typing import Final

from kubesum.commands import definitions
from kubesum.commands.definitions import Definition
from kubesum.commands.eventloop import Main
from kubesum.commands.listwatches import cluster_list_watches
from kubesum.commands.local.serving import Output, serve
from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import ConfigLoader, kubeconfig, kubeconfig_files
from kubesum.kube.serverversion import VERSION_PATH
from kubesum.kube.statuserror import StatusError
from kubesum.vocabulary.errors import UsageError

FIRST_RESPONSE_S: Final = 10.0
"""How long the API server may take for the first response, before the command fails."""


def serving_cluster(
    path: Path | None, context: str | None, rollups: Path | None, out: Output, usage_interval_s: float
) -> Main:
    """Serves a context of a kubeconfig until cancelled; raises UsageError."""
    if out.kubeconfig_out and out.kubeconfig_out.resolve() in [source.resolve() for source in kubeconfig_files(path)]:
        raise UsageError(f"--kubeconfig-out {out.kubeconfig_out} would overwrite the kubeconfig of the cluster")
    defined = () if rollups is None else definitions.read(rollups)
    return _serve_cluster(kubeconfig(path, context), defined, out, usage_interval_s)


async def _serve_cluster(
    load_config: ConfigLoader, defined: Sequence[Definition], out: Output, usage_interval_s: float
) -> None:
    async with await connect(load_config) as upstream:
        await _require_response(upstream)
        await serve(cluster_list_watches(upstream, usage_interval_s), defined, out)


async def _require_response(upstream: Upstream) -> None:
    """Raises UpstreamError unless the server responds and accepts the credentials."""
    try:
        await upstream.get(VERSION_PATH, {}, FIRST_RESPONSE_S)
    except StatusError as error:
        if error.code != HTTPStatus.FORBIDDEN:
            raise
