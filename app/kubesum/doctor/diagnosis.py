"""Runs all checks in the order in which a request passes through an installation.

A check gets the results of earlier ones, and is skipped without them.
"""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeVar

from kubesum import __version__
from kubesum.doctor.checks.apiserver import check_api_server
from kubesum.doctor.checks.certificate import CertificateCheck
from kubesum.doctor.checks.endpoints import Backend, check_endpoints
from kubesum.doctor.checks.frontproxy import check_front_proxy
from kubesum.doctor.checks.informers import check_informers
from kubesum.doctor.checks.lists import check_lists
from kubesum.doctor.checks.metricsapi import check_metrics_api
from kubesum.doctor.checks.permissions import check_permissions
from kubesum.doctor.checks.registration import Registration, check_registration
from kubesum.doctor.checks.replicas import Replica, check_replicas, check_versions
from kubesum.doctor.checks.rollups import API_SERVICE as ROLLUPS
from kubesum.doctor.checks.rollups import check_rollups
from kubesum.doctor.cluster import Cluster, Denial
from kubesum.doctor.report import Report
from kubesum.doctor.views import Service, ServiceReference
from kubesum.kube.client import Upstream
from kubesum.resources import RESOURCES, clustersummaries
from kubesum.vocabulary.errors import UpstreamError

_LABEL: Final = {"app.kubernetes.io/name": "kubesum"}
API_SERVICES: Final = tuple(sorted({f"{resource.version}.{resource.group}" for resource in RESOURCES}))

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found of an installation: its Service, and what that routes to; None if unknown."""

    service: ServiceReference | None = None
    backend: Backend | None = None


class Diagnosis:
    """Runs all checks of one installation; `now` gives the time that certificates are verified at."""

    def __init__(self, upstream: Upstream, report: Report, now: Callable[[], datetime]) -> None:
        self._cluster: Final = Cluster(upstream)
        self._report: Final = report
        self._now: Final = now

    async def run(self, namespace: str) -> Findings:
        """Runs all checks; `namespace` is where kubesum is if no APIService can be read, empty if unknown."""
        if not await self._result("API server", check_api_server(self._cluster, self._report)):
            self._report.skip("all other checks: they need the API server")
            return Findings()
        results = [
            await self._result(f"APIService {name}", check_registration(self._cluster, self._report, name))
            for name in API_SERVICES
        ]
        registrations = [one for one in results if isinstance(one, Registration)]
        service = await self._service(registrations, namespace)
        backend = await self._backend(service)
        replicas = await self._replicas(registrations, backend)
        await self._result("front proxy", check_front_proxy(self._cluster, self._report, self._now()))
        await self._permissions(service, backend)
        await check_metrics_api(self._cluster, self._report, backend.spec if backend else None)
        await self._lists(None in results, registrations)
        check_versions(self._report, replicas, backend.spec if backend else None, f"v{__version__}")
        return Findings(service, backend)

    async def _result(self, subject: str, check: Awaitable[Result]) -> Result | None:
        """The result of a check; reports a failure, and gives None, if the API server does not answer it."""
        try:
            return await check
        except UpstreamError as error:
            self._report.fail(f"{subject}: {error}")
            return None

    async def _service(self, registrations: list[Registration], namespace: str) -> ServiceReference | None:
        """The Service that the APIService names, or the one in `namespace`."""
        if registrations:
            return registrations[0].service
        return await self._result("Service", self._service_in(namespace))

    async def _service_in(self, namespace: str) -> ServiceReference | None:
        if not namespace:
            self._report.skip("Service and pods: no APIService names their namespace; set --namespace")
            return None
        subject = f"Service in the namespace {namespace}"
        services = await self._cluster.listed(f"/api/v1/namespaces/{namespace}/services", Service, _LABEL)
        if isinstance(services, Denial):
            self._report.skip(f"{subject}: {services.message}")
        elif not services or not services[0].spec.ports:
            self._report.fail(
                f"{subject}: none has the label app.kubernetes.io/name=kubesum; check the namespace of the release"
            )
        else:
            return ServiceReference(namespace, services[0].metadata.name, services[0].spec.ports[0].port)
        return None

    async def _backend(self, service: ServiceReference | None) -> Backend | None:
        if service is None:
            return None
        return await self._result(str(service), check_endpoints(self._cluster, self._report, service))

    async def _replicas(self, registrations: list[Registration], backend: Backend | None) -> list[Replica]:
        """What the pods answer; their certificates are checked against each caBundle."""
        replicas: list[Replica] = []
        if backend is not None and backend.port is not None:
            is_available = any(one.is_available for one in registrations)
            check = check_replicas(self._cluster, self._report, backend.pods, backend.port, is_available)
            replicas = await self._result("pods", check) or []
        for one in registrations:
            CertificateCheck(self._report, one, backend.spec if backend else None, self._now()).run(replicas)
        return replicas

    async def _permissions(self, service: ServiceReference | None, backend: Backend | None) -> None:
        if service is None or backend is None or backend.spec is None:
            self._report.skip("permissions of kubesum: its ServiceAccount is unknown without its pods")
            return
        check = check_permissions(
            self._cluster, self._report, service.namespace, backend.spec, (*API_SERVICES, ROLLUPS)
        )
        await self._result("permissions of kubesum", check)

    async def _lists(self, is_absent: bool, registrations: list[Registration]) -> None:
        """Lists every resource; `is_absent` says that an APIService is missing."""
        if is_absent or not all(one.is_available for one in registrations):
            self._report.skip("lists, informers and RollupDefinitions: the APIService is not available")
            return
        check = check_lists(self._cluster, self._report, RESOURCES, time.monotonic)
        answered = await self._result("lists", check) or set()
        if clustersummaries.RESOURCE.plural in answered:
            await self._result("informers", check_informers(self._cluster, self._report, self._now()))
        else:
            self._report.skip("informers: unknown without the ClusterSummary")
        await self._result("RollupDefinitions", check_rollups(self._cluster, self._report))
