"""What the kubelet says of resizes, and which rule the scheduler counts resized pods by."""

from typing import Any

import msgspec
import pytest

from kubesum.kube.objects.core import PodStatus
from kubesum.semantics.facts import Resize
from kubesum.semantics.pods.resizes import ResizeRule, resize_of, resize_rule, resize_rule_beside

PER_CONTAINER, PER_POD = ResizeRule.PER_CONTAINER, ResizeRule.PER_POD


@pytest.mark.parametrize(
    ("version", "rule"),
    [
        ("1.36", PER_CONTAINER),
        ("1.36+", PER_CONTAINER),
        ("v1.36.0-eks-1", PER_CONTAINER),
        ("v1.9.11", PER_CONTAINER),
        ("0.99", PER_CONTAINER),
        ("1.37", PER_POD),
        ("1.37+", PER_POD),
        ("v1.37.0-beta.0", PER_POD),
        ("1.40", PER_POD),
        ("2.0", PER_POD),
        ("", PER_POD),
        (".", PER_POD),
        ("main", PER_POD),
        ("1." + "9" * 10_000, PER_POD),
    ],
)
def test_the_rule_changed_in_1_37_and_the_newest_holds_for_unreadable_versions(
    version: str, rule: ResizeRule
) -> None:
    """[C3]"""
    assert resize_rule(version) is rule


@pytest.mark.parametrize(
    ("kubelets", "rule"),
    [
        (["v1.35.4", "v1.36.2"], PER_CONTAINER),
        (["v1.9.0", "v1.10.1", ""], PER_CONTAINER),
        (["v1.36.2", "v1.37.0"], PER_POD),
        ([""], PER_POD),
        ([], PER_POD),
    ],
)
def test_a_scheduler_is_as_new_as_the_newest_kubelet(kubelets: list[str], rule: ResizeRule) -> None:
    """[C3]"""
    assert resize_rule_beside(kubelets) is rule


def condition(kind: str, reason: str = "", status: str = "True") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason}


@pytest.mark.parametrize(
    ("status", "resize"),
    [
        ({}, Resize()),
        ({"conditions": [condition("Ready")]}, Resize()),
        ({"conditions": [condition("PodResizePending", "Deferred")]}, Resize("Deferred")),
        ({"conditions": [condition("PodResizePending", "Infeasible")]}, Resize("Infeasible")),
        ({"conditions": [condition("PodResizePending", "SomethingNew")]}, Resize("SomethingNew")),
        ({"conditions": [condition("PodResizePending", "Deferred", "False")]}, Resize()),
        ({"conditions": [condition("PodResizeInProgress")]}, Resize(in_progress=True)),
        ({"conditions": [condition("PodResizeInProgress", "Error")]}, Resize(in_progress=True)),
        ({"conditions": [condition("PodResizeInProgress", status="False")]}, Resize()),
        (
            {"conditions": [condition("PodResizePending", "Deferred"), condition("PodResizeInProgress")]},
            Resize("Deferred", in_progress=True),
        ),
        ({"resize": "Deferred"}, Resize("Deferred")),
        ({"resize": "Infeasible"}, Resize("Infeasible")),
        ({"resize": "InProgress"}, Resize(in_progress=True)),
        ({"resize": "Proposed"}, Resize()),
    ],
)
def test_a_resize_is_pending_for_a_reason_in_progress_or_both(status: dict[str, Any], resize: Resize) -> None:
    """[C15] Kubernetes before 1.33 has a field in place of the conditions."""
    assert resize_of(msgspec.convert(status, PodStatus)) == resize
