"""The evaluator of the tests, against results that Prometheus' documentation gives for such expressions."""

import pytest

from tests.monitoring.promql import Unsupported, evaluated

SAMPLES = {
    "up": [({"pod": "a", "zone": "x"}, 1.0), ({"pod": "b", "zone": "x"}, 3.0), ({"pod": "c", "zone": "y"}, 5.0)],
    "whole": [({"zone": "x"}, 10.0), ({"zone": "z"}, 7.0)],
    "zero": [({"zone": "x"}, 0.0)],
}


def of(**labels: str) -> frozenset[tuple[str, str]]:
    return frozenset(labels.items())


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('up{pod="a"}', {of(pod="a", zone="x"): 1.0}),
        ('up{zone="x", pod!="a"}', {of(pod="b", zone="x"): 3.0}),
        ('up{team!="a", pod="c"}', {of(pod="c", zone="y"): 5.0}),
        ('up{team="a"}', {}),
        ("down{}", {}),
        ("max(up{})", {of(): 5.0}),
        ("max by (zone) (up{})", {of(zone="x"): 3.0, of(zone="y"): 5.0}),
        ("sum by (zone) (up{})", {of(zone="x"): 4.0, of(zone="y"): 5.0}),
        ("min(up{})", {of(): 1.0}),
        ("sum by (zone) (up{}) / max by (zone) (whole{})", {of(zone="x"): 0.4}),
        ("max by (zone) (whole{}) - max by (zone) (up{})", {of(zone="x"): 7.0}),
        ("max by (zone) (up{}) / max by (zone) (zero{})", {}),
    ],
)
def test_expressions(expression: str, expected: dict[frozenset[tuple[str, str]], float]) -> None:
    assert evaluated(expression, SAMPLES) == expected


@pytest.mark.parametrize(
    "expression", ["rate(up{}[5m])", "up", "max(up{}", "up{} up{}", 'up{zone=~"x"}', "max by zone (up{})"]
)
def test_other_forms_are_refused(expression: str) -> None:
    with pytest.raises(Unsupported):
        evaluated(expression, SAMPLES)
