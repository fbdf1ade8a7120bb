"""The page in a real browser: what it shows, how it follows the cluster, and how people move in it."""

import re
import signal
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect

from tests.commands.running import Ready, ready
from tests.commands.test_demo import WAITING_POD
from tests.page.address import Address, printed_address
from tests.page.browser import Opened, opened
from tests.page.conftest import STILL

pytestmark = pytest.mark.asyncio(loop_scope="module")


async def test_the_overview_shows_nodes_workloads_and_problems(page: Opened) -> None:
    for heading in ("Nodes", "Workloads by namespace", "Needs attention", "Pods by problem"):
        await expect(page.page.get_by_role("heading", name=heading, exact=True)).to_be_visible()
    await expect(page.page.get_by_text("nodes ready")).to_be_visible()


async def test_the_token_is_not_left_in_the_address(page: Opened) -> None:
    assert "token" not in page.page.url


async def test_a_pod_that_waits_appears_at_once(page: Opened, demo: Ready) -> None:
    await page.page.get_by_role("link", name="pending", exact=True).click()
    try:
        await demo.kubectl("create", "namespace", "empty")
        await demo.kubectl("create", "-f", "-", given=WAITING_POD)

        await expect(page.page.get_by_role("row", name=re.compile("newcomer"))).to_be_visible()
    finally:
        await demo.kubectl("delete", "pod", "newcomer", "-n", "empty", "--now")
    await expect(page.page.get_by_role("row", name=re.compile("newcomer"))).to_have_count(0)


async def test_a_node_opens_and_reload_and_back_keep_their_place(page: Opened) -> None:
    await page.page.get_by_role("link", name="nodes", exact=True).click()
    await page.page.get_by_role("link", name="worker-a-04").first.click()
    heading = page.page.get_by_role("heading", name=re.compile("worker-a-04"))
    await expect(heading).to_be_visible()
    deep = page.page.url

    await page.page.reload()
    await expect(heading).to_be_visible()
    await page.page.go_back()
    await expect(page.page.get_by_role("table", name="Nodes")).to_be_visible()
    await page.page.goto(deep)
    await expect(heading).to_be_visible()


async def test_keys_choose_views_and_filter_rows(page: Opened) -> None:
    await page.page.keyboard.press("1")
    await expect(page.page.get_by_role("table", name="Nodes")).to_be_visible()
    await page.page.keyboard.press("/")
    await page.page.keyboard.type("gpu-c")

    rows = page.page.get_by_role("table", name="Nodes").get_by_role("row")
    await expect(rows).to_have_count(2)
    await page.page.keyboard.press("Escape")
    await page.page.keyboard.press("Escape")
    await expect(rows).to_have_count(9)
    await page.page.keyboard.press("?")
    await expect(page.page.get_by_role("dialog", name="Keys")).to_be_visible()


async def test_whoever_may_not_read_a_view_is_told_which_role_grants_it(
    demo: Ready, chromium: Browser, tmp_path: Path
) -> None:
    flags = ("--no-browser", "--kubeconfig", str(demo.kubeconfig), "--context", "viewer")
    async with (
        ready(tmp_path, "dashboard", *flags) as dashboard,
        opened(chromium, dashboard.line.removeprefix("dashboard: ")) as seen,
    ):
        await seen.page.keyboard.press("1")

        await expect(seen.page.get_by_role("alert").first).to_contain_text("kubesum:cluster-view")


async def test_a_browser_without_the_token_sees_no_data(chromium: Browser, address: Address) -> None:
    async with opened(chromium, address.origin) as seen:
        await expect(seen.page.get_by_role("alert")).to_contain_text("this browser has no session")


async def test_two_dashboards_in_one_browser_keep_their_sessions(
    chromium: Browser, address: Address, demo: Ready, tmp_path: Path
) -> None:
    """Cookies of 127.0.0.1 are shared by all its ports: one name for all would end the session of the first."""
    home = tmp_path / "second"
    home.mkdir()
    async with (
        ready(home, "dashboard", "--no-browser", "--kubeconfig", str(demo.kubeconfig)) as other,
        opened(chromium, address.url) as first,
    ):
        await expect(first.page.get_by_role("status")).to_have_text("live")
        second = await first.page.context.new_page()
        await second.goto(other.line.removeprefix("dashboard: "))
        await expect(second.get_by_role("status")).to_have_text("live")

        for page in (first.page, second):
            await page.reload()
            await expect(page.get_by_role("status")).to_have_text("live")
        cookies = await first.page.context.cookies()

    assert len({cookie["name"] for cookie in cookies}) == len(cookies) == 2


async def test_data_say_how_old_they_are_once_the_server_is_gone(chromium: Browser, tmp_path: Path) -> None:
    async with ready(tmp_path, "demo", *STILL) as ending:
        address = await printed_address(ending)
        async with opened(chromium, address.url) as seen:
            await expect(seen.page.get_by_role("status")).to_have_text("live")
            await ending.command.stopped(signal.SIGINT)

            await expect(seen.page.get_by_role("status")).to_contain_text("as of")
            await expect(seen.page.get_by_text("nodes ready")).to_be_visible()


async def test_a_connection_that_was_lost_is_found_again(chromium: Browser, address: Address) -> None:
    async with opened(chromium, address.url) as seen:
        await expect(seen.page.get_by_role("status")).to_have_text("live")
        await seen.page.context.set_offline(True)
        await seen.page.get_by_role("link", name="images", exact=True).click()
        await expect(seen.page.get_by_role("alert")).to_contain_text("does not answer")

        await seen.page.context.set_offline(False)

        await expect(seen.page.get_by_role("alert")).to_have_count(0)
        await expect(seen.page.locator("tbody tr[data-key]").first).to_be_visible()
