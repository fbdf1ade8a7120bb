"""The APIService of a group version: is it there, where does it lead, what does the API server say of it."""

from dataclasses import dataclass

from kubesum.doctor.cluster import Cluster, Denial
from kubesum.doctor.remedies import cause
from kubesum.doctor.report import Report
from kubesum.doctor.views import ApiService, ServiceReference

API_SERVICES = "/apis/apiregistration.k8s.io/v1/apiservices"


@dataclass(frozen=True, slots=True)
class Registered:
    """What one APIService says; `ca_bundle` is PEM, None where nothing is verified."""

    name: str
    service: ServiceReference
    ca_bundle: bytes | None
    is_available: bool


async def registered(cluster: Cluster, report: Report, name: str) -> Registered | Denial | None:
    """The registration of one group version, None if there is none that leads to kubesum."""
    what = f"APIService {name}"
    match await cluster.read(f"{API_SERVICES}/{name}", ApiService):
        case Denial() as denial:
            report.skip(f"{what}: {denial.sentence}")
            return denial
        case None:
            report.fail(
                f"{what}: there is none, so kubesum is not installed; "
                "helm install kubesum helm/kubesum --namespace kubesum-system --create-namespace"
            )
        case ApiService() as found if found.spec.service is None:
            report.fail(
                f"{what}: it names no Service, so the API server serves the group itself; delete the "
                f"CustomResourceDefinitions of the group {name.partition('.')[2]}, and apply the chart again"
            )
        case ApiService() as found:
            return _told(found, found.spec.service, what, report)
    return None


def _told(found: ApiService, service: ServiceReference, what: str, report: Report) -> Registered:
    spec = found.spec
    report.ok(f"{what}: leads to port {service.port} of the {service}, with priority {spec.priority}")
    if spec.is_unverified:
        report.warn(
            f"{what}: insecureSkipTLSVerify is set, so the API server believes whoever answers there; "
            "set apiService.insecureSkipTLSVerify of the chart to false"
        )
    is_available = _judge(found, what, report)
    ca_bundle = None if spec.is_unverified else spec.ca_bundle or b""
    return Registered(what.removeprefix("APIService "), service, ca_bundle, is_available)


def _judge(found: ApiService, what: str, report: Report) -> bool:
    condition = found.status.named("Available")
    if condition is None or condition.status == "Unknown":
        report.fail(f"{what}: the API server has not judged it yet; run this again in half a minute")
        return False
    if condition.status == "True":
        report.ok(f"{what}: available, {condition.message}")
        return True
    remedy = cause(condition.reason, condition.message)
    report.fail(f"{what}: not available, {condition.reason}: {condition.message}; {remedy}")
    return False
