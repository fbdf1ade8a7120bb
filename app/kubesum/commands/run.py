"""What each command does: which cluster it reads, who may ask, and what it tells the person who ran it.

`serve` and `demo` leave it to the cluster's API server who asks and who may. The others listen on loopback, and
ask for the one client certificate that they made at their start.
"""

import asyncio
import os
import shlex
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from kubesim.access import kubeconfig as simulated_kubeconfig
from kubesim.access import pki
from kubesim.aggregation.aggregator import SERVICE_HOST
from kubesim.apiserver.apiserver import ApiServer, ServerOptions
from kubesim.store.store import Store
from kubesim.world.ticker import live
from kubesim.world.world import World
from kubesum.api.discovery import VERBS
from kubesum.api.openapi.documents import documents
from kubesum.api.representations.jsontext import pretty_document
from kubesum.commands import flags
from kubesum.commands.kubeconfigfile import credentials, written
from kubesum.commands.toprun import is_installed
from kubesum.edge.secureserving import by_handshake, delegated
from kubesum.edge.tls import certificates
from kubesum.edge.tls.certificatefiles import CertificateFiles
from kubesum.edge.tls.selfmanaged import Names, SelfManaged
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube import files
from kubesum.kube.client import Upstream, connect
from kubesum.kube.credentials import Credentials, kubeconfig, kubeconfig_files, own_namespace, service_account
from kubesum.kube.deltas import Kind
from kubesum.kube.poller import PollTiming, poll
from kubesum.kube.reflector import reflect
from kubesum.render.rbac import cluster_roles
from kubesum.render.reference import reference
from kubesum.resources import RESOURCES
from kubesum.semantics.interner import Interner
from kubesum.semantics.watched import POLLED, kinds
from kubesum.server.runtime import LOOPBACK, Feed, Kubesum, Limits, listen
from kubesum.vocabulary.errors import UpstreamError, UsageError
from kubesum.vocabulary.resource import GROUP, VERSION

Command = Coroutine[Any, Any, None]

GREETING_S: Final = 10.0
"""So long a cluster may take to answer the first request before a person is told that it does not."""


@dataclass(frozen=True, slots=True)
class Simulation:
    """A simulated cluster; `churn` is in happenings per second."""

    nodes: int
    pods: int
    seed: int
    churn: float


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
    reader = service_account if serving.kubeconfig is None else kubeconfig(serving.kubeconfig, None)
    async with await connect(reader) as upstream:
        shown = _certificates(serving, upstream)
        protection = delegated(upstream, shown.tls, serving.always_allowed, time.time)
        kept = protection.kept("serving-certificate", shown.run, lambda: shown.is_kept)
        with listen(serving.address[1], serving.address[0]) as listener:
            await Kubesum(cluster_feeds(upstream, serving.usage_interval_s), kept, serving.limits).run(
                listener, leave
            )


def _certificates(serving: Serving, upstream: Upstream) -> CertificateFiles | SelfManaged:
    if serving.certificate_files is not None:
        return CertificateFiles(*serving.certificate_files, time.time)
    api_services = sorted({f"{resource.version}.{resource.group}" for resource in RESOURCES})
    names = Names(serving.namespace or own_namespace(), serving.secret, serving.service, tuple(api_services))
    return SelfManaged(upstream, names, time.time)


def local(
    path: Path | None, context: str | None, port: int, kubeconfig_out: Path | None, usage_interval_s: float
) -> Command:
    """Serves any cluster that you can read, to you alone; nothing is installed in the cluster."""
    if kubeconfig_out and kubeconfig_out.resolve() in [source.resolve() for source in kubeconfig_files(path)]:
        raise UsageError(f"--kubeconfig-out {kubeconfig_out} is the kubeconfig that is read: it would be lost")
    return _local(kubeconfig(path, context), port, kubeconfig_out, usage_interval_s)


async def _local(reader: Credentials, port: int, kubeconfig_out: Path | None, usage_interval_s: float) -> None:
    async with await connect(reader) as upstream:
        await upstream.get("/version", {}, GREETING_S)
        await _run(cluster_feeds(upstream, usage_interval_s), port, kubeconfig_out)


def local_from(path: Path, port: int, kubeconfig_out: Path | None) -> Command:
    """Serves what files say of a cluster. Reads them before it returns, so that a signal ends that at once."""
    content = files.read(path, _kinds())
    if content.foreign:
        _tell(f"files without Kubernetes objects left aside: {len(content.foreign)}, such as {content.foreign[0]}")
    if content.bad:
        _tell(f"objects that cannot be understood left aside: {content.bad}")
    return _run({kind.resource: partial(content.feed, kind.resource) for kind in _kinds()}, port, kubeconfig_out)


def demo(simulation: Simulation, port: int, kubeconfig_out: Path | None, usage_interval_s: float) -> Command:
    """Serves a simulated cluster through its API server. Makes it before it returns, as `local_from` reads."""
    store = Store()
    world = World(simulation.seed, simulation.nodes, simulation.pods, datetime.now(UTC))
    world.fill(store)
    return _demo(store, partial(live, world, store, simulation.churn), port, kubeconfig_out, usage_interval_s)


async def _demo(
    store: Store, life: Callable[[], Command], port: int, kubeconfig_out: Path | None, usage_interval_s: float
) -> None:
    with tempfile.TemporaryDirectory(prefix="kubesum-demo-") as directory:
        secrets = pki.create(Path(directory))
        server = _api_server(store, secrets, port)
        own = Path(directory) / "kubesum.kubeconfig"
        service = simulated_kubeconfig.service_kubeconfig(server.url, secrets)
        certificates.write_private(own, msgspec.json.encode(service))
        authority = certificates.authority("kubesum-ca")
        serving = certificates.serving(authority, (SERVICE_HOST,))
        people = msgspec.json.encode(simulated_kubeconfig.kubeconfig(server.url, secrets))
        async with await connect(kubeconfig(own, None)) as upstream:
            protection = delegated(upstream, ServerTls(serving), flags.ALWAYS_ALLOWED, time.time)
            kubesum = Kubesum(cluster_feeds(upstream, usage_interval_s), protection)
            with listen(0) as listener:
                server.aggregator.register(f"{LOOPBACK}:{listener.getsockname()[1]}", authority.certificate)
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(server.run(), name="API server")
                    tasks.create_task(life(), name="life")
                    running = tasks.create_task(kubesum.run(listener), name="kubesum")
                    await kubesum.ready.wait()
                    await server.aggregator.ready()
                    with written(people, kubeconfig_out) as shown:
                        _announce(shown, "get summaries -A")
                        _offer_top(shown)
                        await running


async def render(what: str) -> None:
    """Prints what is generated from the declarations: `docs`, `flags`, `rbac`, `openapi-v2` or `openapi-v3`."""
    match what:
        case "docs":
            print(reference(RESOURCES))
        case "flags":
            print(flags.reference())
        case "rbac":
            roles = cluster_roles(RESOURCES, [(kind.group, kind.resource) for kind in _kinds()])
            print("# Generated by `make generate` from the declarations in app/kubesum/resources.")
            print(yaml.safe_dump(roles, sort_keys=False), end="")
        case "openapi-v2":
            print(pretty_document(documents(RESOURCES, VERBS).v2.content).decode())
        case _:
            print(pretty_document(documents(RESOURCES, VERBS).v3[GROUP, VERSION].content).decode())


def _api_server(store: Store, secrets: pki.Pki, port: int) -> ApiServer:
    try:
        return ApiServer(store, secrets, ServerOptions(port=port))
    except OSError as error:
        # The socket module's words for the error end with a Python tuple.
        reason = os.strerror(error.errno or 0)
        raise UsageError(f"cannot listen on {LOOPBACK}, port {port}: {reason}; choose another port") from error


async def _run(feeds: Mapping[str, Feed], port: int, kubeconfig_out: Path | None) -> None:
    """Serves what the feeds say, to the holder of one certificate, until cancelled."""
    with listen(port) as listener:
        own = credentials(listener.getsockname()[1])
        kubesum = Kubesum(feeds, by_handshake(own.tls))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(kubesum.run(listener), name="kubesum")
            await kubesum.ready.wait()
            _tell_refusals(kubesum)
            tasks.create_task(_tell_missing_usage(kubesum), name="usage")
            with written(own.kubeconfig, kubeconfig_out) as shown:
                _announce(shown, "get nosum" if kubesum.cache.informers["nodes"].synced else "get nssum -A")
                await running


def _tell_refusals(kubesum: Kubesum) -> None:
    """Names the kinds that may not be listed; raises UpstreamError if that is all of them."""
    informers = kubesum.cache.informers.values()
    refused = [informer for informer in informers if informer.refused and not informer.synced]
    if len(refused) == len(informers):
        raise UpstreamError(f"none of the watched kinds may be listed: {refused[0].refused}")
    if refused:
        names = ", ".join(informer.resource for informer in refused)
        _tell(f"not allowed to list {names}: what is computed from them is not served")


async def _tell_missing_usage(kubesum: Kubesum) -> None:
    """Says once why it is not known what pods and nodes use, if the first attempt to read that fails."""
    for polled in kubesum.cache.polled.values():
        await polled.tried.wait()
        if polled.trouble is not None:
            _tell(f"usage is not shown as yet: {polled.trouble}")
            return


def _announce(shown: Path, arguments: str) -> None:
    print(f"ready: kubectl --kubeconfig {shlex.quote(str(shown))} {arguments}", flush=True)


def _offer_top(shown: Path) -> None:
    """Prints the command that shows the cluster live, as this program was called, if it can draw here."""
    called = sys.argv[0] if Path(sys.argv[0]).name == "kubesum" else "kubesum"
    if is_installed():
        print(f"live: {shlex.quote(called)} top --kubeconfig {shlex.quote(str(shown))}", flush=True)


def _tell(sentence: str) -> None:
    print(f"kubesum: {sentence}", file=sys.stderr, flush=True)


def _kinds() -> tuple[Kind[Any], ...]:
    return kinds(Interner())


def cluster_feeds(upstream: Upstream, usage_interval_s: float) -> dict[str, Feed]:
    """The feeds of all watched kinds of a cluster, and of the polled ones unless their interval is 0."""
    feeds: dict[str, Feed] = {kind.resource: partial(reflect, upstream, kind) for kind in _kinds()}
    if usage_interval_s:
        timing = PollTiming(usage_interval_s)
        feeds |= {kind.resource: partial(poll, upstream, kind, timing) for kind in POLLED}
    return feeds
