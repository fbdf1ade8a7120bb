"""Ages as kubectl prints them, and how long they stay true."""

import math
from datetime import UTC, datetime

import pytest

from kubesum.api.representations.table import Ages, human_duration
from kubesum.vocabulary.resource import Ago

MINUTE, HOUR, DAY = 60, 3600, 86400
YEAR = 365 * DAY


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-2, "<invalid>"),
        (-1.9, "0s"),
        (-1, "0s"),
        (0, "0s"),
        (1.9, "1s"),
        (119, "119s"),
        (120, "2m"),
        (121, "2m1s"),
        (9 * MINUTE + 59, "9m59s"),
        (10 * MINUTE, "10m"),
        (10 * MINUTE + 59, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + MINUTE, "3h1m"),
        (8 * HOUR - 1, "7h59m"),
        (8 * HOUR, "8h"),
        (48 * HOUR - 1, "47h"),
        (48 * HOUR, "2d"),
        (49 * HOUR, "2d1h"),
        (8 * DAY - 1, "7d23h"),
        (8 * DAY, "8d"),
        (2 * YEAR - 1, "729d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + DAY, "2y1d"),
        (8 * YEAR - 1, "7y364d"),
        (8 * YEAR, "8y"),
        (9 * YEAR + 200 * DAY, "9y"),
    ],
)
def test_an_age_has_at_most_two_units(seconds: float, text: str) -> None:
    assert human_duration(seconds) == text


@pytest.mark.parametrize(
    "age_s", [0.4, 59.5, 119.25, 599.5, 3599.5, 3 * HOUR + 0.5, 7 * DAY + 30, 30 * DAY, 3 * YEAR, 9 * YEAR]
)
def test_a_text_stays_true_for_as_long_as_it_says(age_s: float) -> None:
    """The text is the same until just before the moment told, and another one at it."""
    ages = Ages(now=age_s)

    text = ages.text(Ago(datetime.fromtimestamp(0, UTC)))

    assert human_duration(age_s + ages.stable_s - 0.01) == text
    assert human_duration(age_s + ages.stable_s) != text


def test_the_youngest_age_decides_how_long_all_stay_true() -> None:
    ages = Ages(now=1_000_000.0)

    assert ages.stable_s == math.inf
    assert ages.text(Ago(None)) == "<unknown>"
    assert ages.stable_s == math.inf
    assert ages.text(Ago(datetime.fromtimestamp(1_000_000 - 5 * HOUR - 10, UTC))) == "5h"
    assert ages.stable_s == 50.0
    assert ages.text(Ago(datetime.fromtimestamp(1_000_000 - 90, UTC), "3 (", " ago)")) == "3 (90s ago)"
    assert ages.stable_s == 1.0
