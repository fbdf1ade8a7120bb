"""Pages of other origins in the browser that has the session: they read nothing of this one, whatever they try."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

from tests.page.address import LISTS
from tests.page.conftest import Session

pytestmark = pytest.mark.asyncio(loop_scope="module")

ATTEMPTS = """
async ([origin, path]) => {
  const outcome = (promise) => promise.then((response) => response.type, () => "refused");
  const loaded = (tag, url) => new Promise((resolve) => {
    const element = document.createElement(tag);
    element.onload = () => resolve("loaded");
    element.onerror = () => resolve("refused");
    element.src = url;
    document.body.append(element);
  });
  const streamed = new Promise((resolve) => {
    const socket = new WebSocket(`${origin.replace("http", "ws")}${path}?watch=true`);
    socket.onopen = () => resolve("opened");
    socket.onerror = () => resolve("refused");
  });
  return {
    read: await outcome(fetch(`${origin}${path}`, { credentials: "include" })),
    readViews: await outcome(fetch(`${origin}/views.json`, { credentials: "include" })),
    send: await outcome(fetch(`${origin}${path}`, { method: "POST", body: "{}", credentials: "include" })),
    blindly: await outcome(fetch(`${origin}${path}`, { mode: "no-cors", credentials: "include" })),
    script: await loaded("script", `${origin}/static/live.js`),
    image: await loaded("img", `${origin}/static/icon.svg`),
    streamed: await streamed,
  };
}
"""


@asynccontextmanager
async def other_site() -> AsyncIterator[int]:
    """The port of a server with an empty page."""
    app = web.Application()

    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<!doctype html><title>other</title><body></body>", content_type="text/html")

    app.router.add_get("/", page)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield int(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_page_of_another_origin_reads_nothing(session: Session, host: str) -> None:
    """That of 127.0.0.1 is the same site, so that the browser sends it the cookie."""
    async with other_site() as port:
        page = await session.context.new_page()
        await page.goto(f"http://{host}:{port}/")
        found = await page.evaluate(ATTEMPTS, [session.origin, f"{LISTS}/nodesummaries"])
        await page.close()

    assert found == {
        "read": "refused",
        "readViews": "refused",
        "send": "refused",
        "blindly": "refused",
        "script": "refused",
        "image": "refused",
        "streamed": "refused",
    }


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_a_page_of_another_origin_cannot_frame_it(session: Session, host: str) -> None:
    async with other_site() as port:
        page = await session.context.new_page()
        await page.goto(f"http://{host}:{port}/")
        await page.evaluate(
            """(url) => new Promise((resolve) => {
              const frame = document.createElement("iframe");
              frame.onload = resolve;
              frame.src = url;
              document.body.append(frame);
            })""",
            session.origin,
        )
        frame = page.frames[1]
        shown = await frame.evaluate("document.getElementById('page') !== null")
        await page.close()

    assert not shown
