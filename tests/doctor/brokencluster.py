"""A healthy installation on a simulated cluster, with the real kubesum behind its aggregator, for tests to break.

Each test breaks one thing and asserts every line: those of a healthy installation, with some replaced. Lines are
compared without what differs from run to run: addresses, names of pods, keys, dates and times.
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from kubesim.access import pki as pki_of_cluster
from kubesim.access.certificates import KeyPair as IssuedPair
from kubesim.access.kubeconfig import kubeconfig as kubeconfig_of
from kubesim.apiserver.apiserver import ApiServer, ServerOptions
from kubesim.store.store import Store
from kubesim.world.world import World
from kubesum import __version__
from kubesum.commands.demo.manifests import API_SERVICE
from kubesum.commands.demo.simulation import INSTALLATION
from kubesum.commands.listwatches import cluster_list_watches
from kubesum.doctor.diagnosis import Diagnosis
from kubesum.doctor.report import Report
from kubesum.edge.delegatedserving import delegated_serving
from kubesum.edge.tls.certificates import KeyPair
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube.client import connect
from kubesum.kube.credentials import kubeconfig
from kubesum.kube.serverhistory import ServerHistory
from kubesum.server.runtime import Kubesum, Limits
from kubesum.server.sockets import listen
from kubesum.vocabulary.defaults import ALWAYS_ALLOW_PATHS
from tests.hanging import HANGS_AFTER_S
from tests.serving.runningserver import USUAL, RunningServer, eventually, running_server

NAMESPACE = "kubesum-system"

VERSION = "ok    API server https://API: Kubernetes v1.36.2"
AGGREGATES = "ok    API server https://API: the aggregation layer is enabled"
REGISTERED = (
    "ok    APIService v1alpha1.summary.kubesum.dev: routes to port 443 of the Service kubesum-system/kubesum, with "
    "priority 1000"
)
AVAILABLE = "ok    APIService v1alpha1.summary.kubesum.dev: available, all checks passed"
SERVICE = (
    "ok    Service kubesum-system/kubesum: port 443 (https) routes to port https of pods with "
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
    "ok    certificate of POD-1, POD-2: for kubesum.kubesum-system.svc, issued by kubesum-ca of caBundle, valid "
    "until DATE"
)
CONFIG = (
    "ok    ConfigMap kube-system/extension-apiserver-authentication: front proxy front-proxy-client, with a "
    "certificate of front-proxy-ca (key KEY), valid until DATE"
)
WATCHING = (
    "ok    ServiceAccount kubesum-system/kubesum: may list and watch pods, nodes, namespaces, deployments, "
    "statefulsets, daemonsets, replicasets, cronjobs and jobs"
)
REVIEWING = "ok    ServiceAccount kubesum-system/kubesum: may create TokenReviews and SubjectAccessReviews"
FOLLOWING = (
    "ok    ServiceAccount kubesum-system/kubesum: may list and watch the ConfigMap "
    "kube-system/extension-apiserver-authentication"
)
MEASURING = "ok    ServiceAccount kubesum-system/kubesum: may list pods and nodes of metrics.k8s.io"
METRICS = "ok    metrics.k8s.io: it is served (v1)"
LISTS = (
    "ok    list of clusterimagesummaries (N ms), clustersummaries (N ms), imagesummaries (N ms), "
    "namespacesummaries (N ms), nodesummaries (N ms), podsummaries (N ms), workloadsummaries (N ms)"
)
INFORMERS = "ok    informers: 9 of 9 synced"
VERSIONS = f"ok    versions: kubesum v{__version__} in POD-1, POD-2, as this doctor"

ROLLUPS = "ok    RollupDefinitions: 0 of 0 are established; APIService v1alpha1.rollup.kubesum.dev is available"
HEALTHY = (
    *(VERSION, AGGREGATES, REGISTERED, AVAILABLE, SERVICE, DEPLOYMENT, ENDPOINTS, POD_1, POD_2, CA_BUNDLE),
    *(CERTIFICATE, CONFIG, WATCHING, REVIEWING, FOLLOWING, MEASURING, METRICS, LISTS, INFORMERS, ROLLUPS, VERSIONS),
)

NOT_ANSWERED = "skip  lists, informers and RollupDefinitions: the APIService is not available"

_CHANGING = (
    (r"https://127\.0\.0\.1:\d+", "https://API"),
    (r"key [0-9a-f]{8}", "key KEY"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME"),
    (r"\d{4}-\d\d-\d\d", "DATE"),
    (r"\(\d+ ms\)", "(N ms)"),
)


def healthy_except(changes: Mapping[str, Sequence[str]]) -> list[str]:
    """The lines of a healthy installation, some of them replaced by others or by none."""
    assert changes.keys() <= set(HEALTHY)
    is_answered = not any(NOT_ANSWERED in lines for lines in changes.values())
    healthy_lines = [line for line in HEALTHY if line != ROLLUPS or is_answered]
    return [line for healthy in healthy_lines for line in changes.get(healthy, [healthy])]


def unexpected(lines: Sequence[str]) -> list[str]:
    """The lines that a healthy installation does not have."""
    return [line for line in lines if line not in HEALTHY]


@dataclass
class Installation:
    """An installation, its cluster, and the lines that the doctor prints for it."""

    server: RunningServer

    async def lines(self, who: str = "admin", namespace: str = "", now: datetime | None = None) -> list[str]:
        """The lines that a user of the cluster sees, without what differs from run to run."""
        config = self.server.home / f"{who}.kubeconfig"
        config.write_text(json.dumps(kubeconfig_of(self.server.cluster.url, self.server.pki, who)))
        lines: list[str] = []
        async with await connect(kubeconfig(config, None)) as upstream:
            await Diagnosis(upstream, Report(lines.append), lambda: now or datetime.now(UTC)).run(namespace)
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
        """A copy of an object of the cluster."""
        stored = self.server.store.get(resource, namespace, name)
        assert stored is not None
        return stored.decoded()

    @contextmanager
    def changed(self, resource: str, namespace: str, name: str, how: Callable[[Any], Any]) -> Iterator[None]:
        """Changes an object, and restores it on the way out; `how` changes it in place."""
        before, obj = self.object(resource, namespace, name), self.object(resource, namespace, name)
        how(obj)
        self.server.store.put(resource, obj)
        try:
            yield
        finally:
            self.server.store.put(resource, before)

    @contextmanager
    def without(self, resource: str, namespace: str, name: str) -> Iterator[None]:
        """Deletes an object, and restores it on the way out."""
        before = self.object(resource, namespace, name)
        self.server.store.delete(resource, namespace, name)
        try:
            yield
        finally:
            self.server.store.put(resource, before)

    async def until_condition(self, reason: str, message: str = "") -> None:
        """Returns once the APIService has a condition of this reason, with this in its message."""

        async def is_so() -> bool:
            found = self.object("apiservices", "", API_SERVICE).get("status", {})
            conditions = found.get("conditions", ())
            return any(one["reason"] == reason and message in one["message"] for one in conditions)

        await eventually(is_so)


@asynccontextmanager
async def installed(home: Path, limits: Limits = USUAL) -> AsyncIterator[Installation]:
    """An installation for which all checks pass."""
    async with running_server(home, limits) as server:
        server.register()
        async with asyncio.timeout(HANGS_AFTER_S):
            await server.cluster.aggregator.ready()
        yield Installation(server)


@asynccontextmanager
async def installed_with(
    home: Path, authority: KeyPair, pair: KeyPair, prepare: Callable[[Store], Any] = lambda _: None
) -> AsyncIterator[Installation]:
    """An installation whose caBundle is `authority` and whose pods serve with `pair`.

    `prepare` changes the cluster before kubesum starts.
    """
    store = Store()
    World(1, 8, 80, datetime.now(UTC), INSTALLATION).fill(store)
    pki = pki_of_cluster.create(home, INSTALLATION.service_account)
    cluster = ApiServer(store, pki, INSTALLATION, ServerOptions())
    prepare(store)
    with listen(0) as listener:
        issuer = IssuedPair(authority.certificate, authority.key)
        server = RunningServer(store, pki, cluster, listener.getsockname()[1], issuer, home)
        async with await connect(kubeconfig(server.reader, None)) as upstream, asyncio.TaskGroup() as tasks:
            history = ServerHistory(upstream)
            secure_serving = delegated_serving(upstream, history, ServerTls(pair), ALWAYS_ALLOW_PATHS)
            kubesum = Kubesum(cluster_list_watches(upstream, history, usage_interval_s=0), secure_serving)
            running = [tasks.create_task(cluster.run()), tasks.create_task(kubesum.run(listener))]
            await kubesum.ready.wait()
            server.register()
            yield Installation(server)
            for task in running:
                task.cancel()
