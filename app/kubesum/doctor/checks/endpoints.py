"""The way from the Service to the pods: its port, its selector, what the pods lack, the addresses that are ready."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from kubesum.doctor.cluster import Cluster, Denial
from kubesum.doctor.report import Report
from kubesum.doctor.views import Deployment, EndpointSlice, Pod, PodSpec, Service, ServicePort, ServiceReference
from kubesum.kube.objects import ContainerStatus

_SERVICE_NAME: Final = "kubernetes.io/service-name"


@dataclass(frozen=True, slots=True)
class Routed:
    """What a Service leads to: the pods that are not ending, their spec, and the port that they listen on.

    `spec` and `port` are None where they are not known.
    """

    pods: tuple[Pod, ...]
    spec: PodSpec | None
    port: int | None


async def routed(cluster: Cluster, report: Report, reference: ServiceReference) -> Routed | None:
    """What the Service leads to, None if it is not there or may not be read."""
    match await cluster.read(f"/api/v1/namespaces/{reference.namespace}/services/{reference.name}", Service):
        case Denial(sentence):
            report.skip(f"{reference}: {sentence}")
        case None:
            report.fail(f"{reference}: there is none; apply the chart again, which makes it")
        case Service() as service:
            port = _port(service, reference, report)
            pods, spec = await _pods(cluster, report, reference, service.spec.selector)
            number = await _addresses(cluster, report, reference, port.name) if port else None
            return Routed(pods, spec, number)
    return None


def _port(service: Service, reference: ServiceReference, report: Report) -> ServicePort | None:
    if service.spec.cluster_ip == "None":
        report.fail(f"{reference}: it has no address, and the API server looks for one; apply the chart again")
    for port in service.spec.ports:
        if port.port == reference.port:
            pods = f"pods with {_labels(service.spec.selector)}"
            report.ok(f"{reference}: port {port.port} ({port.name}) leads to the port {port.target_port} of {pods}")
            return port
    offered = ", ".join(str(port.port) for port in service.spec.ports)
    report.fail(
        f"{reference}: it listens on port {offered}, but the APIService names {reference.port}; "
        "apply the chart again, which sets both"
    )
    return None


async def _pods(
    cluster: Cluster, report: Report, reference: ServiceReference, selector: dict[str, str]
) -> tuple[tuple[Pod, ...], PodSpec | None]:
    """The pods of a selector, and what they are made of."""
    makers = await _makers(cluster, report, reference, selector)
    pods = await cluster.listed(f"/api/v1/namespaces/{reference.namespace}/pods", Pod, selector)
    if isinstance(pods, Denial):
        report.skip(f"Pods of the {reference}: {pods.sentence}")
        pods = ()
    elif not pods and not makers:
        report.fail(f"Pods of the {reference}: none has {_labels(selector)}; apply the chart again")
    lasting = tuple(pod for pod in pods if not pod.is_ending)
    _complain(lasting, report)
    specs = [one.spec.template.spec for one in makers] + [pod.spec for pod in lasting]
    return lasting, specs[0] if specs else None


async def _makers(
    cluster: Cluster, report: Report, reference: ServiceReference, selector: dict[str, str]
) -> list[Deployment]:
    """The Deployments that make pods of a selector."""
    path = f"/apis/apps/v1/namespaces/{reference.namespace}/deployments"
    deployments = await cluster.listed(path, Deployment, {})
    if isinstance(deployments, Denial):
        report.skip(f"Deployment of the {reference}: {deployments.sentence}")
        return []
    makers = [one for one in deployments if selector.items() <= one.spec.template.metadata.labels.items()]
    for deployment in makers:
        _judge(deployment, report)
    return makers


def _judge(deployment: Deployment, report: Report) -> None:
    ready, wanted = deployment.status.ready_replicas, deployment.spec.replicas
    told = f"{deployment.name}: {ready} of {wanted} pods are ready"
    if wanted == 0:
        where = f"--namespace {deployment.metadata.namespace} deployment/{deployment.metadata.name}"
        report.fail(f"{told}; kubectl scale {where} --replicas=2")
    elif ready >= wanted:
        report.ok(told)
    elif ready:
        report.warn(f"{told}; see below what the others lack")
    else:
        refused = next((one.message for one in deployment.status.conditions if one.type == "ReplicaFailure"), "")
        report.fail(f"{told}; {refused or 'see below what they lack, or that kube-controller-manager makes none'}")


def _complain(pods: Sequence[Pod], report: Report) -> None:
    """Tells what keeps each pod from being ready: a defect if none is, a lack otherwise."""
    tell = report.warn if any(pod.is_ready for pod in pods) else report.fail
    for pod in pods:
        if not pod.is_ready:
            tell(f"{pod.name}: not ready, {_trouble(pod)}")


def _trouble(pod: Pod) -> str:
    """What keeps a pod from being ready, and what to look at."""
    where = f"--namespace {pod.metadata.namespace} {pod.metadata.name}"
    scheduled = next((one for one in pod.status.conditions if one.type == "PodScheduled"), None)
    if scheduled is not None and scheduled.status == "False":
        return f"{scheduled.reason}: {scheduled.message}"
    unready = next((one for one in pod.status.container_statuses if not one.ready), None)
    if unready is None:
        return f"{pod.status.phase or 'not begun'}; kubectl describe pod {where}"
    state = unready.state.waiting.reason if unready.state.waiting else "does not pass its probe"
    if not unready.restart_count:
        return f"container {unready.name}: {state}; kubectl describe pod {where}"
    return f"container {unready.name}: {state}, {_past(unready)}; kubectl logs {where} --previous"


def _past(status: ContainerStatus) -> str:
    """How often a container was restarted, and how it ended last."""
    ended = status.last_state.terminated
    last = f", last ended with {ended.reason or 'Error'} (exit code {ended.exit_code})" if ended else ""
    return f"{status.restart_count} restarts{last}"


async def _addresses(cluster: Cluster, report: Report, reference: ServiceReference, port_name: str) -> int | None:
    """The number of the port behind the Service, None if it is not known."""
    path = f"/apis/discovery.k8s.io/v1/namespaces/{reference.namespace}/endpointslices"
    what = f"EndpointSlices of the {reference}"
    slices = await cluster.listed(path, EndpointSlice, {_SERVICE_NAME: reference.name})
    if isinstance(slices, Denial):
        report.skip(f"{what}: {slices.sentence}")
        return None
    if not slices:
        report.fail(f"{what}: there are none; the Service finds no pod, or kube-controller-manager does not run")
        return None
    fitting = [one for one in slices if one.has_port(port_name)]
    ready = [address for one in fitting for address in one.ready_addresses]
    numbers = sorted(_numbers(fitting, port_name))
    if not ready:
        report.fail(f'{what}: no address with the port "{port_name}" is ready; see above what the pods lack')
    else:
        port = ", ".join(map(str, numbers))
        report.ok(f"{what}: ready at {', '.join(sorted(ready))}, port {port} ({port_name})")
    return numbers[0] if numbers else None


def _numbers(slices: Iterable[EndpointSlice], name: str) -> set[int]:
    return {port.port for one in slices for port in one.ports or () if port.name == name and port.port}


def _labels(selector: dict[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in selector.items())
