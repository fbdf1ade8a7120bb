"""Draws docs/dashboard.png, the picture of the page in the README: `make picture`.

The real page in a real browser, in front of the simulated cluster in its initial state.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import Final

from playwright.async_api import expect

from tests.commands.running import ROOT, ready
from tests.page.address import printed_address
from tests.page.browser import browser, opened

PICTURE: Final = ROOT / "docs" / "dashboard.png"
STILL: Final = ("--nodes", "120", "--pods", "2400", "--churn", "0")
SETTLED_MS: Final = 1_000
"""Until bars have their lengths and the treemap is drawn."""


async def draw(home: Path) -> None:
    """Writes the picture."""
    async with ready(home, "demo", *STILL) as demo:
        address = await printed_address(demo)
        async with browser() as started, opened(started, address.url) as seen:
            await expect(seen.page.get_by_role("status")).to_have_text("live")
            await expect(seen.page.get_by_role("heading", name="Pods by problem")).to_be_visible()
            await seen.page.wait_for_timeout(SETTLED_MS)
            await seen.page.screenshot(path=PICTURE)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(draw(Path(directory)))
