"""Serves kubesum behind the API server of a simulated cluster, which authenticates and authorizes its users.

The only module of kubesum that imports the simulated cluster.
"""

import asyncio
import os
from collections.abc import Callable, Coroutine
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec

from kubesim.access import pki
from kubesim.access.kubeconfig import kubeconfig as user_kubeconfig
from kubesim.access.kubeconfig import service_kubeconfig
from kubesim.apiserver.apiserver import ApiServer, ServerOptions
from kubesim.installation import Installation
from kubesim.store.store import Store
from kubesim.world.ticker import tick_forever
from kubesim.world.world import World
from kubesum.commands.dashboard.serving import serve_dashboard
from kubesum.commands.demo import manifests
from kubesum.commands.demo.definitions import DEFINITIONS
from kubesum.commands.kubeconfigfile import kubeconfig_file, temporary_directory
from kubesum.commands.listwatches import cluster_list_watches, definitions
from kubesum.commands.messages import print_dashboard, print_ready, print_top
from kubesum.edge.delegatedserving import delegated_serving
from kubesum.edge.tls import certificates
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube.client import connect
from kubesum.kube.credentials import kubeconfig
from kubesum.kube.serverhistory import ServerHistory
from kubesum.rollupdefinitions.crd import custom_resource_definition
from kubesum.server.runtime import Kubesum, Limits
from kubesum.server.sockets import LOOPBACK, listen
from kubesum.vocabulary.defaults import ALWAYS_ALLOW_PATHS, ROLLUP_METRICS
from kubesum.vocabulary.errors import UsageError
from kubesum.vocabulary.resource import GROUP, ROLLUP_GROUP

Command = Coroutine[Any, Any, None]

INSTALLATION: Final = Installation(
    namespace=manifests.namespace(),
    service_account=manifests.service_account(),
    deployment=manifests.deployment(),
    service=manifests.service(),
    api_service=manifests.api_service(GROUP),
    further_api_services=(manifests.api_service(ROLLUP_GROUP),),
    objects=(manifests.secret(), *manifests.rbac(), custom_resource_definition()),
)
"""kubesum, as it is installed in the simulated cluster."""

_DEMO: Final = replace(INSTALLATION, objects=(*INSTALLATION.objects, *DEFINITIONS))
"""The same with RollupDefinitions."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """The size of a simulated cluster, its seed, and its random events per second (`churn`)."""

    nodes: int
    pods: int
    seed: int
    churn: float


def demo(simulation: Simulation, port: int, kubeconfig_out: Path | None, usage_interval_s: float) -> Command:
    """Serves a simulated cluster until cancelled; its initial state is made before this returns."""
    store = Store()
    world = World(simulation.seed, simulation.nodes, simulation.pods, datetime.now(UTC), INSTALLATION)
    world.fill(store)
    return _demo(store, partial(tick_forever, world, store, simulation.churn), port, kubeconfig_out, usage_interval_s)


async def _demo(
    store: Store, tick: Callable[[], Command], port: int, kubeconfig_out: Path | None, usage_interval_s: float
) -> None:
    with ExitStack() as stack:
        directory = stack.enter_context(temporary_directory())
        credentials = pki.create(directory, INSTALLATION.service_account)
        server = _api_server(store, credentials, port)
        own_kubeconfig = directory / "kubesum.kubeconfig"
        certificates.write_private(own_kubeconfig, msgspec.json.encode(service_kubeconfig(server.url, credentials)))
        authority = certificates.authority("kubesum-ca")
        serving = ServerTls(certificates.serving(authority, (manifests.SERVICE_HOST,)))
        async with await connect(kubeconfig(own_kubeconfig, None)) as upstream:
            history = ServerHistory(upstream)
            secure_serving = delegated_serving(upstream, history, serving, (*ALWAYS_ALLOW_PATHS, "/metrics"))
            limits = Limits(rollup_metrics=tuple(ROLLUP_METRICS.values()))
            list_watches = cluster_list_watches(upstream, history, usage_interval_s)
            kubesum = Kubesum(list_watches, secure_serving, limits, definitions(upstream, history))
            listener = stack.enter_context(listen(0))
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(server.run(), name="API server")
                tasks.create_task(tick(), name="random events")
                tasks.create_task(kubesum.run(listener), name="kubesum")
                await kubesum.ready.wait()
                # As a Service, which has no endpoint before: discovery is to have the kinds of the definitions.
                server.aggregator.register(f"{LOOPBACK}:{listener.getsockname()[1]}", authority.certificate)
                await server.aggregator.ready()
                users = msgspec.json.encode(user_kubeconfig(server.url, credentials))
                with kubeconfig_file(users, kubeconfig_out) as path:
                    print_ready(path, "get summaries -A")
                    print_top(path)
                    await serve_dashboard(path, None, 0, print_dashboard)


def _api_server(store: Store, credentials: pki.Pki, port: int) -> ApiServer:
    try:
        return ApiServer(store, credentials, _DEMO, ServerOptions(port=port))
    except OSError as error:
        # The text of the socket module ends with a Python tuple.
        reason = os.strerror(error.errno or 0)
        raise UsageError(f"cannot listen on {LOOPBACK}, port {port}: {reason}; choose another port") from error
