"""Runs `kubesum serve`: an extension API server that delegates authentication and authorization to kube-apiserver."""

import argparse
import asyncio
import logging
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

from kubesum import __version__
from kubesum.commands import eventloop
from kubesum.commands.listwatches import cluster_list_watches, definitions
from kubesum.edge.delegatedserving import delegated_serving
from kubesum.edge.tls.certificatefiles import CertificateFiles
from kubesum.edge.tls.selfsigned import ObjectNames, SelfSignedCertificate
from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import in_cluster_config, kubeconfig, own_namespace
from kubesum.kube.serverhistory import ServerHistory
from kubesum.operations.logs import JsonFormatter, TextFormatter, log_crash, set_up_logging
from kubesum.resources import RESOURCES
from kubesum.server.descriptors import max_connections
from kubesum.server.garbage import short_collections
from kubesum.server.runtime import Kubesum, Limits, max_waiting
from kubesum.server.signals import until_stopped
from kubesum.server.sockets import listen
from kubesum.vocabulary.resource import ROLLUP_GROUP, VERSION

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """The flags of `kubesum serve`.

    `bind_address` empty is all addresses. `kubeconfig` None is the service account of the pod, `namespace` empty is
    that of the pod. `tls_files` are the serving certificate and its key; with None, kubesum issues its own, and
    stores it in `tls_secret`. `usage_interval_s` 0 reads no usage.
    """

    secure_port: int
    bind_address: str
    kubeconfig: Path | None
    namespace: str
    tls_files: tuple[Path, Path] | None
    tls_secret: str
    service_name: str
    usage_interval_s: float
    always_allow_paths: tuple[str, ...]
    limits: Limits


async def serve(options: ServeOptions, shutdown: asyncio.Event) -> None:
    """Serves until `shutdown` is set, and then for the shutdown delay."""
    credentials = in_cluster_config if options.kubeconfig is None else kubeconfig(options.kubeconfig, None)
    async with await connect(credentials) as upstream:
        history = ServerHistory(upstream)
        certificate = _certificate(options, upstream)
        connections = max_connections(options.limits.max_connections)
        limits = replace(options.limits, max_connections=connections)
        serving = delegated_serving(
            upstream, history, certificate.tls, options.always_allow_paths, max_waiting(connections)
        )
        serving = serving.with_task("serving-certificate", certificate.run, lambda: certificate.is_loaded)
        with listen(options.secure_port, options.bind_address) as listener:
            list_watches = cluster_list_watches(upstream, history, options.usage_interval_s, limits.annotations)
            kubesum = Kubesum(list_watches, serving, limits, definitions(upstream, history))
            with short_collections():
                await kubesum.run(listener, shutdown)


def _certificate(options: ServeOptions, upstream: Upstream) -> CertificateFiles | SelfSignedCertificate:
    if options.tls_files is not None:
        return CertificateFiles(*options.tls_files, time.time)
    api_services = sorted({f"{VERSION}.{ROLLUP_GROUP}", *(f"{one.version}.{one.group}" for one in RESOURCES)})
    namespace = options.namespace or own_namespace()
    names = ObjectNames(namespace, options.tls_secret, options.service_name, tuple(api_services))
    return SelfSignedCertificate(upstream, names, time.time)


def run(options: argparse.Namespace) -> None:
    """Runs `kubesum serve` with these flags; raises KubesumError. The first SIGTERM starts a graceful shutdown."""
    formatter = JsonFormatter() if options.log_format == "json" else TextFormatter()
    set_up_logging(formatter, logging.getLevelNamesMapping()[options.log_level.upper()])
    sys.excepthook = log_crash
    log.info("starting", extra={"version": __version__})
    shutdown = asyncio.Event()
    eventloop.run(until_stopped(serve(serve_options(options), shutdown), shutdown))


def serve_options(options: argparse.Namespace) -> ServeOptions:
    """The parsed flags as one value."""
    tls_files = (options.tls_cert_file, options.tls_private_key_file)
    return ServeOptions(
        secure_port=options.secure_port,
        bind_address=options.bind_address,
        kubeconfig=options.kubeconfig,
        namespace=options.namespace,
        tls_files=tls_files if options.tls_cert_file else None,
        tls_secret=options.tls_secret,
        service_name=options.service_name,
        usage_interval_s=options.usage_interval,
        always_allow_paths=options.authorization_always_allow_paths,
        limits=Limits(
            max_requests_inflight=options.max_requests_inflight,
            max_connections=options.max_connections,
            user_share_percent=options.user_share_percent,
            memory_limit_bytes=options.memory_limit,
            shutdown_delay_s=options.shutdown_delay_duration,
            rollup_metrics=options.rollup_metrics,
            access_log=options.access_log,
            annotations=options.rollup_annotations,
        ),
    )
