"""What is drawn, as text with roles: a line is a row of spans, and a role says what a span is, not how it looks.

The whole screen is a list of lines, a pure function of what is known; only the canvas turns roles into colours.
"""

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final, NamedTuple

from kubesum.clients.model.cells import Tone

CUT: Final = "…"
_CONTROLS: Final = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), "?")


class Role(Enum):
    """What a span is."""

    PLAIN = auto()
    FAINT = auto()
    STRONG = auto()
    HEADING = auto()
    CHOSEN = auto()
    GOOD = auto()
    IDLE = auto()
    WARNING = auto()
    BAD = auto()
    USED = auto()
    OVERUSED = auto()
    REQUESTED = auto()
    LIMIT = auto()
    FREE = auto()
    CURSOR = auto()


TONES: Final = {
    None: Role.PLAIN,
    Tone.GOOD: Role.GOOD,
    Tone.IDLE: Role.IDLE,
    Tone.WARNING: Role.WARNING,
    Tone.BAD: Role.BAD,
}


class Span(NamedTuple):
    """Some text of one role."""

    text: str
    role: Role = Role.PLAIN


class Line(NamedTuple):
    """One line of the screen; a selected one stands out as a whole."""

    spans: tuple[Span, ...] = ()
    selected: bool = False

    @property
    def text(self) -> str:
        """The line without roles."""
        return "".join(span.text for span in self.spans)


def printable(text: str) -> str:
    """The text with a question mark for each control character, which a terminal would obey."""
    return text.translate(_CONTROLS)


def fitted(text: str, width: int, right: bool = False) -> str:
    """A text in exactly `width` cells, cut with an ellipsis or filled up with blanks."""
    if len(text) > width:
        return text[: width - 1] + CUT if width > 0 else ""
    return text.rjust(width) if right else text.ljust(width)


def parted(left: Iterable[Span], right: Iterable[Span], width: int) -> Line:
    """A line with one part at its left end and one at its right end; the left one is cut where they meet."""
    rest = tuple(right)
    room = max(0, width - sum(len(span.text) for span in rest))
    return Line((*filled(left, room), *rest))


def filled(spans: Iterable[Span], width: int) -> tuple[Span, ...]:
    """The spans in exactly `width` cells."""
    kept: list[Span] = []
    room = width
    for span in spans:
        if len(span.text) > room:
            # Blanks at the end are not missed: they need no ellipsis.
            kept.append(Span(fitted(span.text.rstrip(), room), span.role))
            return tuple(kept)
        kept.append(span)
        room -= len(span.text)
    return (*kept, Span(" " * room))
