"""Ages as kubectl prints them, and how long they stay the same."""

import math
from datetime import UTC, datetime

import pytest

from kubesum.api.representations.table import Ages
from kubesum.vocabulary.duration import human_duration
from kubesum.vocabulary.resource import Ago

MINUTE, HOUR, DAY = 60, 3600, 86400
YEAR = 365 * DAY


@pytest.mark.parametrize(
    "age_s", [0.4, 59.5, 119.25, 599.5, 3599.5, 3 * HOUR + 0.5, 7 * DAY + 30, 30 * DAY, 3 * YEAR, 9 * YEAR]
)
def test_the_text_of_an_age_stays_the_same_for_stable_s(age_s: float) -> None:
    """The text is the same until just before that time, and another one at it."""
    ages = Ages(now=age_s)

    text = ages.text(Ago(datetime.fromtimestamp(0, UTC)))

    assert human_duration(age_s + ages.stable_s - 0.01) == text
    assert human_duration(age_s + ages.stable_s) != text


def test_the_shortest_time_counts_for_all_ages() -> None:
    ages = Ages(now=1_000_000.0)

    assert ages.stable_s == math.inf
    assert ages.text(Ago(None)) == "<unknown>"
    assert ages.stable_s == math.inf
    assert ages.text(Ago(datetime.fromtimestamp(1_000_000 - 5 * HOUR - 10, UTC))) == "5h"
    assert ages.stable_s == 50.0
    assert ages.text(Ago(datetime.fromtimestamp(1_000_000 - 90, UTC), "3 (", " ago)")) == "3 (90s ago)"
    assert ages.stable_s == 1.0
