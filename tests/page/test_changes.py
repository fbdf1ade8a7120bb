"""The open page while the cluster changes: a pod that begins to crash is red, and what the page keeps is bounded."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, expect

from tests.commands.running import Ready, ready
from tests.page.address import printed_address
from tests.page.browser import Opened, opened
from tests.page.conftest import Session
from tests.page.crashes import REASON, crashing, patch

pytestmark = pytest.mark.asyncio(loop_scope="module")

BUSY = ("--nodes", "300", "--pods", "1500", "--churn", "300")
BAD = "rgb(242, 121, 58)"
"""The colour of what is bad, in the dark theme."""
# Resolves after so many more versions of the rows of nodes, with references to all rows that there were meanwhile.
CHANGES = """
async (changes) => {
  const { collection, onChange } = await import("/static/live.js");
  const { views } = await (await fetch("/views.json")).json();
  const nodes = collection(views.find(({ name }) => name === "nodes").resource);
  const last = nodes.version + changes;
  window.seenRows ??= [];
  const known = new WeakSet();
  await new Promise((resolve) => {
    const end = onChange(() => {
      for (const row of nodes.rows.values()) {
        if (!known.has(row)) window.seenRows.push(new WeakRef(row));
        known.add(row);
      }
      if (nodes.version >= last) resolve(end());
    });
  });
  return nodes.rows.size;
}
"""
KEPT_ROWS = "window.seenRows.filter((row) => row.deref()).length"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def busy(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Opened]:
    """The nodes of a demo in which hundreds of pods change each second."""
    async with ready(tmp_path_factory.mktemp("busy"), "demo", *BUSY) as demo:
        address = await printed_address(demo)
        async with opened(chromium, f"{address.url}&view=nodes") as seen:
            await expect(seen.page.get_by_role("status")).to_have_text("live")
            yield seen


async def test_a_pod_that_begins_to_crash_is_red(page: Opened, session: Session, demo: Ready) -> None:
    pods = json.loads((await demo.kubectl("get", "pods", "-n", "payments", "-o", "json")).out)["items"]
    namespace, name, crashed = crashing(pods)
    healthy = next(pod for pod in pods if pod["metadata"]["name"] == name)["status"]
    await page.page.goto(f"{session.origin}/?view=unhealthy")
    await expect(page.page.get_by_role("table", name="Unhealthy pods").locator("tr[data-key]").first).to_be_visible()
    status = page.page.locator(f'tr[data-key="{namespace}/{name}"] .tone.bad')
    await expect(status).to_have_count(0)
    try:
        assert (await demo.kubectl(*patch(namespace, name, crashed))).code == 0

        await expect(status.first).to_contain_text(f"✗ {REASON}")
        await expect(status.first).to_have_css("color", BAD)
    finally:
        await demo.kubectl(*patch(namespace, name, healthy))
    await expect(status).to_have_count(0)


async def test_of_many_nodes_only_the_rows_on_the_screen_exist(busy: Opened) -> None:
    await expect(busy.page.locator("table.rows")).to_have_attribute("aria-rowcount", "301")

    assert await busy.page.locator("tbody tr[data-key]").count() < 100


async def test_what_the_page_keeps_is_bounded(busy: Opened) -> None:
    """Elements, listeners and rows after many changes are as many as before."""
    protocol = await busy.page.context.new_cdp_session(busy.page)

    async def counted() -> dict[str, Any]:
        await protocol.send("HeapProfiler.collectGarbage")
        return dict(await protocol.send("Memory.getDOMCounters"))

    await busy.page.evaluate(CHANGES, 100)
    before = await counted()
    rows = await busy.page.evaluate(CHANGES, 1000)
    after = await counted()

    # The demo replaces nodes, at most a twelfth of them at once; the new one may be seen before the old one has gone.
    assert 275 <= rows <= 325
    assert await busy.page.evaluate("window.seenRows.length") > 900
    assert await busy.page.evaluate(KEPT_ROWS) <= 2 * rows
    # Marks and parts of bars come and go with what the rows say.
    assert after["nodes"] < before["nodes"] + 200
    assert after["jsEventListeners"] < before["jsEventListeners"] + 20
