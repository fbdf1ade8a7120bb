"""The workloads of the team data: sidecars, requests of whole pods, resizes in place and huge pages."""

from typing import Final

from kubesim.inventory.containers import Resources, burstable, container, sidecar
from kubesim.inventory.workloads import Workload, deployment
from kubesim.model.podtemplates import ContainerTemplate, PodTemplate
from kubesim.model.state import Stage

WORKLOADS: Final = (
    Workload(
        kind="StatefulSet",
        namespace="data",
        replicas=3,
        stages=(Stage.RUNNING, Stage.RUNNING, Stage.INIT_BACKOFF),
        template=PodTemplate(
            app="kafka",
            containers=(container("broker", "apache/kafka:4.1.0", burstable("1", "4Gi", "4Gi"), slim=True),),
            init_containers=(
                container("format-storage", "apache/kafka:4.1.0", burstable("500m", "512Mi"), slim=True),
                sidecar("log-shipper", "cr.fluentbit.io/fluent/fluent-bit:4.1", burstable("50m", "64Mi")),
                container("await-quorum", "apache/kafka:4.1.0", burstable("1500m", "256Mi"), slim=True),
            ),
        ),
    ),
    deployment(
        "data",
        PodTemplate(
            app="stream-join",
            containers=(
                container("join", "ghcr.io/acme/stream-join:v3.2.0", burstable("200m", "256Mi")),
                container("state", "ghcr.io/acme/rocks:v1.0.0", slim=True),
            ),
            pod_requests={"cpu": "600m", "memory": "1Gi"},
            pod_limits={"cpu": "1200m", "memory": "2Gi"},
        ),
        2,
    ),
    deployment(
        "data",
        PodTemplate(
            app="growing",
            containers=(
                ContainerTemplate(
                    name="growing",
                    image="ghcr.io/acme/growing:v1.1.0",
                    requests={"cpu": "100m", "memory": "256Mi"},
                    limits={"cpu": "1", "memory": "512Mi"},
                    allocated={"cpu": "500m", "memory": "256Mi"},
                ),
            ),
            resize="InProgress",
        ),
        2,
    ),
    deployment(
        "data",
        PodTemplate(
            app="too-big",
            containers=(
                ContainerTemplate(
                    name="too-big",
                    image="ghcr.io/acme/growing:v1.1.0",
                    requests={"cpu": "400", "memory": "256Mi"},
                    limits={"cpu": "400", "memory": "512Mi"},
                    allocated={"cpu": "250m", "memory": "256Mi"},
                ),
            ),
            resize="Infeasible",
        ),
        1,
    ),
    deployment(
        "data",
        PodTemplate(
            app="buffer-pool",
            containers=(
                container(
                    "pool",
                    "ghcr.io/acme/buffer-pool:v2",
                    Resources(cpu="500m", memory="1Gi", memory_limit="1Gi", more={"hugepages-2Mi": "512Mi"}),
                ),
            ),
        ),
        2,
    ),
    deployment(
        "data",
        PodTemplate(
            app="cache-warmer", containers=(container("warmer", "acme/warmer:0.1", burstable("50m", "64Mi", "64Mi")),)
        ),
        2,
        Stage.CRASHED,
    ),
)
