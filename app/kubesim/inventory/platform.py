"""The workloads of the team platform: runners, Jobs that fail, an ephemeral container, Prometheus."""

from typing import Final

from kubesim.inventory.containers import burstable, container
from kubesim.inventory.workloads import Workload, deployment
from kubesim.model.podtemplates import PodTemplate
from kubesim.model.state import LAUNCHER, Stage

WORKLOADS: Final = (
    Workload(
        kind="EphemeralRunner",
        namespace="ci",
        replicas=3,
        stages=(Stage.RUNNING, Stage.PARTIAL, Stage.CONFIG_ERROR),
        template=PodTemplate(
            app="runner-linux",
            containers=(
                container("runner", "ghcr.io/actions/actions-runner:2.328.0", burstable("500m", "1Gi")),
                container("dind", "docker:28-dind", slim=True),
            ),
            restart_policy="Never",
        ),
    ),
    Workload(
        kind="Job",
        namespace="ci",
        stages=(Stage.FAILED,),
        template=PodTemplate(
            app="nightly-e2e",
            containers=(container("e2e", "ghcr.io/acme/e2e:nightly", burstable("1", "2Gi")),),
            restart_policy="Never",
        ),
    ),
    Workload(
        kind=LAUNCHER,
        namespace="ci",
        template=PodTemplate(
            app="image-build",
            containers=(container("buildkit", "docker.io/moby/buildkit:v0.24.0", burstable("1", "2Gi")),),
            restart_policy="Never",
        ),
    ),
    deployment(
        "ci",
        PodTemplate(app="sandbox", containers=(container("shell", "alpine"),), debug_image="busybox:latest"),
        3,
        Stage.RUNNING,
        Stage.CREATING,
    ),
    Workload(
        kind="StatefulSet",
        namespace="monitoring",
        replicas=2,
        template=PodTemplate(
            app="prometheus",
            containers=(
                container("prometheus", "quay.io/prometheus/prometheus:v3.6.0", burstable("500m", "4Gi", "8Gi")),
                container("reloader", "quay.io/prometheus-operator/prometheus-config-reloader:v0.85.0", slim=True),
            ),
        ),
    ),
    Workload(
        kind="Deployment",
        namespace="monitoring",
        replicas=1,
        stages=(Stage.PULL_BACKOFF,),
        deadline_exceeded=True,
        old_replica_sets=1,
        template=PodTemplate(
            app="alert-bridge",
            containers=(
                container("bridge", "registry.example.com:5000/alert-bridge:v0.0.9-typo", burstable("50m", "64Mi")),
            ),
            broken_image=True,
        ),
    ),
)
