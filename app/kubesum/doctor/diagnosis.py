"""One examination: all chapters in the order in which things break, each with what the ones before it found."""

import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, TypeVar

from kubesum import __version__
from kubesum.doctor.checks import apiserver
from kubesum.doctor.checks.certificate import Certificates
from kubesum.doctor.checks.endpoints import Routed, routed
from kubesum.doctor.checks.frontproxy import front_proxy
from kubesum.doctor.checks.informers import freshness
from kubesum.doctor.checks.lists import lists
from kubesum.doctor.checks.metricsapi import usage
from kubesum.doctor.checks.permissions import rights
from kubesum.doctor.checks.registration import Registered, registered
from kubesum.doctor.checks.replicas import Replica, replicas, versions
from kubesum.doctor.cluster import Cluster, Denial
from kubesum.doctor.report import Report
from kubesum.doctor.views import Service, ServiceReference
from kubesum.kube.client import Upstream
from kubesum.resources import RESOURCES, clustersummaries
from kubesum.vocabulary.errors import UpstreamError

_LABEL: Final = {"app.kubernetes.io/name": "kubesum"}
_API_SERVICES: Final = tuple(sorted({f"{resource.version}.{resource.group}" for resource in RESOURCES}))

Found = TypeVar("Found")


class Examination:
    """One examination of one cluster; `now` tells the time."""

    def __init__(self, upstream: Upstream, report: Report, now: Callable[[], datetime]) -> None:
        self._cluster: Final = Cluster(upstream)
        self._report: Final = report
        self._now: Final = now

    async def run(self, namespace: str) -> None:
        """Goes through all chapters; `namespace` is where to look if no APIService says it, empty if not known."""
        if not await self._chapter("API server", apiserver.answers(self._cluster, self._report)):
            self._report.skip("everything else: it would ask the API server")
            return
        registrations = [
            await self._chapter(f"APIService {name}", registered(self._cluster, self._report, name))
            for name in _API_SERVICES
        ]
        known = [one for one in registrations if isinstance(one, Registered)]
        place = known[0].service if known else await self._chapter("Service", self._place(namespace))
        path = await self._path(place)
        found = await self._replicas(known, path)
        await self._chapter("front proxy", front_proxy(self._cluster, self._report, self._now()))
        await self._rights(place, path)
        await usage(self._cluster, self._report, path.spec if path else None)
        await self._answers(None in registrations, known)
        versions(self._report, found, path.spec if path else None, f"v{__version__}")

    async def _chapter(self, what: str, chapter: Awaitable[Found]) -> Found | None:
        """What a chapter finds; None if the API server does not answer it."""
        try:
            return await chapter
        except UpstreamError as error:
            self._report.fail(f"{what}: {error}")
            return None

    async def _place(self, namespace: str) -> ServiceReference | None:
        """The Service of a namespace, where no APIService names it."""
        if not namespace:
            self._report.skip("Service and pods: no APIService says where they are; --namespace can")
            return None
        what = f"Service of the namespace {namespace}"
        services = await self._cluster.listed(f"/api/v1/namespaces/{namespace}/services", Service, _LABEL)
        if isinstance(services, Denial):
            self._report.skip(f"{what}: {services.sentence}")
        elif not services or not services[0].spec.ports:
            self._report.fail(f"{what}: none has app.kubernetes.io/name=kubesum; see whether kubesum is elsewhere")
        else:
            return ServiceReference(namespace, services[0].metadata.name, services[0].spec.ports[0].port)
        return None

    async def _path(self, place: ServiceReference | None) -> Routed | None:
        if place is None:
            return None
        return await self._chapter(str(place), routed(self._cluster, self._report, place))

    async def _replicas(self, known: list[Registered], path: Routed | None) -> list[Replica]:
        """What the pods say, their certificates judged."""
        found: list[Replica] = []
        if path is not None and path.port is not None:
            is_available = any(one.is_available for one in known)
            asked = replicas(self._cluster, self._report, path.pods, path.port, is_available)
            found = await self._chapter("pods", asked) or []
        for one in known:
            Certificates(self._report, one, path.spec if path else None, self._now()).judge(found)
        return found

    async def _rights(self, place: ServiceReference | None, path: Routed | None) -> None:
        if place is None or path is None or path.spec is None:
            self._report.skip("rights of kubesum: the pods would say which ServiceAccount is theirs")
            return
        asked = rights(self._cluster, self._report, place.namespace, path.spec, _API_SERVICES)
        await self._chapter("rights of kubesum", asked)

    async def _answers(self, is_absent: bool, known: list[Registered]) -> None:
        """What kubesum answers, and whether it is fresh."""
        if is_absent or not all(one.is_available for one in known):
            self._report.skip("lists and informers: nothing is answered unless the APIService is available")
            return
        asked = lists(self._cluster, self._report, RESOURCES, time.monotonic)
        answered = await self._chapter("lists", asked) or set()
        if clustersummaries.RESOURCE.plural in answered:
            await self._chapter("informers", freshness(self._cluster, self._report, self._now()))
        else:
            self._report.skip("informers: a ClusterSummary would tell")
