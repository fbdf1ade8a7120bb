"""Draws docs/top.svg, the picture of `kubesum top` in the README: `make picture`.

It shows the real dashboard, without a terminal, in front of the simulated cluster in its initial state. The clock is
stopped at the time that this state was made for, so that the same code makes the same picture. The picture loads
nothing from other servers.
"""

import asyncio
import re
import tempfile
import time
from pathlib import Path
from typing import Final

from textual.pilot import Pilot

from kubesum.clients.model.views import BY_NAME, Scope
from kubesum.clients.terminal.dashboard import Dashboard
from kubesum.kube.client import connect
from kubesum.kube.credentials import chosen_context, kubeconfig
from tests.commands.running import ROOT, ready

PICTURE: Final = ROOT / "docs" / "top.svg"
STILL: Final = ("--churn", "0")
SIZE: Final = (108, 30)
KEYS: Final = ("s", "s", "s", *("down",) * 4)
"""Sorts by cpu, and selects a row."""
AGE_S: Final = 100 * 24 * 3600.0
"""The age of the simulated cluster when it starts."""
WITHIN_S: Final = 20.0

_FONT_FACES: Final = re.compile(r"\s*@font-face \{.*?\}", re.DOTALL)
_FONTS: Final = "ui-monospace, Menlo, Consolas, DejaVu Sans Mono, monospace"


async def picture(home: Path) -> str:
    """The SVG of the nodes of a new demo."""
    async with (
        ready(home, "demo", *STILL) as demo,
        await connect(kubeconfig(demo.kubeconfig, None)) as upstream,
    ):
        clock = Clock(time.time())
        context = chosen_context(demo.kubeconfig, None).name
        dashboard = Dashboard(upstream, Scope(BY_NAME["nodes"]), context, clock)
        async with dashboard.run_test(size=SIZE) as pilot:
            clock.now = await creation_time(dashboard, pilot) + AGE_S
            await pilot.press(*KEYS)
            return without_downloads(dashboard.export_screenshot(title="kubesum top", simplify=True))


class Clock:
    """A clock that is stopped."""

    def __init__(self, now: float) -> None:
        self.now = now

    def __call__(self) -> float:
        """The moment, in seconds since 1970."""
        return self.now


async def creation_time(dashboard: Dashboard, pilot: Pilot[None]) -> float:
    """When the cluster was created, in seconds since 1970; returns once everything is listed."""
    async with asyncio.timeout(WITHIN_S):
        while not (dashboard.browser.table.informer.has_synced and dashboard.browser.cluster):
            await pilot.pause()
    cluster = dashboard.browser.cluster
    assert cluster is not None
    assert cluster.metadata.creation_timestamp is not None
    return cluster.metadata.creation_timestamp.timestamp()


def without_downloads(svg: str) -> str:
    """The picture with local fonts in place of those that Rich would download."""
    return _FONT_FACES.sub("", svg).replace("Fira Code, monospace", _FONTS)


def main() -> None:
    """Writes the picture."""
    with tempfile.TemporaryDirectory(prefix="kubesum-picture-") as home:
        PICTURE.write_text(asyncio.run(picture(Path(home))))


if __name__ == "__main__":
    main()
