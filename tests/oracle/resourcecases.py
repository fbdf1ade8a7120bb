"""Pods with requests and limits of every form that Kubernetes has; the name of a pod is its case.

Pods whose resize is in flight are on nodes of their own, since the totals of `kubectl describe node` leave
resizes out.
"""

from datetime import datetime, timedelta

from tests.computation import JsonObject
from tests.oracle.podbuilder import (
    DEFERRED,
    DISPUTED,
    FRACTIONS,
    IN_PROGRESS,
    INFEASIBLE,
    LOST,
    ONE_CORE,
    RESIZING,
    RESIZING_PODS,
    SERVING,
    STEADY,
    Draft,
    Part,
    Quantities,
    container,
    requirements,
    running,
    sidecar,
    terminated,
)


def all_resource_cases(now: datetime) -> list[Draft]:
    """One pod for each case, with times relative to `now`."""
    return [
        *container_resources(now),
        *pod_levels(now),
        *resizes(now),
        *disputed_resizes(now),
        *pod_level_resizes(now),
    ]


def _up(now: datetime, name: str, requests: Quantities | None = None, limits: Quantities | None = None) -> Part:
    return container(name, running(now - timedelta(hours=5)), desired=requirements(requests, limits))


def _beside(now: datetime, name: str, requests: Quantities | None = None, limits: Quantities | None = None) -> Part:
    return sidecar(name, running(now - timedelta(hours=5)), desired=requirements(requests, limits))


def _done(now: datetime, name: str, requests: Quantities | None = None, limits: Quantities | None = None) -> Part:
    ended = terminated(now - timedelta(hours=6), reason="Completed")
    return container(name, ended, desired=requirements(requests, limits), ready=True)


def container_resources(now: datetime) -> list[Draft]:
    """Running pods without a resize."""
    overhead = {"overhead": {"cpu": "10m", "memory": "32Mi"}}
    app = _up(now, "app", {"cpu": "100m", "memory": "128Mi"}, {"cpu": "1", "memory": "256Mi"})
    bare = _up(now, "app")

    def up(name: str, apps: list[Part], inits: list[Part] | None = None, spec: JsonObject | None = None) -> Draft:
        return Draft(name, STEADY, apps=apps, inits=inits or [], conditions=SERVING, spec=spec)

    return [
        up("asks-for-nothing", [bare]),
        up("one-container", [app]),
        up("two-containers", [app, _up(now, "other", {"cpu": "250m"}, {"memory": "1Gi"})]),
        up("limits-alone", [_up(now, "app", None, {"cpu": "300m", "memory": "64Mi"})]),
        up("zero-requests", [_up(now, "app", {"cpu": "0", "memory": "0"}, {"cpu": "1"})]),
        up("larger-init", [app], [_done(now, "init", {"cpu": "700m", "memory": "64Mi"}, {"cpu": "2"})]),
        up("smaller-inits", [app], [_done(now, "init", {"cpu": "1m"}), _done(now, "late", {"memory": "1Mi"})]),
        up(
            "sidecar-before-init",
            [_up(now, "app", {"cpu": "100m"}, {"cpu": "100m"})],
            [_beside(now, "mesh", {"cpu": "100m"}, {"cpu": "100m"}), _done(now, "init", {"cpu": "200m"})],
            {"overhead": {"cpu": "10m"}},
        ),
        up(
            "sidecar-after-init",
            [_up(now, "app", {"cpu": "100m"})],
            [_done(now, "init", {"cpu": "250m"}), _beside(now, "mesh", {"cpu": "100m"}, {"memory": "64Mi"})],
        ),
        up(
            "sidecars-around-inits",
            [_up(now, "app", {"cpu": "50m", "memory": "1Gi"})],
            [
                _beside(now, "first", {"cpu": "30m", "memory": "16Mi"}, {"cpu": "60m"}),
                _done(now, "init", {"cpu": "400m", "memory": "2Gi"}, {"cpu": "500m"}),
                _beside(now, "second", {"cpu": "20m", "memory": "16Mi"}),
                _done(now, "late", {"cpu": "390m", "memory": "64Mi"}, {"cpu": "490m"}),
            ],
        ),
        up("overhead-and-no-limit", [_up(now, "app", {"cpu": "100m"})], spec=overhead),
        up("overhead-and-one-limit", [_up(now, "app", {"cpu": "100m"}, {"cpu": "200m"})], spec=overhead),
        up("overhead-alone", [bare], spec=overhead),
        up(
            "devices",
            [
                _up(now, "app", {"cpu": "1", "example.org/gpu": "2"}, {"example.org/gpu": "2"}),
                _up(now, "other", {"example.org/gpu": "1"}, {"example.org/gpu": "1"}),
            ],
        ),
        up("devices-of-no-node", [_up(now, "app", {"example.org/fpga": "1"}, {"example.org/fpga": "1"})]),
        up(
            "huge-pages",
            [
                _up(
                    now,
                    "app",
                    {"cpu": "100m", "hugepages-2Mi": "64Mi", "hugepages-1Gi": "2Gi"},
                    {"hugepages-2Mi": "64Mi", "hugepages-1Gi": "2Gi"},
                )
            ],
        ),
        up(
            "ephemeral-storage",
            [_up(now, "app", {"ephemeral-storage": "1Gi"}, {"ephemeral-storage": "4Gi"})],
            [_done(now, "init", {"ephemeral-storage": "3Gi"})],
        ),
        up("decimal-units", [_up(now, "app", {"cpu": "0.1", "memory": "1500k"}, {"cpu": "1.5", "memory": "2e6"})]),
        Draft("fraction-of-a-byte", FRACTIONS, apps=[_up(now, "app", {"memory": "1000500m"})], conditions=SERVING),
        Draft("another-fraction-of-a-byte", FRACTIONS, apps=[_up(now, "app", {"memory": "1000500m"})]),
        Draft("fraction-of-a-core", FRACTIONS, apps=[_up(now, "app", {"cpu": "100100u"})], conditions=SERVING),
        Draft("share-of-a-core", ONE_CORE, apps=[_up(now, "app", {"cpu": "290m"}, {"cpu": "570m"})]),
        Draft("on-a-lost-node", LOST, apps=[app], conditions=SERVING),
        Draft("static", STEADY, apps=[app], conditions=SERVING, is_static=True),
    ]


def pod_levels(now: datetime) -> list[Draft]:
    """Pods with pod-level resources."""
    app = _up(now, "app", {"cpu": "100m", "memory": "64Mi"})

    def up(name: str, resources: JsonObject, inits: list[Part] | None = None, **spec: object) -> Draft:
        asked = {"resources": resources, **spec}
        return Draft(name, STEADY, apps=[app], inits=inits or [], conditions=SERVING, spec=asked)

    return [
        up("pod-level", requirements({"cpu": "300m", "memory": "100Mi"}, {"cpu": "1", "memory": "200Mi"})),
        up("pod-level-cpu", requirements({"cpu": "300m"})),
        up("pod-level-limits", requirements(None, {"cpu": "2", "memory": "256Mi"})),
        Draft(
            "pod-level-limits-below-the-sum",
            STEADY,
            apps=[_up(now, name, {"cpu": "100m"}, {"cpu": "800m"}) for name in ("app", "other")],
            conditions=SERVING,
            spec={"resources": requirements({"cpu": "1"}, {"cpu": "1"})},
        ),
        up(
            "pod-level-overhead",
            requirements({"cpu": "300m"}, {"cpu": "1"}),
            overhead={"cpu": "10m", "memory": "32Mi"},
        ),
        up(
            "pod-level-sidecar",
            requirements({"memory": "1Gi"}, {"memory": "2Gi"}),
            [_beside(now, "mesh", {"cpu": "50m", "memory": "32Mi"}), _done(now, "init", {"cpu": "500m"})],
        ),
        up(
            "pod-level-huge-pages",
            requirements({"cpu": "1", "hugepages-2Mi": "128Mi"}, {"cpu": "1", "hugepages-2Mi": "128Mi"}),
        ),
    ]


def resizes(now: datetime) -> list[Draft]:
    """Pods with a container whose actual resources differ from the desired ones."""
    asked = requirements({"cpu": "100m", "memory": "128Mi"}, {"cpu": "200m", "memory": "128Mi"})
    up = running(now - timedelta(hours=5))
    kept = requirements({"cpu": "1m"})
    other = container("other", up, desired=kept, resources=kept, allocatedResources=kept["requests"])

    def resized(name: str, is_pending: JsonObject, actual: JsonObject, **status: object) -> Draft:
        app = container("app", up, desired=asked, resources=actual, **status)
        return Draft(name, RESIZING, apps=[app, other], conditions=[*SERVING, is_pending])

    mesh = sidecar("mesh", up, desired=requirements({"cpu": "50m"}), resources=requirements({"cpu": "80m"}))
    larger = requirements({"cpu": "500m", "memory": "256Mi"}, {"cpu": "900m", "memory": "256Mi"})
    smaller = requirements({"cpu": "50m", "memory": "64Mi"}, {"cpu": "60m", "memory": "64Mi"})
    further = requirements({"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "1Gi"})
    return [
        resized("shrinks", IN_PROGRESS, larger),
        resized("grows", IN_PROGRESS, smaller),
        resized("was-allocated-more", IN_PROGRESS, smaller, allocatedResources={"cpu": "300m", "memory": "192Mi"}),
        resized("is-deferred", DEFERRED, smaller, allocatedResources=smaller["requests"]),
        resized("is-infeasible", INFEASIBLE, smaller, allocatedResources={"cpu": "70m", "memory": "64Mi"}),
        resized("is-infeasible-and-allocated-nothing", INFEASIBLE, smaller),
        resized("is-infeasible-and-has-nothing", INFEASIBLE, {}),
        resized("has-no-limits", IN_PROGRESS, requirements({"cpu": "500m", "memory": "128Mi"})),
        resized("gives-up-a-resource", IN_PROGRESS, further),
        Draft("resizes-a-sidecar", RESIZING, apps=[other], inits=[mesh, _done(now, "init", {"cpu": "90m"})]),
    ]


def disputed_resizes(now: datetime) -> list[Draft]:
    """Resizes that Kubernetes counts differently since 1.37; current kubelets never report the last two.

    k8s.io/component-helpers/resource/helpers.go took the largest of each container up to 1.36, and takes the
    largest of the pod's sums since; init containers and containers without a report count otherwise, too.
    """
    up = running(now - timedelta(hours=5))
    plain = _up(now, "app", {"cpu": "20m"})
    grows = container("app", up, desired=requirements({"cpu": "500m"}), resources=requirements({"cpu": "100m"}))
    shrinks = container("other", up, desired=requirements({"cpu": "100m"}), resources=requirements({"cpu": "500m"}))
    refused = container("other", up, desired=requirements({"cpu": "300m"}), resources=requirements({"cpu": "100m"}))
    init = container(
        "init", terminated(now), desired=requirements({"cpu": "50m"}), resources=requirements({"cpu": "800m"})
    )
    return [
        Draft("grows-and-shrinks", DISPUTED, apps=[grows, shrinks], conditions=[*SERVING, IN_PROGRESS]),
        Draft("resized-an-init", DISPUTED, apps=[plain], inits=[init], conditions=SERVING),
        Draft("is-infeasible-and-unreported", DISPUTED, apps=[plain, refused], conditions=[*SERVING, INFEASIBLE]),
    ]


def pod_level_resizes(now: datetime) -> list[Draft]:
    """Pods whose actual pod-level resources differ from the desired ones."""
    asked = {"resources": requirements({"cpu": "300m", "memory": "1Gi"}, {"cpu": "1", "memory": "2Gi"})}
    app = _up(now, "app", {"cpu": "100m"})

    def resized(name: str, is_pending: JsonObject, actual: JsonObject, allocated: Quantities) -> Draft:
        status = {"resources": actual, "allocatedResources": allocated}
        return Draft(name, RESIZING_PODS, apps=[app], conditions=[*SERVING, is_pending], spec=asked, status=status)

    larger = requirements({"cpu": "500m", "memory": "2Gi"}, {"cpu": "2", "memory": "4Gi"})
    smaller = requirements({"cpu": "200m", "memory": "1Gi"}, {"cpu": "500m", "memory": "1Gi"})
    return [
        resized("pod-shrinks", IN_PROGRESS, larger, {"cpu": "500m", "memory": "2Gi"}),
        resized("pod-grows", IN_PROGRESS, smaller, {"cpu": "300m", "memory": "1Gi"}),
        resized("pod-is-infeasible", INFEASIBLE, smaller, {"cpu": "250m", "memory": "1Gi"}),
    ]
