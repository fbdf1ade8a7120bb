"""Checks the APIService of a group version: which Service it names, and whether it is available."""

from dataclasses import dataclass

from kubesum.doctor.cluster import Cluster, Denial
from kubesum.doctor.remedies import condition_remedy
from kubesum.doctor.report import Report
from kubesum.doctor.views import ApiService, ServiceReference

API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"


@dataclass(frozen=True, slots=True)
class Registration:
    """An APIService that names a Service; `ca_bundle` is PEM, None if the API server verifies no certificate."""

    name: str
    service: ServiceReference
    ca_bundle: bytes | None
    is_available: bool


async def check_registration(cluster: Cluster, report: Report, name: str) -> Registration | Denial | None:
    """The registration of one group version, None if there is none that names a Service."""
    subject = f"APIService {name}"
    match await cluster.read(f"{API_SERVICES}/{name}", ApiService):
        case Denial() as denial:
            report.skip(f"{subject}: {denial.message}")
            return denial
        case None:
            report.fail(
                f"{subject}: not found, so kubesum is not installed; "
                "helm install kubesum helm/kubesum --namespace kubesum-system --create-namespace"
            )
        case ApiService() as found if found.spec.service is None:
            report.fail(
                f"{subject}: it names no Service, so the API server serves the group itself; delete the "
                f"CustomResourceDefinitions of the group {name.partition('.')[2]}, and apply the chart again"
            )
        case ApiService() as found:
            return _registration(found, found.spec.service, name, report)
    return None


def _registration(found: ApiService, service: ServiceReference, name: str, report: Report) -> Registration:
    subject, spec = f"APIService {name}", found.spec
    report.ok(f"{subject}: routes to port {service.port} of the {service}, with priority {spec.priority}")
    if spec.is_unverified:
        report.warn(
            f"{subject}: insecureSkipTLSVerify is set, so the API server accepts any serving certificate; "
            "set apiService.insecureSkipTLSVerify of the chart to false"
        )
    is_available = _is_available(found, subject, report)
    ca_bundle = None if spec.is_unverified else spec.ca_bundle or b""
    return Registration(name, service, ca_bundle, is_available)


def _is_available(found: ApiService, subject: str, report: Report) -> bool:
    condition = found.status.named("Available")
    if condition is None or condition.status == "Unknown":
        report.fail(f"{subject}: the API server has not checked its availability yet; run this again in 30 s")
        return False
    if condition.status == "True":
        report.ok(f"{subject}: available, {condition.message}")
        return True
    remedy = condition_remedy(condition.reason, condition.message)
    report.fail(f"{subject}: not available, {condition.reason}: {condition.message}; {remedy}")
    return False
