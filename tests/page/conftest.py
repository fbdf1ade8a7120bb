"""A demo, a dashboard of it, and a browser that has it open."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Final

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.commands.running import Ready, ready
from tests.page.address import Address
from tests.page.browser import Opened, browser, opened

STILL: Final = ("--nodes", "8", "--pods", "80", "--seed", "3", "--churn", "0", "--usage-interval", "0")


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


@pytest_asyncio.fixture(loop_scope="module")
async def page(chromium: Browser, address: Address) -> AsyncIterator[Opened]:
    """The overview, drawn."""
    async with opened(chromium, address.url) as seen:
        await expect(seen.page.get_by_role("status")).to_have_text("live")
        yield seen
        assert seen.hosts == {address.origin.removeprefix("http://")}
        assert seen.errors == []
