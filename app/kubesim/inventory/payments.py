"""The workloads of the team payments: a ledger, a gateway with a service mesh, a database and CronJobs."""

from typing import Final

from kubesim.inventory.containers import burstable, container, guaranteed, sidecar
from kubesim.inventory.workloads import Workload, deployment
from kubesim.model.podtemplates import PodTemplate
from kubesim.model.state import Stage

_PROXY: Final = sidecar("istio-proxy", "docker.io/istio/proxyv2:1.27.1", burstable("50m", "64Mi", "256Mi"))

WORKLOADS: Final = (
    deployment(
        "payments",
        PodTemplate(
            app="ledger",
            containers=(container("ledger", "ghcr.io/acme/ledger:v4.7.1", burstable("500m", "256Mi", "512Mi")),),
            init_containers=(
                container("migrate", "ghcr.io/acme/ledger-migrations:v4.7.1", burstable("1", "128Mi"), slim=True),
            ),
            priority_class="production",
        ),
        3,
        Stage.BACKOFF,
    ),
    deployment(
        "payments",
        PodTemplate(
            app="gateway",
            containers=(
                container("gateway", "registry.example.com:5000/payments/gateway:2.19", guaranteed("1", "1Gi")),
            ),
            init_containers=(_PROXY,),
            priority_class="production",
        ),
        6,
        Stage.UNREADY,
    ),
    Workload(
        kind="Cluster",
        namespace="payments",
        replicas=3,
        template=PodTemplate(
            app="postgres",
            containers=(container("postgres", "ghcr.io/cloudnative-pg/postgresql:17.6", guaranteed("2", "4Gi")),),
            init_containers=(container("bootstrap", "ghcr.io/cloudnative-pg/cloudnative-pg:1.27.0", slim=True),),
            priority_class="production",
        ),
    ),
    Workload(
        kind="CronJob",
        namespace="payments",
        template=PodTemplate(
            app="settlement",
            containers=(
                container("settlement", "ghcr.io/acme/settlement:v1.9.0", burstable("250m", "256Mi", "512Mi")),
            ),
            restart_policy="Never",
        ),
    ),
    Workload(
        kind="CronJob",
        namespace="payments",
        suspended=True,
        template=PodTemplate(
            app="archive",
            containers=(container("archive", "ghcr.io/acme/archive:v0.8.3", burstable("1", "1Gi")),),
            restart_policy="OnFailure",
        ),
    ),
)
