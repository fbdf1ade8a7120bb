"""An installation that is well, on a simulated cluster with the real kubesum behind its aggregator, to be broken.

Each test breaks one thing and asserts every line of the examination: those of a healthy one, but for some. Lines
are compared without what differs from run to run: addresses, names of pods, keys, dates and times.
"""

import asyncio
import json
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kubesim.access import pki as pki_of_cluster
from kubesim.access.certificates import KeyPair as IssuedPair
from kubesim.access.kubeconfig import kubeconfig as kubeconfig_of
from kubesim.aggregation.registration import API_SERVICE
from kubesim.apiserver.apiserver import ApiServer, ServerOptions
from kubesim.store.store import Store
from kubesim.world.world import World
from kubesum.commands.listwatches import cluster_feeds
from kubesum.commands.serve.flags import ALWAYS_ALLOWED
from kubesum.doctor.examination import Examination
from kubesum.doctor.report import Report
from kubesum.edge.secureserving import delegated
from kubesum.edge.tls.certificates import KeyPair
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube.client import connect
from kubesum.kube.credentials import kubeconfig
from kubesum.server.runtime import Kubesum, Limits
from kubesum.server.sockets import listen
from tests.serving.runningserver import USUAL, Behind, behind, eventually

NAMESPACE = "kubesum-system"

VERSION = "ok    API server https://API: Kubernetes v1.36.2"
AGGREGATES = "ok    API server https://API: it aggregates other servers"
REGISTERED = (
    "ok    APIService v1alpha1.summary.kubesum.dev: leads to port 443 of the Service kubesum-system/kubesum, "
    "with priority 1000"
)
AVAILABLE = "ok    APIService v1alpha1.summary.kubesum.dev: available, all checks passed"
SERVICE = (
    "ok    Service kubesum-system/kubesum: port 443 (https) leads to the port https of pods with "
    "app.kubernetes.io/name=kubesum"
)
DEPLOYMENT = "ok    Deployment kubesum-system/kubesum: 2 of 2 pods are ready"
ENDPOINTS = (
    "ok    EndpointSlices of the Service kubesum-system/kubesum: ready at POD-1-IP, POD-2-IP, port 10250 (https)"
)
POD_1 = "ok    Pod kubesum-system/POD-1: passes all checks of /readyz"
POD_2 = "ok    Pod kubesum-system/POD-2: passes all checks of /readyz"
CA_BUNDLE = "ok    caBundle of APIService v1alpha1.summary.kubesum.dev: kubesum-ca (key KEY), valid until DATE"
CERTIFICATE = (
    "ok    certificate of POD-1, POD-2: for kubesum.kubesum-system.svc, by kubesum-ca of caBundle, valid until DATE"
)
CONFIG = (
    "ok    ConfigMap kube-system/extension-apiserver-authentication: users are named by front-proxy-client of "
    "front-proxy-ca (key KEY), valid until DATE"
)
WATCHING = (
    "ok    ServiceAccount kubesum-system/kubesum: may list and watch pods, nodes, namespaces, deployments, "
    "statefulsets, daemonsets, replicasets, cronjobs and jobs"
)
REVIEWING = "ok    ServiceAccount kubesum-system/kubesum: may ask who somebody is and what they may do"
FOLLOWING = (
    "ok    ServiceAccount kubesum-system/kubesum: may follow the ConfigMap "
    "kube-system/extension-apiserver-authentication"
)
MEASURING = "ok    ServiceAccount kubesum-system/kubesum: may read live usage"
METRICS = "ok    metrics.k8s.io: it is served"
LISTS = (
    "ok    list of clusterimagesummaries (N ms), clustersummaries (N ms), imagesummaries (N ms), "
    "namespacesummaries (N ms), nodesummaries (N ms), podsummaries (N ms), workloadsummaries (N ms)"
)
INFORMERS = "ok    informers: 9 kinds are listed and watched without a break for AGE"
VERSIONS = "ok    versions: kubesum v0.1.0 in POD-1, POD-2, as this doctor"

HEALTHY = (
    *(VERSION, AGGREGATES, REGISTERED, AVAILABLE, SERVICE, DEPLOYMENT, ENDPOINTS, POD_1, POD_2, CA_BUNDLE),
    *(CERTIFICATE, CONFIG, WATCHING, REVIEWING, FOLLOWING, MEASURING, METRICS, LISTS, INFORMERS, VERSIONS),
)

NOT_ANSWERED = "skip  lists and informers: nothing is answered unless the APIService is available"

_CHANGING = (
    (r"https://127\.0\.0\.1:\d+", "https://API"),
    (r"key [0-9a-f]{8}", "key KEY"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"\(\d+ ms\)", "(N ms)"),
    (r"without a break for \w+", "without a break for AGE"),
)


def but(changes: Mapping[str, Sequence[str]]) -> list[str]:
    """The lines of a healthy installation, some of them replaced by others or by none."""
    assert changes.keys() <= set(HEALTHY)
    return [line for healthy in HEALTHY for line in changes.get(healthy, [healthy])]


def news(lines: Sequence[str]) -> list[str]:
    """The lines that a healthy installation does not have."""
    return [line for line in lines if line not in HEALTHY]


@dataclass
class Patient:
    """The installation."""

    server: Behind

    async def lines(self, who: str = "admin", namespace: str = "", now: datetime | None = None) -> list[str]:
        """What one of the people reads."""
        config = self.server.home / f"{who}.kubeconfig"
        config.write_text(json.dumps(kubeconfig_of(self.server.cluster.url, self.server.pki, who)))
        lines: list[str] = []
        async with await connect(kubeconfig(config, None)) as upstream:
            await Examination(upstream, Report(lines.append), lambda: now or datetime.now(UTC)).run(namespace)
        return [self._plain(line) for line in lines]

    def _plain(self, line: str) -> str:
        for index, pod in enumerate(self.pods, 1):
            line = line.replace(pod["metadata"]["name"], f"POD-{index}")
            line = line.replace(pod["status"]["podIP"], f"POD-{index}-IP")
        for pattern, plain in _CHANGING:
            line = re.sub(pattern, plain, line)
        return line

    @property
    def pods(self) -> list[dict[str, Any]]:
        """kubesum's pods."""
        return [stored.decoded() for stored in self.server.store.list("pods", NAMESPACE)]

    def object(self, resource: str, namespace: str, name: str) -> dict[str, Any]:
        """An object of the cluster."""
        stored = self.server.store.get(resource, namespace, name)
        assert stored is not None
        return stored.decoded()

    @contextmanager
    def changed(self, resource: str, namespace: str, name: str, how: Callable[[Any], Any]) -> Iterator[None]:
        """Another state of one object for a while; `how` changes it in place."""
        before, obj = self.object(resource, namespace, name), self.object(resource, namespace, name)
        how(obj)
        self.server.store.put(resource, obj)
        try:
            yield
        finally:
            self.server.store.put(resource, before)

    @contextmanager
    def without(self, resource: str, namespace: str, name: str) -> Iterator[None]:
        """One object less for a while."""
        before = self.object(resource, namespace, name)
        self.server.store.delete(resource, namespace, name)
        try:
            yield
        finally:
            self.server.store.put(resource, before)

    async def judged(self, reason: str, message: str = "") -> None:
        """Returns once the API server says this of the APIService; the message ends so."""

        async def is_so() -> bool:
            found = self.object("apiservices", "", API_SERVICE).get("status", {})
            conditions = found.get("conditions", ())
            return any(one["reason"] == reason and one["message"].endswith(message) for one in conditions)

        await eventually(is_so)


@asynccontextmanager
async def patient(home: Path, limits: Limits = USUAL) -> AsyncIterator[Patient]:
    """An installation that is well."""
    async with behind(home, limits) as server:
        server.register()
        async with asyncio.timeout(10):
            await server.cluster.aggregator.ready()
        yield Patient(server)


@asynccontextmanager
async def showing(
    home: Path, authority: KeyPair, pair: KeyPair, prepare: Callable[[Store], Any] = lambda _: None
) -> AsyncIterator[Patient]:
    """An installation whose API server believes `authority` and whose pods show `pair`, whatever that is.

    `prepare` changes the cluster before kubesum begins.
    """
    store = Store()
    World(1, 8, 80, datetime.now(UTC)).fill(store)
    pki = pki_of_cluster.create(home)
    cluster = ApiServer(store, pki, ServerOptions())
    prepare(store)
    with listen(0) as listener:
        issuer = IssuedPair(authority.certificate, authority.key)
        server = Behind(store, pki, cluster, listener.getsockname()[1], issuer, home)
        async with await connect(kubeconfig(server.reader, None)) as upstream, asyncio.TaskGroup() as tasks:
            protection = delegated(upstream, ServerTls(pair), ALWAYS_ALLOWED, time.time)
            kubesum = Kubesum(cluster_feeds(upstream, usage_interval_s=0), protection)
            running = [tasks.create_task(cluster.run()), tasks.create_task(kubesum.run(listener))]
            await kubesum.ready.wait()
            server.register()
            yield Patient(server)
            for task in running:
                task.cancel()
