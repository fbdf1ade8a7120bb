"""Serves a cluster from inside: kube-apiserver says who makes a request, and what they may do."""

import argparse
import asyncio
import logging
import time
from dataclasses import dataclass
from pathlib import Path

from kubesum.commands import eventloop
from kubesum.commands.listwatches import cluster_feeds
from kubesum.edge.secureserving import delegated
from kubesum.edge.tls.certificatefiles import CertificateFiles
from kubesum.edge.tls.selfmanaged import Names, SelfManaged
from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import in_cluster_config, kubeconfig, own_namespace
from kubesum.operations.logs import JsonFormatter, set_up_logging
from kubesum.resources import RESOURCES
from kubesum.server.runtime import Kubesum, Limits
from kubesum.server.signals import until_stopped
from kubesum.server.sockets import listen


@dataclass(frozen=True, slots=True)
class Serving:
    """How a cluster is served.

    `address` is host and port, an empty host all addresses.
    `kubeconfig` None reads with the service account of the pod, `namespace` empty is that of the pod.
    `certificate_files` are the serving certificate and its key; None: kubesum issues them to itself, and keeps them
    in the Secret `secret`. `usage_interval_s` 0: it is not asked what pods and nodes use.
    """

    address: tuple[str, int]
    kubeconfig: Path | None
    namespace: str
    service: str
    secret: str
    certificate_files: tuple[Path, Path] | None
    always_allowed: tuple[str, ...]
    usage_interval_s: float
    limits: Limits


async def serve(serving: Serving, leave: asyncio.Event) -> None:
    """Serves the cluster that this process runs in to whom kube-apiserver lets in, until `leave` is set."""
    reader = in_cluster_config if serving.kubeconfig is None else kubeconfig(serving.kubeconfig, None)
    async with await connect(reader) as upstream:
        shown = _certificates(serving, upstream)
        protection = delegated(upstream, shown.tls, serving.always_allowed, time.time)
        serving_tls = protection.with_task("serving-certificate", shown.run, lambda: shown.is_kept)
        with listen(serving.address[1], serving.address[0]) as listener:
            await Kubesum(cluster_feeds(upstream, serving.usage_interval_s), serving_tls, serving.limits).run(
                listener, leave
            )


def _certificates(serving: Serving, upstream: Upstream) -> CertificateFiles | SelfManaged:
    if serving.certificate_files is not None:
        return CertificateFiles(*serving.certificate_files, time.time)
    api_services = sorted({f"{resource.version}.{resource.group}" for resource in RESOURCES})
    names = Names(serving.namespace or own_namespace(), serving.secret, serving.service, tuple(api_services))
    return SelfManaged(upstream, names, time.time)


def run(options: argparse.Namespace) -> None:
    """Runs `kubesum serve` with these flags; raises KubesumError. The first SIGTERM begins a graceful termination."""
    set_up_logging(JsonFormatter(), logging.INFO)
    leave = asyncio.Event()
    eventloop.run(until_stopped(serve(serving(options), leave), leave))


def serving(options: argparse.Namespace) -> Serving:
    """How the flags say that a cluster is served."""
    files = (options.tls_cert_file, options.tls_private_key_file)
    return Serving(
        address=(options.bind_address, options.secure_port),
        kubeconfig=options.kubeconfig,
        namespace=options.namespace,
        service=options.service_name,
        secret=options.tls_secret,
        certificate_files=files if options.tls_cert_file else None,
        always_allowed=options.authorization_always_allow_paths,
        usage_interval_s=options.usage_interval,
        limits=Limits(options.max_requests_inflight, options.shutdown_delay_duration),
    )
