"""Effective requests and limits: what the scheduler counts for a pod."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kubesum.kube.objects.core import Pod
from kubesum.semantics.pods.podresources import pod_resources
from kubesum.semantics.pods.requests import EffectiveResources, effective_resources
from kubesum.semantics.pods.resizes import ResizeRule
from kubesum.vocabulary.errors import QuantityError
from kubesum.vocabulary.quantity import ResourceList, amount

Amounts = dict[str, str]


def container(
    name: str, requests: Amounts | None = None, limits: Amounts | None = None, sidecar: bool = False
) -> dict[str, Any]:
    policy = {"restartPolicy": "Always"} if sidecar else {}
    return {"name": name, "resources": {"requests": requests or {}, "limits": limits or {}}, **policy}


def status(
    name: str,
    requests: Amounts | None = None,
    limits: Amounts | None = None,
    allocated: Amounts | None = None,
) -> dict[str, Any]:
    return {
        "name": name,
        "resources": {"requests": requests or {}, "limits": limits or {}},
        "allocatedResources": allocated or {},
    }


def effective(
    spec: dict[str, Any],
    status: dict[str, Any] | None = None,
    pod_count: int = 0,
    rules: Iterable[ResizeRule] = ResizeRule,
) -> EffectiveResources:
    """The effective resources by some rules, which agree on them; by all unless a test says otherwise."""
    pod = msgspec.convert({"metadata": {"name": "p"}, "spec": spec, "status": status or {}}, Pod)
    first, *others = [effective_resources(pod_resources(pod, pod_count, rule)) for rule in rules]
    assert others == [first] * len(others)
    return first


RESIZING = [{"type": "PodResizePending", "status": "True", "reason": "Deferred"}]
PER_CONTAINER, PER_POD = [ResizeRule.PER_CONTAINER], [ResizeRule.PER_POD]
INFEASIBLE = [{"type": "PodResizePending", "status": "True", "reason": "Infeasible"}]


def test_app_containers_add_up() -> None:
    found = effective(
        {
            "containers": [
                container("a", {"cpu": "100m", "memory": "64Mi"}, {"cpu": "1"}),
                container("b", {"cpu": "250m", "nvidia.com/gpu": "1"}, {"nvidia.com/gpu": "1"}),
            ]
        }
    )

    assert found.requests.quantities() == {"cpu": "350m", "memory": "64Mi", "nvidia.com/gpu": "1"}
    assert found.limits.quantities() == {"cpu": "1", "nvidia.com/gpu": "1"}


def test_a_pod_is_rounded_up_once_and_not_per_container() -> None:
    found = effective(
        {
            "containers": [
                container("a", {"cpu": "0.5m", "memory": "500m"}),
                container("b", {"cpu": "0.5m", "memory": "0.6"}),
            ]
        }
    )

    assert dict(found.requests) == {"cpu": 1, "memory": 2}


def test_amounts_of_zero_are_left_out() -> None:
    found = effective({"containers": [container("a", {"cpu": "0", "memory": "1Mi"}, {"cpu": "0"})]})

    assert found.requests.quantities() == {"memory": "1Mi"}
    assert found.limits.quantities() == {}


def test_the_largest_init_container_counts_if_it_requests_more_than_the_app_containers() -> None:
    found = effective(
        {
            "initContainers": [
                container("i", {"cpu": "1", "memory": "10Mi"}),
                container("j", {"cpu": "500m", "memory": "70Mi"}),
            ],
            "containers": [container("a", {"cpu": "300m", "memory": "64Mi"})],
        }
    )

    assert found.requests.quantities() == {"cpu": "1", "memory": "70Mi"}


def test_an_init_container_runs_beside_the_sidecars_declared_before_it_and_overhead_comes_on_top() -> None:
    """`kubectl describe node` shows 310m for this pod."""
    found = effective(
        {
            "initContainers": [
                container("sidecar", {"cpu": "100m"}, sidecar=True),
                container("i", {"cpu": "200m"}),
            ],
            "containers": [container("a", {"cpu": "100m"})],
            "overhead": {"cpu": "10m"},
        }
    )

    assert found.requests.quantities() == {"cpu": "310m"}


def test_a_sidecar_declared_after_an_init_container_does_not_run_beside_it() -> None:
    found = effective(
        {
            "initContainers": [
                container("i", {"cpu": "200m"}),
                container("sidecar", {"cpu": "100m"}, sidecar=True),
            ],
            "containers": [container("a", {"cpu": "50m"})],
        }
    )

    assert found.requests.quantities() == {"cpu": "200m"}


def test_sidecars_add_up_with_each_other_and_with_app_containers() -> None:
    found = effective(
        {
            "initContainers": [
                container("s", {"cpu": "100m"}, {"cpu": "200m"}, sidecar=True),
                container("t", {"cpu": "100m"}, {"cpu": "300m"}, sidecar=True),
                container("i", {"cpu": "1"}, {"cpu": "1"}),
                container("u", {"cpu": "50m"}, {"cpu": "50m"}, sidecar=True),
            ],
            "containers": [container("a", {"cpu": "100m"}, {"cpu": "100m"})],
        }
    )

    assert found.requests.quantities() == {"cpu": "1200m"}
    assert found.limits.quantities() == {"cpu": "1500m"}


def test_pod_level_values_replace_those_of_containers_even_if_they_are_lower() -> None:
    """`kubectl describe node` shows 300m and 1 for this pod."""
    found = effective(
        {
            "containers": [container("a", {"cpu": "400m", "nvidia.com/gpu": "1"}, {"cpu": "2"})],
            "resources": {
                "requests": {"cpu": "300m", "memory": "100Mi"},
                "limits": {"cpu": "1", "memory": "200Mi"},
            },
        }
    )

    assert found.requests.quantities() == {"cpu": "300m", "memory": "100Mi", "nvidia.com/gpu": "1"}
    assert found.limits.quantities() == {"cpu": "1", "memory": "200Mi"}


def test_pod_level_values_may_be_of_cpu_memory_and_huge_pages_only() -> None:
    found = effective(
        {
            "containers": [container("a", {"ephemeral-storage": "1Gi"})],
            "resources": {"requests": {"hugepages-2Mi": "4Mi", "ephemeral-storage": "9Gi"}},
        }
    )

    assert found.requests.quantities() == {"ephemeral-storage": "1Gi", "hugepages-2Mi": "4Mi"}


def test_overhead_is_added_to_pod_level_values() -> None:
    found = effective(
        {
            "containers": [container("a")],
            "resources": {"requests": {"cpu": "300m"}, "limits": {"cpu": "1"}},
            "overhead": {"cpu": "250m", "memory": "120Mi"},
        }
    )

    assert found.requests.quantities() == {"cpu": "550m", "memory": "120Mi"}
    assert found.limits.quantities() == {"cpu": "1250m"}


def test_overhead_makes_no_limit_where_there_is_none() -> None:
    found = effective(
        {
            "containers": [container("a", limits={"cpu": "1", "memory": "0"})],
            "overhead": {"cpu": "250m", "memory": "120Mi"},
        }
    )

    assert found.limits.quantities() == {"cpu": "1250m"}
    assert found.requests.quantities() == {"cpu": "250m", "memory": "120Mi"}


def test_a_resize_in_flight_counts_with_the_largest_value_of_each_resource() -> None:
    found = effective(
        {"containers": [container("a", {"cpu": "100m", "memory": "300Mi"}, {"cpu": "200m", "memory": "300Mi"})]},
        {
            "conditions": RESIZING,
            "containerStatuses": [
                status(
                    "a",
                    {"cpu": "500m", "memory": "100Mi"},
                    {"cpu": "1", "memory": "100Mi"},
                    {"cpu": "400m", "memory": "200Mi"},
                )
            ],
        },
    )

    assert found.requests.quantities() == {"cpu": "500m", "memory": "300Mi"}
    assert found.limits.quantities() == {"cpu": "1", "memory": "300Mi"}


def test_the_allocated_amount_counts_if_it_is_the_largest() -> None:
    found = effective(
        {"containers": [container("a", {"cpu": "100m"})]},
        {"containerStatuses": [status("a", {"cpu": "200m"}, allocated={"cpu": "300m"})]},
    )

    assert found.requests.quantities() == {"cpu": "300m"}


def test_the_desired_amounts_of_an_infeasible_resize_do_not_count() -> None:
    found = effective(
        {"containers": [container("a", {"cpu": "64"}, {"cpu": "64"})]},
        {
            "conditions": INFEASIBLE,
            "containerStatuses": [status("a", {"cpu": "100m"}, {"cpu": "200m"}, {"cpu": "150m"})],
        },
    )

    assert found.requests.quantities() == {"cpu": "150m"}
    assert found.limits.quantities() == {"cpu": "200m"}


def test_the_amounts_of_a_container_whose_actual_ones_are_not_reported() -> None:
    """Up to Kubernetes 1.36 the desired ones count; from 1.37 the allocated ones, if any."""
    spec = {"containers": [container("a", {"cpu": "2"}), container("b", {"cpu": "1"})]}
    status = {"conditions": INFEASIBLE, "containerStatuses": [{"name": "a", "allocatedResources": {"cpu": "8"}}]}

    assert effective(spec, status, rules=PER_CONTAINER).requests.quantities() == {"cpu": "3"}
    assert effective(spec, status, rules=PER_POD).requests.quantities() == {"cpu": "8"}


def test_sidecars_are_resized_and_plain_init_containers_only_from_kubernetes_1_37() -> None:
    spec = {
        "initContainers": [container("s", {"cpu": "100m"}, sidecar=True), container("i", {"cpu": "300m"})],
        "containers": [container("a", {"cpu": "100m"})],
    }
    status_ = {"initContainerStatuses": [status("s", {"cpu": "150m"}), status("i", {"cpu": "9"})]}

    assert effective(spec, status_, rules=PER_CONTAINER).requests.quantities() == {"cpu": "450m"}
    assert effective(spec, status_, rules=PER_POD).requests.quantities() == {"cpu": "9150m"}


def test_cpu_that_moves_from_one_container_to_another_counts_once_from_kubernetes_1_37() -> None:
    """https://github.com/kubernetes/kubernetes/issues/140046"""
    spec = {"containers": [container("a", {"cpu": "1"}), container("b", {"cpu": "2"})]}
    status_ = {
        "conditions": RESIZING,
        "containerStatuses": [
            status("a", {"cpu": "2"}, allocated={"cpu": "2"}),
            status("b", {"cpu": "1"}, allocated={"cpu": "1"}),
        ],
    }

    assert effective(spec, status_, rules=PER_CONTAINER).requests.quantities() == {"cpu": "4"}
    assert effective(spec, status_, rules=PER_POD).requests.quantities() == {"cpu": "3"}


# Each line was computed by PodRequests and PodLimits of k8s.io/component-helpers, v0.36.3 and 1961876 (1.37).
COMPUTED_IN_GO = [json.loads(line) for line in (Path(__file__).parent / "resizes.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("computed", COMPUTED_IN_GO, ids=lambda computed: computed["case"])
@pytest.mark.parametrize(("version", "rules"), [("1.36", PER_CONTAINER), ("1.37", PER_POD)])
def test_requests_and_limits_are_those_of_component_helpers(
    computed: dict[str, Any], version: str, rules: list[ResizeRule]
) -> None:
    found = effective(computed["pod"]["spec"], computed["pod"]["status"], rules=rules)

    for side, ours in (("requests", found.requests), ("limits", found.limits)):
        expected = {name: amount(name, quantity) for name, quantity in computed[version][side].items()}
        assert ours == ResourceList({name: value for name, value in expected.items() if value})


def test_pod_level_values_can_be_resized_too() -> None:
    spec = {
        "containers": [container("a", {"cpu": "100m"})],
        "resources": {"requests": {"cpu": "200m"}, "limits": {"cpu": "300m"}},
    }
    now = {
        "resources": {"requests": {"cpu": "500m"}, "limits": {"cpu": "800m"}},
        "allocatedResources": {"cpu": "600m"},
    }

    assert effective(spec, now).requests.quantities() == {"cpu": "600m"}
    assert effective(spec, now).limits.quantities() == {"cpu": "800m"}


def test_an_infeasible_pod_level_resize_counts_as_actual() -> None:
    found = effective(
        {
            "containers": [container("a", {"cpu": "100m"})],
            "resources": {"requests": {"cpu": "64", "memory": "1Gi"}, "limits": {"cpu": "64"}},
        },
        {"conditions": INFEASIBLE, "resources": {"requests": {"cpu": "500m"}, "limits": {"cpu": "800m"}}},
    )

    assert found.requests.quantities() == {"cpu": "500m"}
    assert found.limits.quantities() == {"cpu": "800m"}


def test_an_assigned_pod_requests_one_of_the_resource_pods() -> None:
    assert effective({"containers": [container("a")]}, pod_count=1).requests.quantities() == {"pods": "1"}
    assert effective({"containers": [container("a")]}, pod_count=0).requests.quantities() == {}


@pytest.mark.parametrize(
    ("containers", "init", "pod_level", "missing"),
    [
        ([{"cpu": "1", "memory": "1"}], [], {}, ()),
        ([{"cpu": "1"}], [], {}, ("memory",)),
        ([{"cpu": "0", "memory": "1"}], [], {}, ("cpu",)),
        ([{}], [], {}, ("cpu", "memory")),
        ([{"cpu": "1", "memory": "1"}, {"cpu": "1"}], [], {}, ("memory",)),
        ([{"cpu": "1"}, {"cpu": "1"}], [], {"memory": "1Gi"}, ()),
        ([{"cpu": "1"}], [], {"memory": "0"}, ("memory",)),
        ([{"cpu": "1", "memory": "1"}], [({}, True)], {}, ("cpu", "memory")),
        ([{"cpu": "1", "memory": "1"}], [({}, False)], {}, ()),
    ],
)
def test_a_resource_that_some_container_does_not_set_is_missing_unless_pod_level(
    containers: list[Amounts], init: list[tuple[Amounts, bool]], pod_level: Amounts, missing: tuple[str, ...]
) -> None:
    spec = {
        "containers": [container(f"c{i}", one, one) for i, one in enumerate(containers)],
        "initContainers": [container(f"i{i}", one, one, sidecar=sidecar) for i, (one, sidecar) in enumerate(init)],
        "resources": {"requests": pod_level, "limits": pod_level},
    }

    found = effective(spec)

    assert found.without_requests == missing
    assert found.without_limits == missing


def test_an_invalid_quantity_is_an_error() -> None:
    with pytest.raises(QuantityError, match="'lots' is not a quantity"):
        effective({"containers": [container("a", {"cpu": "lots"})]})
