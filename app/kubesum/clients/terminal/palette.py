"""The styles of roles, in the colours of Okabe and Ito, which colour-blind people can distinguish.

Nothing is shown by colour alone, so a terminal without colours loses nothing.
Okabe and Ito, Color Universal Design (2008).
"""

from typing import Final

from rich.style import Style

from kubesum.clients.terminal.lines import Role

GROUND: Final = "#11151a"
TEXT: Final = "#d5dbe1"
FAINT: Final = "#87919c"
SELECTED: Final = "#26435c"

_ORANGE: Final = "#e69f00"
_SKY: Final = "#56b4e9"
_GREEN: Final = "#009e73"
_VERMILLION: Final = "#d55e00"
_PURPLE: Final = "#cc79a7"

STYLES: Final = {
    Role.PLAIN: Style(color=TEXT),
    Role.FAINT: Style(color=FAINT),
    Role.STRONG: Style(color=TEXT, bold=True),
    Role.HEADING: Style(color=_SKY, bold=True),
    Role.CHOSEN: Style(color=_ORANGE, bold=True),
    Role.GOOD: Style(color=_GREEN),
    Role.IDLE: Style(color=FAINT),
    Role.WARNING: Style(color=_ORANGE),
    Role.BAD: Style(color=_VERMILLION, bold=True),
    Role.USED: Style(color=_SKY),
    Role.OVERUSED: Style(color=_ORANGE),
    Role.REQUESTED: Style(color=_SKY),
    Role.LIMIT: Style(color=_PURPLE, bold=True),
    Role.FREE: Style(color="#4a545e"),
    Role.CURSOR: Style(reverse=True),
}
GROUNDED: Final = Style(color=TEXT, bgcolor=GROUND)
SELECTION: Final = Style(bgcolor=SELECTED, bold=True)
SELECTION_WITHOUT_COLOURS: Final = Style(reverse=True)
