"""A real browser that opens the page: the Chromium of the system, driven by Playwright."""

import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final, Literal
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright

BROWSERS: Final = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
HOW_TO: Final = "no browser is found: apt-get install chromium, or set KUBESUM_BROWSER to a Chromium"


def found_browser() -> str | None:
    """The path of a browser, None if there is none."""
    return os.environ.get("KUBESUM_BROWSER") or next(filter(None, map(shutil.which, BROWSERS)), None)


def flags() -> list[str]:
    """The flags that it needs: as root, as in containers, Chromium has no sandbox."""
    return ["--no-sandbox"] if os.geteuid() == 0 else []


def executable() -> str:
    """The path of a browser; skips the test without one, unless KUBESUM_BROWSER_REQUIRED says that there is one."""
    found = found_browser()
    if found is None:
        if os.environ.get("KUBESUM_BROWSER_REQUIRED"):
            pytest.fail(HOW_TO)
        pytest.skip(HOW_TO)
    return found


@dataclass
class Opened:
    """An open page, and what it did: the hosts that it asked, and the errors of its scripts."""

    page: Page
    hosts: set[str] = field(default_factory=set)
    errors: list[str] = field(default_factory=list)

    async def text(self, selector: str) -> str:
        """The text of the first element, once it is there."""
        return await self.page.locator(selector).first.inner_text()


@asynccontextmanager
async def browser() -> AsyncIterator[Browser]:
    """A browser without a window."""
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=executable(), args=flags())
        try:
            yield started
        finally:
            await started.close()


@asynccontextmanager
async def opened(
    started: Browser, url: str, *, width: int = 1280, scheme: Literal["dark", "light"] = "dark"
) -> AsyncIterator[Opened]:
    """A page in a session of its own, at an address."""
    context = await started.new_context(color_scheme=scheme, viewport={"width": width, "height": 800})
    try:
        async with another_page(context, url) as seen:
            yield seen
    finally:
        await context.close()


@asynccontextmanager
async def another_page(context: BrowserContext, url: str) -> AsyncIterator[Opened]:
    """A page in a session that there is; fails if it has asked any host but its own."""
    page = await context.new_page()
    seen = Opened(page)
    page.on("request", lambda request: seen.hosts.add(urlsplit(request.url).netloc))
    page.on("websocket", lambda socket: seen.hosts.add(urlsplit(socket.url).netloc))
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("console", _keeping(seen))
    try:
        await page.goto(url)
        yield seen
    finally:
        await page.close()
    assert seen.hosts == {urlsplit(url).netloc}


def _keeping(seen: Opened) -> Callable[..., None]:
    return lambda message: seen.errors.append(message.text) if message.type == "error" else None
