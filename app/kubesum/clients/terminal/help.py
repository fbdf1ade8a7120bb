"""The help: keys, marks and bars."""

from collections.abc import Iterator
from typing import Final

from kubesum.clients.model.cells import Gauge, Tone
from kubesum.clients.terminal.gauges import BEYOND, GLYPHS, bar
from kubesum.clients.terminal.keys import KEYS
from kubesum.clients.terminal.lines import TONES, Line, Role, Span, padded

_MARKS: Final = {Tone.GOOD: "good", Tone.WARNING: "warning", Tone.BAD: "bad", Tone.IDLE: "idle"}
_EXAMPLE: Final = Gauge(60, 85, 35)
_EXAMPLE_CELLS: Final = 20


def help_lines(width: int) -> list[Line]:
    """The lines of the help, each `width` characters long."""
    return [Line(padded(spans, width)) for spans in _lines()]


def _lines() -> Iterator[tuple[Span, ...]]:
    yield (Span("kubesum top", Role.HEADING), Span("  Esc closes this help", Role.FAINT))
    for key in KEYS:
        yield (Span(f"{key.label:>10}  ", Role.STRONG), Span(key.description))
    marks = (Span(f"{tone.value} {meaning}   ", TONES[tone]) for tone, meaning in _MARKS.items())
    yield (Span("     marks  ", Role.STRONG), *marks)
    yield (Span("      bars  ", Role.STRONG), *bar(_EXAMPLE, _EXAMPLE_CELLS), Span("  of what is allocatable"))
    glyphs = (
        (GLYPHS[Role.USED], Role.USED, "used"),
        (GLYPHS[Role.OVERUSED], Role.OVERUSED, "used, not requested"),
        (GLYPHS[Role.REQUESTED], Role.REQUESTED, "requested"),
        (GLYPHS[Role.LIMIT], Role.LIMIT, "limits"),
        (BEYOND, Role.LIMIT, "beyond"),
    )
    yield (Span(" " * 12), *(part for glyph in glyphs for part in _glyph(*glyph)))


def _glyph(glyph: str, role: Role, meaning: str) -> tuple[Span, Span]:
    return Span(f"{glyph} ", role), Span(f"{meaning}  ", Role.FAINT)
