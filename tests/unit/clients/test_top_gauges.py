"""Bars are read without colour: each part has its glyph."""

import pytest

from kubesum.clients.model.cells import Gauge
from kubesum.clients.terminal.gauges import bar
from kubesum.clients.terminal.lines import Role, Span


def drawn(requested: int | None, limited: int | None, used: int | None, width: int = 10) -> str:
    """A bar as text."""
    return "".join(span.text for span in bar(Gauge(requested, limited, used), width))


@pytest.mark.parametrize(
    ("requested", "limited", "used", "expected"),
    [
        (60, None, 30, "■■■□□□····"),
        (60, None, None, "□□□□□□····"),
        (60, 80, 30, "■■■□□□·│··"),
        (60, 50, 30, "■■■□│□····"),
        (60, 100, 30, "■■■□□□···│"),
        (60, 101, 30, "■■■□□□···»"),
        (60, 1281, 30, "■■■□□□···»"),
        (30, None, 60, "■■■+++····"),
        (0, None, 20, "++········"),
        (100, None, 100, "■■■■■■■■■■"),
        (150, None, 130, "■■■■■■■■■■"),
        (1, None, 1, "■·········"),
        (None, None, None, "··········"),
        (-5, -5, -5, "··········"),
        (14, None, 0, "□·········"),
        (15, None, 0, "□□········"),
    ],
)
def test_parts_of_a_bar(requested: int | None, limited: int | None, used: int | None, expected: str) -> None:
    assert drawn(requested, limited, used) == expected


def test_a_bar_has_the_given_width() -> None:
    assert drawn(50, 75, 25, width=4) == "■□│·"
    assert drawn(50, 75, 25, width=20) == "■■■■■□□□□□····│·····"


def test_each_part_has_its_role() -> None:
    assert bar(Gauge(50, 80, 30), 10) == (
        Span("■■■", Role.USED),
        Span("□□", Role.REQUESTED),
        Span("··", Role.FREE),
        Span("│", Role.LIMIT),
        Span("··", Role.FREE),
    )


def test_a_full_bar_keeps_its_width_when_limits_exceed_it() -> None:
    assert drawn(100, 300, 100) == "■■■■■■■■■»"
