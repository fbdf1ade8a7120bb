"""Views of apps/v1: Deployments, StatefulSets, ReplicaSets, DaemonSets; k8s.io/api/apps/v1."""

import msgspec

from kubesum.kube.objects.meta import Condition, Metadata


class RollingUpdate(msgspec.Struct, frozen=True, gc=False):
    """appsv1.RollingUpdateStatefulSetStrategy. kube-apiserver sets the default partition, 0."""

    partition: int = 0


class UpdateStrategy(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """appsv1.StatefulSetUpdateStrategy."""

    type: str = "RollingUpdate"
    rolling_update: RollingUpdate | None = None


class ReplicatedSpec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The parts read of DeploymentSpec, StatefulSetSpec and ReplicaSetSpec; replicas defaults to 1.

    Only Deployments have `paused`, only StatefulSets `update_strategy`.
    """

    replicas: int = 1
    paused: bool = False
    min_ready_seconds: int = 0
    update_strategy: UpdateStrategy = UpdateStrategy()


class ReplicatedStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """The parts read of the status of the same three; only StatefulSets have revisions."""

    observed_generation: int = 0
    replicas: int = 0
    ready_replicas: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0
    current_revision: str = ""
    update_revision: str = ""
    conditions: tuple[Condition, ...] = ()


class Replicated(msgspec.Struct, frozen=True, gc=False):
    """appsv1.Deployment, appsv1.StatefulSet or appsv1.ReplicaSet."""

    metadata: Metadata
    spec: ReplicatedSpec = ReplicatedSpec()
    status: ReplicatedStatus = ReplicatedStatus()


class DaemonSetUpdateStrategy(msgspec.Struct, frozen=True, gc=False):
    """appsv1.DaemonSetUpdateStrategy; its parameters are not read."""

    type: str = "RollingUpdate"


class DaemonSetSpec(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """appsv1.DaemonSetSpec."""

    update_strategy: DaemonSetUpdateStrategy = DaemonSetUpdateStrategy()


class DaemonSetStatus(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """appsv1.DaemonSetStatus."""

    observed_generation: int = 0
    desired_number_scheduled: int = 0
    current_number_scheduled: int = 0
    number_ready: int = 0
    updated_number_scheduled: int = 0
    number_available: int = 0


class DaemonSet(msgspec.Struct, frozen=True, gc=False):
    """appsv1.DaemonSet."""

    metadata: Metadata
    spec: DaemonSetSpec = DaemonSetSpec()
    status: DaemonSetStatus = DaemonSetStatus()
