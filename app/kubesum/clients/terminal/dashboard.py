"""The dashboard: keys in, lines out, on a terminal that Textual drives.

Knows how, not what: what is looked at is the browser's, what it looks like is the screen's. News of the cluster
is drawn when it comes, but only a few times a second; keys are drawn at once.
"""

import asyncio
import os
from collections.abc import Callable
from typing import ClassVar, Final

from rich.traceback import Traceback
from textual import events
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType

from kubesum.clients.model.browser import Browser, Server
from kubesum.clients.model.informer import Feed
from kubesum.clients.model.views import Scope
from kubesum.clients.terminal import palette
from kubesum.clients.terminal.canvas import Canvas
from kubesum.clients.terminal.keys import press
from kubesum.clients.terminal.screen import screen
from kubesum.kube.client import Upstream

FRAME_S: Final = 0.25
"""The least time between two drawings of news."""
AGES_S: Final = 1.0
"""Ages are drawn anew as often."""


class Dashboard(App[None]):
    """The application that a person sees."""

    CSS = f"Screen {{ background: {palette.GROUND}; }}"
    ENABLE_COMMAND_PALETTE = False
    # The only key that is no part of an answer, and which Textual would take for another.
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "quit", priority=True)]

    def __init__(self, upstream: Upstream, scope: Scope, context: str, clock: Callable[[], float]) -> None:
        """`clock` gives seconds since 1970."""
        has_colours = "NO_COLOR" not in os.environ
        # Textual replaces colours by shades of grey, unless it is told that the terminal's own will do.
        super().__init__(ansi_color=not has_colours)
        self._upstream: Final = upstream
        self._server: Final = Server(context, upstream.host)
        self._first_scope: Final = scope
        self._clock: Final = clock
        self._canvas: Final = Canvas(has_colours, self._draw)

    def on_load(self) -> None:
        """Begins to watch, before there is anything to draw on."""
        self.browser = Browser(self._first_scope, self._server, self._follow, self._clock)

    def compose(self) -> ComposeResult:
        """The one widget."""
        yield self._canvas

    def on_mount(self) -> None:
        """Begins to draw."""
        self.set_interval(AGES_S, self.browser.changed.set)
        self.run_worker(self._draw_news(), group="drawing")

    def on_key(self, event: events.Key) -> None:
        """Does what the key stands for, or takes it for a part of an answer."""
        press(self.browser, event.key, event.character or "")
        event.stop()
        if self.browser.is_over:
            self.exit()
        self._draw()

    def on_paste(self, event: events.Paste) -> None:
        """Takes what is pasted for a part of an answer."""
        self.browser.type(event.text)
        self._draw()

    def _follow(self, feed: Feed) -> Callable[[], object]:
        return self.run_worker(feed.follow(self._upstream), group="feeds").cancel

    async def _draw_news(self) -> None:
        while True:
            await self.browser.changed.wait()
            self.browser.changed.clear()
            self._draw()
            await asyncio.sleep(FRAME_S)

    def _draw(self) -> None:
        size = self._canvas.size
        # It has none before it is laid out for the first time.
        if size:
            self._canvas.draw(screen(self.browser, size.width, size.height))

    def _fatal_error(self) -> None:
        # Textual's own shows the local variables of every frame, and some hold credentials.
        self.panic(Traceback(show_locals=False))
