"""A workload of the inventory as data: its kind, its pod template, and the stages its first pods are in."""

from dataclasses import dataclass
from typing import Final

from kubesim.model.podtemplates import ContainerTemplate, PodTemplate
from kubesim.model.state import LAUNCHER, Stage
from kubesim.store.store import JsonObject

API_VERSIONS: Final = {
    "Deployment": "apps/v1",
    "ReplicaSet": "apps/v1",
    "StatefulSet": "apps/v1",
    "DaemonSet": "apps/v1",
    "Job": "batch/v1",
    "CronJob": "batch/v1",
    "Pod": "v1",
    "Node": "v1",
    "Rollout": "argoproj.io/v1alpha1",
    "Cluster": "postgres.example.com/v1",
    "JobSet": "jobset.x-k8s.io/v1alpha2",
    "EphemeralRunner": "actions.github.com/v1alpha1",
    LAUNCHER: "",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Workload:
    """One workload of the inventory; its name is `template.app`.

    `stages` are those of its first pods, the others run. `old_replica_sets` and `terminating` are numbers of earlier
    ReplicaSets and of terminating pods. A DaemonSet, and a Node with its static pods, has a pod on each node that
    matches. Random events do not affect an `undisturbed` workload.
    """

    kind: str
    namespace: str
    template: PodTemplate
    replicas: int = 1
    stages: tuple[Stage, ...] = ()
    old_replica_sets: int = 0
    terminating: int = 0
    suspended: bool = False
    deadline_exceeded: bool = False
    undisturbed: bool = False


def deployment(namespace: str, template: PodTemplate, replicas: int, *stages: Stage) -> Workload:
    """A Deployment that has an earlier ReplicaSet."""
    return Workload(
        kind="Deployment",
        namespace=namespace,
        template=template,
        replicas=replicas,
        stages=stages,
        old_replica_sets=1,
    )


def installed(deployment: JsonObject) -> Workload:
    """The workload of a Deployment manifest, undisturbed so that the extension server stays available."""
    metadata, spec = deployment["metadata"], deployment["spec"]
    pod_spec = spec["template"]["spec"]
    template = PodTemplate(
        app=metadata["name"],
        containers=tuple(_installed_container(one) for one in pod_spec["containers"]),
        service_account=pod_spec["serviceAccountName"],
    )
    return Workload(
        kind="Deployment",
        namespace=metadata["namespace"],
        template=template,
        replicas=spec["replicas"],
        undisturbed=True,
    )


def _installed_container(container: JsonObject) -> ContainerTemplate:
    given = {name: value for name, value in container.items() if name not in ("name", "image", "resources")}
    resources = container["resources"]
    return ContainerTemplate(
        name=container["name"],
        image=container["image"],
        requests=resources["requests"],
        limits=resources["limits"],
        slim=True,
        more=given,
    )
