"""Lines of text with roles: a line is a sequence of spans, and a role says what a span means, not how it looks.

The screen is a list of lines; only the canvas turns roles into colours.
"""

from collections.abc import Iterable
from enum import Enum, auto
from typing import Final, NamedTuple

from kubesum.clients.model.cells import Tone

CUT: Final = "…"
_CONTROLS: Final = dict.fromkeys((*range(0x20), *range(0x7F, 0xA0)), "?")


class Role(Enum):
    """What a span means."""

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
    """Text of one role."""

    text: str
    role: Role = Role.PLAIN


class Line(NamedTuple):
    """One line of the screen; a selected one has another background."""

    spans: tuple[Span, ...] = ()
    selected: bool = False

    @property
    def text(self) -> str:
        """The line without roles."""
        return "".join(span.text for span in self.spans)


def printable(text: str) -> str:
    """The text with control characters, which a terminal would obey, replaced by question marks."""
    return text.translate(_CONTROLS)


def fit(text: str, width: int, right: bool = False) -> str:
    """A text of exactly `width` characters, cut with an ellipsis or padded with blanks."""
    if len(text) > width:
        return text[: width - 1] + CUT if width > 0 else ""
    return text.rjust(width) if right else text.ljust(width)


def justified(left: Iterable[Span], right: Iterable[Span], width: int) -> Line:
    """A line with spans at its left and right end; the left ones are cut if there is no room for all."""
    rest = tuple(right)
    room = max(0, width - sum(len(span.text) for span in rest))
    return Line((*padded(left, room), *rest))


def padded(spans: Iterable[Span], width: int) -> tuple[Span, ...]:
    """The spans in exactly `width` characters, cut or padded."""
    kept: list[Span] = []
    room = width
    for span in spans:
        if len(span.text) > room:
            # No ellipsis for blanks that are cut.
            kept.append(Span(fit(span.text.rstrip(), room), span.role))
            return tuple(kept)
        kept.append(span)
        room -= len(span.text)
    return (*kept, Span(" " * room))
