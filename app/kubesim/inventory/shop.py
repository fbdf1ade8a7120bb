"""The workloads of the team shop: web servers, a Rollout, StatefulSets with sidecars, a missing image."""

from typing import Final

from kubesim.inventory.containers import burstable, container, guaranteed, sidecar
from kubesim.inventory.workloads import Workload, deployment
from kubesim.model.podtemplates import PodTemplate
from kubesim.model.state import Stage

WORKLOADS: Final = (
    deployment(
        "shop",
        PodTemplate(
            app="web",
            containers=(
                container("web", "nginx", burstable("100m", "128Mi", "256Mi")),
                container(
                    "metrics", "docker.io/nginx/nginx-prometheus-exporter:1.5", burstable("10m", "16Mi"), slim=True
                ),
            ),
        ),
        8,
    ),
    deployment(
        "shop",
        PodTemplate(
            app="search",
            containers=(container("search", "acme/search:latest", burstable("500m", "1Gi", "2Gi")),),
            broken_image=True,
        ),
        3,
        Stage.PULL_BACKOFF,
        Stage.PULL_ERROR,
    ),
    Workload(
        kind="Rollout",
        namespace="shop",
        replicas=4,
        old_replica_sets=1,
        template=PodTemplate(
            app="checkout",
            containers=(container("checkout", "ghcr.io/acme/checkout:v12.0.3", burstable("250m", "512Mi", "512Mi")),),
        ),
    ),
    Workload(
        kind="StatefulSet",
        namespace="shop",
        replicas=3,
        template=PodTemplate(
            app="cart",
            containers=(container("redis", "library/redis:8.2", guaranteed("200m", "512Mi")),),
            init_containers=(sidecar("backup", "quay.io/acme/redis-backup:1.4", burstable("20m", "64Mi")),),
        ),
    ),
    Workload(
        kind="ReplicaSet",
        namespace="shop",
        replicas=2,
        template=PodTemplate(
            app="legacy-feed", containers=(container("feed", "quay.io/acme/feed@sha256:" + "5f" * 32),)
        ),
    ),
    deployment("shop", PodTemplate(app="holiday-banner", containers=(container("banner", "acme/banner:2025"),)), 0),
)
