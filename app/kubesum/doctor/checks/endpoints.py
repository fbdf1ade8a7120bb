"""Checks the way from the Service to the pods: its port, the Deployments, the pods, the ready endpoints."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from kubesum.doctor.cluster import Cluster, Denial, labels_text
from kubesum.doctor.report import Report
from kubesum.doctor.views import Deployment, EndpointSlice, Pod, PodSpec, Service, ServicePort, ServiceReference
from kubesum.kube.objects.core import ContainerStatus

_SERVICE_NAME: Final = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Backend:
    """What a Service routes to: its active pods, a pod spec, and the number of the target port.

    `spec` and `port` are None if they are unknown.
    """

    pods: tuple[Pod, ...]
    spec: PodSpec | None
    port: int | None


async def check_endpoints(cluster: Cluster, report: Report, reference: ServiceReference) -> Backend | None:
    """What the Service routes to, None if it is not found or may not be read."""
    match await cluster.read(f"/api/v1/namespaces/{reference.namespace}/services/{reference.name}", Service):
        case Denial(message):
            report.skip(f"{reference}: {message}")
        case None:
            report.fail(f"{reference}: not found; apply the chart again, which creates it")
        case Service() as service:
            port = _port(service, reference, report)
            pods, spec = await _pods(cluster, report, reference, service.spec.selector)
            number = await _target_port(cluster, report, reference, port.name) if port else None
            return Backend(pods, spec, number)
    return None


def _port(service: Service, reference: ServiceReference, report: Report) -> ServicePort | None:
    """The port of the Service that the APIService names, None if it has no such port."""
    if service.spec.cluster_ip == "None":
        report.fail(f"{reference}: it is headless, but the API server needs its cluster IP; apply the chart again")
    for port in service.spec.ports:
        if port.port == reference.port:
            pods = f"pods with {labels_text(service.spec.selector)}"
            report.ok(f"{reference}: port {port.port} ({port.name}) routes to port {port.target_port} of {pods}")
            return port
    offered = ", ".join(str(port.port) for port in service.spec.ports)
    report.fail(
        f"{reference}: its port is {offered}, but the APIService names {reference.port}; "
        "apply the chart again, which sets both"
    )
    return None


async def _pods(
    cluster: Cluster, report: Report, reference: ServiceReference, selector: dict[str, str]
) -> tuple[tuple[Pod, ...], PodSpec | None]:
    """The selected pods that are active, and the spec of the first Deployment or pod."""
    deployments = await _deployments(cluster, report, reference, selector)
    pods = await cluster.listed(f"/api/v1/namespaces/{reference.namespace}/pods", Pod, selector)
    if isinstance(pods, Denial):
        report.skip(f"pods of the {reference}: {pods.message}")
        pods = ()
    elif not pods and not deployments:
        report.fail(f"pods of the {reference}: none has {labels_text(selector)}; apply the chart again")
    active = tuple(pod for pod in pods if pod.is_active)
    _report_unready(active, report)
    specs = [one.spec.template.spec for one in deployments] + [pod.spec for pod in active]
    return active, specs[0] if specs else None


async def _deployments(
    cluster: Cluster, report: Report, reference: ServiceReference, selector: dict[str, str]
) -> list[Deployment]:
    """The Deployments whose pods the selector matches."""
    path = f"/apis/apps/v1/namespaces/{reference.namespace}/deployments"
    deployments = await cluster.listed(path, Deployment, {})
    if isinstance(deployments, Denial):
        report.skip(f"Deployment of the {reference}: {deployments.message}")
        return []
    matching = [one for one in deployments if selector.items() <= one.spec.template.metadata.labels.items()]
    for deployment in matching:
        _report_deployment(deployment, report)
    return matching


def _report_deployment(deployment: Deployment, report: Report) -> None:
    ready, desired = deployment.status.ready_replicas, deployment.spec.replicas
    counts = f"{deployment.name}: {ready} of {desired} pods are ready"
    if desired == 0:
        where = f"--namespace {deployment.metadata.namespace} deployment/{deployment.metadata.name}"
        report.fail(f"{counts}; kubectl scale {where} --replicas=2")
    elif ready >= desired:
        report.ok(counts)
    elif ready:
        report.warn(f"{counts}; see the others below")
    else:
        refused = next((one.message for one in deployment.status.conditions if one.type == "ReplicaFailure"), "")
        report.fail(f"{counts}; {refused or 'see them below; if there are none, see kube-controller-manager'}")


def _report_unready(pods: Sequence[Pod], report: Report) -> None:
    """Reports why each pod is not ready: a failure if none is ready, a warning otherwise."""
    write = report.warn if any(pod.is_ready for pod in pods) else report.fail
    for pod in pods:
        if not pod.is_ready:
            write(f"{pod.name}: not ready, {_unready_reason(pod)}")


def _unready_reason(pod: Pod) -> str:
    """Why a pod is not ready, and the command that shows more."""
    where = f"--namespace {pod.metadata.namespace} {pod.metadata.name}"
    scheduled = next((one for one in pod.status.conditions if one.type == "PodScheduled"), None)
    if scheduled is not None and scheduled.status == "False":
        return f"{scheduled.reason}: {scheduled.message}"
    unready = next((one for one in pod.status.container_statuses if not one.ready), None)
    if unready is None:
        return f"{pod.status.phase or 'no status yet'}; kubectl describe pod {where}"
    state = unready.state.waiting.reason if unready.state.waiting else "its probe fails"
    if not unready.restart_count:
        return f"container {unready.name}: {state}; kubectl describe pod {where}"
    return f"container {unready.name}: {state}, {_restarts(unready)}; kubectl logs {where} --previous"


def _restarts(status: ContainerStatus) -> str:
    """How often a container was restarted, and how it last terminated."""
    last = status.last_state.terminated
    reason = f", last terminated with {last.reason or 'Error'} (exit code {last.exit_code})" if last else ""
    return f"{status.restart_count} restarts{reason}"


async def _target_port(cluster: Cluster, report: Report, reference: ServiceReference, port_name: str) -> int | None:
    """The number of the endpoints' port of this name, None if it is unknown."""
    path = f"/apis/discovery.k8s.io/v1/namespaces/{reference.namespace}/endpointslices"
    subject = f"EndpointSlices of the {reference}"
    slices = await cluster.listed(path, EndpointSlice, {_SERVICE_NAME: reference.name})
    if isinstance(slices, Denial):
        report.skip(f"{subject}: {slices.message}")
        return None
    if not slices:
        report.fail(f"{subject}: none; the Service selects no pod, or kube-controller-manager does not run")
        return None
    matching = [one for one in slices if one.has_port(port_name)]
    ready = [address for one in matching for address in one.ready_addresses]
    numbers = sorted(_numbers(matching, port_name))
    if not ready:
        report.fail(f'{subject}: no endpoint with the port "{port_name}" is ready; see the pods above')
    else:
        port = ", ".join(map(str, numbers))
        report.ok(f"{subject}: ready at {', '.join(sorted(ready))}, port {port} ({port_name})")
    return numbers[0] if numbers else None


def _numbers(slices: Iterable[EndpointSlice], name: str) -> set[int]:
    return {port.port for one in slices for port in one.ports or () if port.name == name and port.port}
