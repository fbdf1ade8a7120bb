"""Ages as kubectl prints them, and how long they stay the same."""

import math
from datetime import UTC, datetime

import pytest

from kubesum.api.representations.table import Ages, AgeSpot, aged
from kubesum.vocabulary.duration import human_duration
from kubesum.vocabulary.resource import Ago

MINUTE, HOUR, DAY = 60, 3600, 86400
YEAR = 365 * DAY


@pytest.mark.parametrize(
    "age_s", [0.4, 59.5, 119.25, 599.5, 3599.5, 3 * HOUR + 0.5, 7 * DAY + 30, 30 * DAY, 3 * YEAR, 9 * YEAR]
)
def test_the_text_of_an_age_stays_the_same_until_valid_until(age_s: float) -> None:
    """The text is the same until just before that time, and another one at it."""
    ages = Ages(now=age_s)

    text = ages.text(Ago(datetime.fromtimestamp(0, UTC)))

    assert human_duration(ages.valid_until - 0.01) == human_duration(ages.valid_from) == text
    assert human_duration(ages.valid_until) != text
    assert ages.valid_from == 0.0 or human_duration(ages.valid_from - 0.01) != text


def test_the_shortest_time_counts_for_all_ages() -> None:
    ages = Ages(now=1_000_000.0)

    assert (ages.valid_from, ages.valid_until) == (-math.inf, math.inf)
    assert ages.text(Ago(None)) == "<unknown>"
    assert (ages.valid_from, ages.valid_until) == (-math.inf, math.inf)
    assert ages.text(Ago(datetime.fromtimestamp(1_000_000 - 5 * HOUR - 10, UTC))) == "5h"
    assert (ages.valid_from, ages.valid_until) == (999_990.0, 1_000_050.0)
    assert ages.text(Ago(datetime.fromtimestamp(1_000_000 - 90, UTC), "3 (", " ago)")) == "3 (90s ago)"
    assert (ages.valid_from, ages.valid_until) == (1_000_000.0, 1_000_001.0)


def test_ages_in_a_row_are_written_anew_in_their_places() -> None:
    content = b'{"cells":["a","3 (9s ago)",7,"83m"]}'
    spots = (AgeSpot(18, 2, 1_000.0), AgeSpot(30, 3, -4_000.0))

    later, moved = aged(content, spots, Ages(1_010.0))
    much_later, moved_again = aged(later, moved, Ages(1_000.0 + 3 * DAY))

    assert later == b'{"cells":["a","3 (10s ago)",7,"83m"]}'
    assert moved == (AgeSpot(18, 3, 1_000.0), AgeSpot(31, 3, -4_000.0))
    assert much_later == b'{"cells":["a","3 (3d ago)",7,"3d1h"]}'
    assert moved_again == (AgeSpot(18, 2, 1_000.0), AgeSpot(30, 4, -4_000.0))
    assert aged(content, spots, Ages(1_009.5)) == (content, spots)
