"""Serves a simulated cluster through its own API server, which says who makes a request, and what they may do."""

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from kubesim.access import kubeconfig as simulated_kubeconfig
from kubesim.access import pki
from kubesim.apiserver.apiserver import ApiServer, ServerOptions
from kubesim.installation import Installation
from kubesim.store.store import Store
from kubesim.world.ticker import tick_forever
from kubesim.world.world import World
from kubesum.commands.demo import manifests
from kubesum.commands.kubeconfigfile import kubeconfig_file
from kubesum.commands.listwatches import cluster_list_watches
from kubesum.commands.messages import print_ready, print_top
from kubesum.edge.secureserving import delegated_serving
from kubesum.edge.tls import certificates
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube.client import connect
from kubesum.kube.credentials import kubeconfig
from kubesum.server.runtime import Kubesum
from kubesum.server.sockets import LOOPBACK, listen
from kubesum.vocabulary.defaults import ALWAYS_ALLOW_PATHS
from kubesum.vocabulary.errors import UsageError

Command = Coroutine[Any, Any, None]

INSTALLATION: Final = Installation(
    namespace=manifests.namespace(),
    service_account=manifests.service_account(),
    deployment=manifests.deployment(),
    service=manifests.service(),
    api_service=manifests.api_service(),
    objects=(manifests.secret(), *manifests.rbac()),
)
"""kubesum, as the demo installs it in the simulated cluster."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """A simulated cluster; `churn` is in happenings per second."""

    nodes: int
    pods: int
    seed: int
    churn: float


def demo(simulation: Simulation, port: int, kubeconfig_out: Path | None, usage_interval_s: float) -> Command:
    """Serves a simulated cluster through its API server. Makes it before it returns, as `local_from` reads."""
    store = Store()
    world = World(simulation.seed, simulation.nodes, simulation.pods, datetime.now(UTC), INSTALLATION)
    world.fill(store)
    return _demo(store, partial(tick_forever, world, store, simulation.churn), port, kubeconfig_out, usage_interval_s)


async def _demo(
    store: Store, life: Callable[[], Command], port: int, kubeconfig_out: Path | None, usage_interval_s: float
) -> None:
    with tempfile.TemporaryDirectory(prefix="kubesum-demo-") as directory:
        secrets = pki.create(Path(directory), INSTALLATION.service_account)
        server = _api_server(store, secrets, port)
        own = Path(directory) / "kubesum.kubeconfig"
        service = simulated_kubeconfig.service_kubeconfig(server.url, secrets)
        certificates.write_private(own, msgspec.json.encode(service))
        authority = certificates.authority("kubesum-ca")
        serving = certificates.serving(authority, (manifests.SERVICE_HOST,))
        people = msgspec.json.encode(simulated_kubeconfig.kubeconfig(server.url, secrets))
        async with await connect(kubeconfig(own, None)) as upstream:
            secure_serving = delegated_serving(upstream, ServerTls(serving), ALWAYS_ALLOW_PATHS, time.time)
            kubesum = Kubesum(cluster_list_watches(upstream, usage_interval_s), secure_serving)
            with listen(0) as listener:
                server.aggregator.register(f"{LOOPBACK}:{listener.getsockname()[1]}", authority.certificate)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(server.run(), name="API server")
                    tasks.create_task(life(), name="life")
                    running = tasks.create_task(kubesum.run(listener), name="kubesum")
                    await kubesum.ready.wait()
                    await server.aggregator.ready()
                    with kubeconfig_file(people, kubeconfig_out) as shown:
                        print_ready(shown, "get summaries -A")
                        print_top(shown)
                        await running


def _api_server(store: Store, secrets: pki.Pki, port: int) -> ApiServer:
    try:
        return ApiServer(store, secrets, INSTALLATION, ServerOptions(port=port))
    except OSError as error:
        # The socket module's words for the error end with a Python tuple.
        reason = os.strerror(error.errno or 0)
        raise UsageError(f"cannot listen on {LOOPBACK}, port {port}: {reason}; choose another port") from error
