"""The evaluator of the tests; test_prometheus.py has the same evaluated by a real Prometheus."""

import math

import pytest

from tests.monitoring.promql import Labels, Scrape, Unsupported, evaluated

BEFORE = Scrape(
    0.001,
    {
        "grown": [({"pod": "a", "zone": "x"}, 10.0), ({"pod": "b", "zone": "x"}, 100.0), ({"pod": "c"}, 1.0)],
        "took_bucket": [({"le": "1"}, 0.0), ({"le": "2"}, 0.0), ({"le": "4"}, 0.0), ({"le": "+Inf"}, 0.0)],
    },
)
AFTER = Scrape(
    60.0,
    {
        "up": [({"pod": "a", "zone": "x"}, 1.0), ({"pod": "b", "zone": "x"}, 3.0), ({"pod": "c", "zone": "y"}, 5.0)],
        "whole": [({"zone": "x"}, 10.0), ({"zone": "z"}, 7.0)],
        "zero": [({"zone": "x"}, 0.0)],
        # The second one began again: 30 since then. The third one is gone, the fourth one is new.
        "grown": [({"pod": "a", "zone": "x"}, 70.0), ({"pod": "b", "zone": "x"}, 30.0), ({"pod": "d"}, 9.0)],
        "took_bucket": [({"le": "1"}, 60.0), ({"le": "2"}, 90.0), ({"le": "4"}, 90.0), ({"le": "+Inf"}, 120.0)],
    },
)


def of(**labels: str) -> Labels:
    return frozenset(labels.items())


EXPRESSIONS: list[tuple[str, dict[Labels, float]]] = [
    ('up{pod="a"}', {of(pod="a", zone="x"): 1.0}),
    ('up{zone="x", pod!="a"}', {of(pod="b", zone="x"): 3.0}),
    ('up{pod=~"b|c", zone!~"x"}', {of(pod="c", zone="y"): 5.0}),
    ('up{zone=~"."}', {of(pod="a", zone="x"): 1.0, of(pod="b", zone="x"): 3.0, of(pod="c", zone="y"): 5.0}),
    ('up{pod=~"xa|ax"}', {}),
    ('up{team!="a", pod="c"}', {of(pod="c", zone="y"): 5.0}),
    ('up{team="a"}', {}),
    ("down{}", {}),
    ("max(up{})", {of(): 5.0}),
    ("max(down{})", {}),
    ("min(up{})", {of(): 1.0}),
    ("count(up{})", {of(): 3.0}),
    ("max by (zone) (up{})", {of(zone="x"): 3.0, of(zone="y"): 5.0}),
    ("sum by (zone) (up{})", {of(zone="x"): 4.0, of(zone="y"): 5.0}),
    ("count by (zone) (up{})", {of(zone="x"): 2.0, of(zone="y"): 1.0}),
    ("sum by (zone) (up{}) / max by (zone) (whole{})", {of(zone="x"): 0.4}),
    ("max by (zone) (whole{}) - max by (zone) (up{})", {of(zone="x"): 7.0}),
    ("max by (zone) (up{}) / max by (zone) (zero{})", {of(zone="x"): math.inf}),
    ("max(whole{}) / 4", {of(): 2.5}),
    ("time() - max(up{})", {of(): 55.0}),
    ("max(up{}) - time() < -54", {of(): -55.0}),
    ("max by (zone) (up{}) > 3", {of(zone="y"): 5.0}),
    ("max by (zone) (up{}) == 3", {of(zone="x"): 3.0}),
    ("up{} and on (zone) whole{}", {of(pod="a", zone="x"): 1.0, of(pod="b", zone="x"): 3.0}),
    ("up{} and on (zone, pod) whole{}", {}),
    ("sum(up{} and on (zone) whole{})", {of(): 4.0}),
    ("absent(down{})", {of(): 1.0}),
    ("absent(up{})", {}),
    ("rate(grown{}[1m])", {of(pod="a", zone="x"): 1.0, of(pod="b", zone="x"): 0.5}),
    ("sum(rate(grown{}[1m]))", {of(): 1.5}),
    ("rate(grown{}[30s])", {}),
    ("increase(grown{}[1m])", {of(pod="a", zone="x"): 60.0, of(pod="b", zone="x"): 30.0}),
    ("histogram_quantile(0.25, rate(took_bucket{}[1m]))", {of(): 0.5}),
    ("histogram_quantile(0.625, sum by (le) (rate(took_bucket{}[1m])))", {of(): 1.5}),
    ("histogram_quantile(0.99, rate(took_bucket{}[1m]))", {of(): 4.0}),
    ("histogram_quantile(0.99, rate(down{}[1m]))", {}),
]


@pytest.mark.parametrize(("expression", "expected"), EXPRESSIONS)
def test_expressions(expression: str, expected: dict[Labels, float]) -> None:
    assert evaluated(expression, BEFORE, AFTER) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("expression", "scrape"),
    [
        ("histogram_quantile(0.5, took_bucket{})", BEFORE),
        ('histogram_quantile(0.5, took_bucket{le!="+Inf"})', AFTER),
        ("max(zero{}) / max(zero{})", AFTER),
    ],
)
def test_no_number(expression: str, scrape: Scrape) -> None:
    """Without observations, without a bucket that has all of them, and for 0 / 0."""
    assert [math.isnan(value) for value in evaluated(expression, scrape).values()] == [True]


def test_one_scrape_has_no_rate() -> None:
    assert evaluated("rate(up{}[1m])", AFTER) == {}


@pytest.mark.parametrize(
    "expression",
    [
        "max(up{}",
        "up{} up{}",
        "rate(up{})",
        "max by zone (up{})",
        "up{} offset 5m",
        "topk(1, up{})",
        "avg(up{})",
        "sum without (zone) (up{})",
        "up{} + 1",
        "up{} and whole{}",
        "up{} and ignoring (pod) whole{}",
        "up{} / on (zone) whole{}",
        "up{} > up{}",
        "up{} > bool 1",
        "delta(up{}[1m])",
        'absent(up{pod="a"})',
        "-up{}",
        "1",
    ],
)
def test_other_forms_are_refused(expression: str) -> None:
    with pytest.raises(Unsupported):
        evaluated(expression, BEFORE, AFTER)
