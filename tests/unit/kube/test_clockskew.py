"""How far the clock is from that of the API server, by the Date of its responses."""

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesum.kube.client import Upstream
from kubesum.kube.clockskew import clock_skew_s, observe_clock_skew
from kubesum.operations.metrics import CLOCK_SKEW
from tests.unit.kube.scriptedserver import Script, body

HOUR_S = 3600


def shown() -> float:
    (metric,) = CLOCK_SKEW.collect()
    return metric.samples[0].value


@given(
    at=st.floats(1e9, 2e9),
    ahead_s=st.floats(-HOUR_S, HOUR_S),
    there_s=st.floats(0, 0.5),
    back_s=st.floats(0, 0.5),
)
def test_the_skew_is_within_what_can_be_known(at: float, ahead_s: float, there_s: float, back_s: float) -> None:
    """Never beyond the true one, and short of it by less than the second of the Date and the way there and back."""
    written = at + there_s
    found = clock_skew_s(int(written), at + ahead_s, written + back_s + ahead_s)

    assert abs(found) <= abs(ahead_s) + 1e-6
    assert found * ahead_s >= 0
    assert abs(ahead_s - found) <= 1 + there_s + back_s + 1e-6


@pytest.mark.parametrize("ahead_s", [-HOUR_S, 0, HOUR_S])
async def test_a_response_shows_the_skew(script: Script, upstream: Upstream, ahead_s: int) -> None:
    date = formatdate(time.time() - ahead_s, usegmt=True)
    script.answers = [body(b"{}", headers=f"Date: {date}\r\n")]

    await upstream.get("/api", {})

    assert shown() == pytest.approx(ahead_s, abs=2)
    assert (shown() == 0) == (ahead_s == 0)


@pytest.mark.parametrize(
    "date", ["", "now", "Sun, 99 Nov 2026 01:00:00 GMT", "Sun, 29 Nov 99999999999 01:00:00 GMT", "Sun, 29 Nov 0001"]
)
def test_a_date_that_is_none_shows_nothing(date: str) -> None:
    CLOCK_SKEW.set(7)

    observe_clock_skew(date, 0)

    assert shown() == 7


def test_a_response_that_took_long_shows_nothing() -> None:
    CLOCK_SKEW.set(7)

    observe_clock_skew(formatdate(time.time(), usegmt=True), 2)

    assert shown() == 7
