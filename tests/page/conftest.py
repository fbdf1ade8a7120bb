"""A demo, a dashboard of it, and a browser that has it open."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, expect

from tests.commands.running import Ready, ready
from tests.hanging import HANGS_AFTER_S
from tests.page.address import Address
from tests.page.browser import Opened, another_page, browser

expect.set_options(timeout=HANGS_AFTER_S * 1000)

STILL: Final = ("--nodes", "8", "--pods", "80", "--seed", "3", "--churn", "0", "--usage-interval", "0")


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that has exchanged the token of a dashboard for its cookie."""

    context: BrowserContext
    origin: str


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    """A demo whose cluster changes only when a test changes it."""
    async with ready(tmp_path_factory.mktemp("demo"), "demo", *STILL) as demo:
        yield demo


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """A browser."""
    async with browser() as started:
        yield started


@pytest_asyncio.fixture(loop_scope="module")
async def address(demo: Ready, tmp_path: Path) -> AsyncIterator[Address]:
    """A dashboard of the demo, whose token is not used yet."""
    flags = ("--no-browser", "--kubeconfig", str(demo.kubeconfig))
    async with ready(tmp_path, "dashboard", *flags) as dashboard:
        yield Address(dashboard.line.removeprefix("dashboard: "))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def session(demo: Ready, chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Session]:
    """A browser's session with a dashboard of the demo, for all tests of a module."""
    flags = ("--no-browser", "--kubeconfig", str(demo.kubeconfig))
    async with ready(tmp_path_factory.mktemp("dashboard"), "dashboard", *flags) as dashboard:
        address = Address(dashboard.line.removeprefix("dashboard: "))
        context = await chromium.new_context(color_scheme="dark", viewport={"width": 1280, "height": 800})
        async with another_page(context, address.url) as seen:
            await expect(seen.page.get_by_role("status")).to_have_text("live")
        yield Session(context, address.origin)
        await context.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(session: Session) -> AsyncIterator[Opened]:
    """The overview, drawn, in a page of its own; fails if its scripts report an error."""
    async with another_page(session.context, session.origin) as seen:
        await expect(seen.page.get_by_role("status")).to_have_text("live")
        yield seen
        assert seen.errors == []
