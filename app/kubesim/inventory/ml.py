"""The workloads of the team research: GPUs, gated and suspended Jobs, a JobSet, and a pod that no node fits."""

from typing import Final

from kubesim.inventory.containers import Resources, burstable, container
from kubesim.inventory.workloads import Workload, deployment
from kubesim.model.podtemplates import PodTemplate
from kubesim.model.state import Stage

_GPU: Final = "nvidia.com/gpu"

WORKLOADS: Final = (
    deployment(
        "ml",
        PodTemplate(
            app="inference",
            containers=(
                container(
                    "server",
                    "nvcr.io/nvidia/tritonserver:25.08-py3",
                    Resources(
                        cpu="4", memory="16Gi", memory_limit="32Gi", more={_GPU: "1", "ephemeral-storage": "8Gi"}
                    ),
                ),
            ),
            init_containers=(
                container("fetch-model", "docker.io/amazon/aws-cli:2.31.4", burstable("500m", "1Gi"), slim=True),
            ),
            tolerated_taints=(_GPU,),
        ),
        3,
        Stage.INIT,
    ),
    Workload(
        kind="JobSet",
        namespace="ml",
        replicas=2,
        template=PodTemplate(
            app="train",
            containers=(
                container(
                    "trainer",
                    "registry.example.com:5000/ml/trainer:nightly@sha256:" + "c3" * 32,
                    Resources(cpu="6", memory="48Gi", more={_GPU: "4"}),
                ),
            ),
            init_containers=(
                container("fetch-data", "docker.io/amazon/aws-cli:2.31.4", burstable("1", "2Gi"), slim=True),
            ),
            tolerated_taints=(_GPU,),
            restart_policy="Never",
            priority_class="batch",
        ),
    ),
    deployment(
        "ml",
        PodTemplate(
            app="giant",
            containers=(
                container("giant", "nvcr.io/nvidia/nemo:25.07", Resources(cpu="8", memory="64Gi", more={_GPU: "16"})),
            ),
            tolerated_taints=(_GPU,),
        ),
        1,
        Stage.PENDING,
    ),
    Workload(
        kind="Job",
        namespace="ml",
        replicas=2,
        stages=(Stage.GATED, Stage.GATED),
        template=PodTemplate(
            app="sweep",
            containers=(container("sweep", "ghcr.io/acme/sweep:0.3", burstable("2", "8Gi")),),
            scheduling_gate="kueue.x-k8s.io/admission",
            restart_policy="Never",
        ),
    ),
    Workload(
        kind="Job",
        namespace="ml",
        suspended=True,
        template=PodTemplate(
            app="export",
            containers=(container("export", "ghcr.io/acme/export:1.0.0", burstable("2", "8Gi")),),
            restart_policy="OnFailure",
        ),
    ),
    Workload(
        kind="Pod",
        namespace="ml",
        template=PodTemplate(
            app="notebook-ada",
            containers=(
                container("notebook", "quay.io/jupyter/scipy-notebook:2025-09-15", burstable("500m", "2Gi")),
            ),
            overhead={"cpu": "250m", "memory": "160Mi"},
        ),
    ),
)
