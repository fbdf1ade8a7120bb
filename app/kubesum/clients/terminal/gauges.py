"""Gauges as bars, readable without colours.

■■■■□□□□□··│··    used, requested but not used, free; limits
■■■■■■++······    used beyond what is requested
□□□□□□□······»    no usage known; limits exceed what is allocatable
"""

from itertools import groupby
from typing import Final

from kubesum.clients.model.cells import FULL_PERCENT, Gauge
from kubesum.clients.terminal.lines import Role, Span

GLYPHS: Final = {
    Role.USED: "■",
    Role.OVERUSED: "+",
    Role.REQUESTED: "□",
    Role.FREE: "·",
    Role.LIMIT: "│",
}
BEYOND: Final = "»"
"""The last cell of a bar whose limits exceed 100 %."""


def bar(gauge: Gauge, width: int) -> tuple[Span, ...]:
    """A gauge drawn in `width` cells."""
    used, requested = _filled(gauge.used, width), _filled(gauge.requested, width)
    cells = [_part(cell, used, requested) for cell in range(width)]
    limit = _filled(gauge.limited, width)
    if limit:
        cells[limit - 1] = Role.LIMIT
    spans = (Span("".join(GLYPHS[role] for role in run), role) for role, run in groupby(cells))
    if gauge.limited is not None and gauge.limited > FULL_PERCENT:
        return (*tuple(spans)[:-1], Span(BEYOND, Role.LIMIT))
    return tuple(spans)


def _filled(share: int | None, width: int) -> int:
    """How many cells a share fills: rounded, at least one unless it is 0."""
    if not share or share < 0:
        return 0
    return min(width, max(1, (share * width + FULL_PERCENT // 2) // FULL_PERCENT))


def _part(cell: int, used: int, requested: int) -> Role:
    if cell < used:
        return Role.USED if cell < requested else Role.OVERUSED
    return Role.REQUESTED if cell < requested else Role.FREE
