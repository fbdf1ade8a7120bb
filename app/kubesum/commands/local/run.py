"""Runs `kubesum local`: serves a cluster or files on loopback, to the holder of one client certificate."""

import argparse
import asyncio
import logging
from collections.abc import Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Final

from kubesum.commands import eventloop
from kubesum.commands.eventloop import Main
from kubesum.commands.kubeconfigfile import kubeconfig_file, local_credentials
from kubesum.commands.listwatches import cluster_list_watches
from kubesum.commands.local import dumps
from kubesum.commands.messages import print_ready, warn
from kubesum.edge.secureserving import local_serving
from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import ConfigLoader, kubeconfig, kubeconfig_files
from kubesum.kube.failures import StatusError
from kubesum.kube.serverversion import VERSION_PATH
from kubesum.operations.logs import TextFormatter, set_up_logging
from kubesum.server.runtime import Kubesum, ListWatch
from kubesum.server.signals import until_stopped
from kubesum.server.sockets import listen
from kubesum.vocabulary.errors import UpstreamError, UsageError

FIRST_RESPONSE_S: Final = 10.0
"""How long the API server may take for the first response, before the command fails."""


def local(
    path: Path | None, context: str | None, port: int, kubeconfig_out: Path | None, usage_interval_s: float
) -> Main:
    """Serves any cluster that the user can read; nothing is installed in the cluster."""
    if kubeconfig_out and kubeconfig_out.resolve() in [source.resolve() for source in kubeconfig_files(path)]:
        raise UsageError(f"--kubeconfig-out {kubeconfig_out} would overwrite the kubeconfig of the cluster")
    return _serve_cluster(kubeconfig(path, context), port, kubeconfig_out, usage_interval_s)


async def _serve_cluster(
    load_config: ConfigLoader, port: int, kubeconfig_out: Path | None, usage_interval_s: float
) -> None:
    async with await connect(load_config) as upstream:
        await _require_response(upstream)
        await _serve(cluster_list_watches(upstream, usage_interval_s), port, kubeconfig_out)


async def _require_response(upstream: Upstream) -> None:
    """Raises UpstreamError unless the server responds and accepts the credentials."""
    try:
        await upstream.get(VERSION_PATH, {}, FIRST_RESPONSE_S)
    except StatusError as error:
        if error.code != HTTPStatus.FORBIDDEN:
            raise


def local_from(path: Path, port: int, kubeconfig_out: Path | None) -> Main:
    """Serves the objects in files. Reads them before it returns, where a signal ends the process at once."""
    content = dumps.read(path)
    for sentence in content.left_out.sentences():
        warn(sentence)
    return _serve(dumps.list_watches(content), port, kubeconfig_out)


async def _serve(list_watches: Mapping[str, ListWatch], port: int, kubeconfig_out: Path | None) -> None:
    """Serves until cancelled."""
    with listen(port) as listener:
        own = local_credentials(listener.getsockname()[1])
        kubesum = Kubesum(list_watches, local_serving(own.tls))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(kubesum.run(listener), name="kubesum")
            await kubesum.ready.wait()
            _warn_of_forbidden(kubesum)
            tasks.create_task(_warn_of_missing_usage(kubesum), name="usage")
            with kubeconfig_file(own.kubeconfig, kubeconfig_out) as written:
                has_nodes = kubesum.cache.sources.watched["nodes"].has_synced
                print_ready(written, "get nosum" if has_nodes else "get nssum -A")
                await running


def _warn_of_forbidden(kubesum: Kubesum) -> None:
    """Names the resources that the user may not list; raises UpstreamError if that is all of them."""
    informers = kubesum.cache.sources.watched.values()
    refused = [informer for informer in informers if informer.denied and not informer.has_synced]
    if len(refused) == len(informers):
        raise UpstreamError(f"not allowed to list any watched resource: {refused[0].denied}")
    if refused:
        names = ", ".join(informer.resource for informer in refused)
        warn(f"not allowed to list {names}: what is computed from them is not served")


async def _warn_of_missing_usage(kubesum: Kubesum) -> None:
    """Says once why usage is not shown, if the first poll fails."""
    for polled in kubesum.cache.sources.polled.values():
        await polled.attempted.wait()
        if polled.error is not None:
            warn(f"usage is not shown yet: {polled.error}")
            return


def run(options: argparse.Namespace) -> None:
    """Runs `kubesum local` with these flags; raises KubesumError."""
    set_up_logging(TextFormatter(), logging.WARNING)
    if options.path is not None:
        main = local_from(options.path, options.port, options.kubeconfig_out)
    else:
        main = local(
            options.kubeconfig, options.context, options.port, options.kubeconfig_out, options.usage_interval
        )
    eventloop.run(until_stopped(main))
