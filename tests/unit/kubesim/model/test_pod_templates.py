"""The requests that the scheduler reserves for a pod template, and its QoS class."""

import pytest

from kubesim.model.podtemplates import ContainerTemplate, PodTemplate


def one(cpu: str, name: str = "app", **more: object) -> ContainerTemplate:
    return ContainerTemplate(name=name, image="app", requests={"cpu": cpu}, **more)  # type: ignore[arg-type]


def test_a_sidecar_adds_to_the_containers_and_to_later_init_containers() -> None:
    template = PodTemplate(
        app="app",
        containers=(one("100m"),),
        init_containers=(one("100m", "sidecar", sidecar=True), one("200m", "init")),
        overhead={"cpu": "10m"},
    )

    assert template.effective_requests == {"cpu": 310, "pods": 1}


def test_an_init_container_before_the_sidecar_counts_alone() -> None:
    template = PodTemplate(
        app="app",
        containers=(one("100m"),),
        init_containers=(one("250m", "init"), one("100m", "sidecar", sidecar=True)),
    )

    assert template.effective_requests == {"cpu": 250, "pods": 1}


def test_pod_level_resources_override_those_of_containers() -> None:
    template = PodTemplate(app="app", containers=(one("100m"), one("700m", "b")), pod_requests={"cpu": "300m"})

    assert template.effective_requests == {"cpu": 300, "pods": 1}


@pytest.mark.parametrize(
    ("resize", "asked", "millicores"),
    [("InProgress", "100m", 500), ("Deferred", "900m", 900), ("Infeasible", "400", 500)],
)
def test_an_unfinished_resize_reserves_the_larger_feasible_amount(resize: str, asked: str, millicores: int) -> None:
    template = PodTemplate(app="app", containers=(one(asked, allocated={"cpu": "500m"}),), resize=resize)

    assert template.effective_requests == {"cpu": millicores, "pods": 1}


@pytest.mark.parametrize(
    ("requests", "limits", "qos_class"),
    [
        ({}, {}, "BestEffort"),
        ({"cpu": "1", "memory": "1Gi"}, {"cpu": "1000m", "memory": "1024Mi"}, "Guaranteed"),
        ({"cpu": "1", "memory": "1Gi"}, {"memory": "1Gi"}, "Burstable"),
        ({"example.com/fpga": "1"}, {"example.com/fpga": "1"}, "BestEffort"),
    ],
)
def test_the_qos_class_follows_from_requests_and_limits(
    requests: dict[str, str], limits: dict[str, str], qos_class: str
) -> None:
    app = ContainerTemplate(name="app", image="app", requests=requests, limits=limits)

    assert PodTemplate(app="app", containers=(app,)).qos_class == qos_class


@pytest.mark.parametrize(
    ("image", "tagged"),
    [
        ("nginx", "nginx:v2"),
        ("acme/web:v1", "acme/web:v2"),
        ("registry.example.com:5000/web", "registry.example.com:5000/web:v2"),
        ("quay.io/acme/web@sha256:5f", "quay.io/acme/web:v2"),
    ],
)
def test_a_roll_out_changes_only_the_tag(image: str, tagged: str) -> None:
    template = PodTemplate(app="web", containers=(ContainerTemplate(name="web", image=image),))

    assert template.with_tag("v2").containers[0].image == tagged
