"""The Textual application of `kubesum top`: passes keys to the browser, and draws the screen.

Changes of the cluster are drawn at most every FRAME_S; keys are drawn at once.
"""

import asyncio
import os
from collections.abc import Callable
from typing import ClassVar, Final

from rich.traceback import Traceback
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

from kubesum.clients.model.browser import Browser, Connection
from kubesum.clients.model.informer import Informer
from kubesum.clients.model.views import Scope
from kubesum.clients.terminal import palette
from kubesum.clients.terminal.canvas import Canvas
from kubesum.clients.terminal.keys import press
from kubesum.clients.terminal.screen import screen
from kubesum.kube.client import Upstream

FRAME_S: Final = 0.25
"""The least time between two drawings of changes."""
AGES_S: Final = 1.0
"""How often ages are drawn again."""


class Dashboard(App[None]):
    """The application: one canvas, and the browser that it shows."""

    CSS = f"Screen {{ background: {palette.GROUND}; }}"
    ENABLE_COMMAND_PALETTE = False
    # Textual binds ctrl+c to a hint; it must quit, also while a prompt is open.
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "quit", priority=True)]

    def __init__(self, upstream: Upstream, scope: Scope, context: str, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since 1970."""
        has_colours = "NO_COLOR" not in os.environ
        # With NO_COLOR, Textual converts colours to shades of grey unless ansi_color is set.
        super().__init__(ansi_color=not has_colours)
        self._upstream: Final = upstream
        self._connection: Final = Connection(context, upstream.host)
        self._first_scope: Final = scope
        self._clock: Final = clock
        self._canvas: Final = Canvas(has_colours, self._draw)

    def on_load(self) -> None:
        """Starts the first watches, before the terminal is ready."""
        self.browser = Browser(self._first_scope, self._connection, self._start_informer, self._clock)

    def compose(self) -> ComposeResult:
        """The one widget."""
        yield self._canvas

    def on_mount(self) -> None:
        """Starts drawing."""
        self.set_interval(AGES_S, self.browser.changed.set)
        self.run_worker(self._draw_changes(), group="drawing")

    def on_key(self, event: events.Key) -> None:
        """Does the key's action, or edits the prompt."""
        press(self.browser, event.key, event.character or "")
        event.stop()
        if self.browser.has_quit:
            self.exit()
        self._draw()

    def on_paste(self, event: events.Paste) -> None:
        """Adds pasted text to the prompt."""
        self.browser.type(event.text)
        self._draw()

    def _start_informer(self, informer: Informer) -> Callable[[], object]:
        return self.run_worker(informer.run(self._upstream), group="feeds").cancel

    async def _draw_changes(self) -> None:
        while True:
            await self.browser.changed.wait()
            self.browser.changed.clear()
            self._draw()
            await asyncio.sleep(FRAME_S)

    def _draw(self) -> None:
        size = self._canvas.size
        # It is empty before the first layout.
        if size:
            self._canvas.draw(screen(self.browser, size.width, size.height))

    def _fatal_error(self) -> None:
        # Textual's own prints the local variables of every frame, and some hold credentials.
        self.panic(Traceback(show_locals=False))
