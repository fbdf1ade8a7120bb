"""A Textual widget that draws lines, and redraws only those that changed.

Textual's DataTable keeps state for each cell of all rows; this widget is given the lines of one screen, so its cost
does not depend on the size of the cluster.
"""

from collections.abc import Callable, Sequence
from typing import Final

from rich.segment import Segment
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from kubesum.clients.terminal import palette
from kubesum.clients.terminal.lines import Line, printable


class Canvas(Widget):
    """A widget that shows lines from its top on."""

    DEFAULT_CSS = "Canvas { width: 1fr; height: 1fr; }"

    def __init__(self, has_colours: bool, resized: Callable[[], None]) -> None:
        """`resized` is called when lines of another size are needed."""
        super().__init__()
        self._resized: Final = resized
        self._lines: Sequence[Line] = ()
        self._selection = palette.SELECTION if has_colours else palette.SELECTION_WITHOUT_COLOURS

    def draw(self, lines: Sequence[Line]) -> None:
        """Replaces the lines, and refreshes those that differ."""
        before, self._lines = self._lines, lines
        if len(before) != len(lines):
            self.refresh()
            return
        changed = [y for y, pair in enumerate(zip(before, lines, strict=True)) if pair[0] != pair[1]]
        if changed:
            self.refresh(*(Region(0, y, self.size.width, 1) for y in changed))

    def on_resize(self) -> None:
        """Requests lines of the new size."""
        self._resized()

    def render_line(self, y: int) -> Strip:
        """One line of the terminal."""
        width = self.size.width
        if y >= len(self._lines):
            return Strip.blank(width, palette.GROUNDED)
        line = self._lines[y]
        segments = [Segment(printable(text), palette.STYLES[role]) for text, role in line.spans if text]
        strip = Strip(segments).adjust_cell_length(width)
        return strip.apply_style(self._selection if line.selected else palette.GROUNDED)
