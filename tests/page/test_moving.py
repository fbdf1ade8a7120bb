"""How people come to a view and move between views: links, reload, back, the keyboard, a phone, dark and light."""

import re
from typing import Literal

import pytest
from playwright.async_api import Browser, Page, expect

from tests.commands.running import Ready
from tests.page.address import Address
from tests.page.browser import Opened, opened
from tests.page.conftest import Session
from tests.page.links import QUERIES, TABLES

pytestmark = pytest.mark.asyncio(loop_scope="module")

PHONE = {"width": 390, "height": 844}
SIDEWAYS = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
BOTH_KEYS = """() => {
  for (const key of "3/") document.body.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
}"""
DARK, LIGHT = "rgb(13, 18, 23)", "rgb(245, 247, 249)"


async def shows(page: Page, view: str) -> None:
    """Waits until a view shows what is in the cluster."""
    rows = page.get_by_role("table", name=TABLES[view], exact=True).locator("tbody tr")
    await expect(rows.first).to_be_attached()
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_every_view_has_an_address_that_survives_a_reload(page: Opened, session: Session) -> None:
    for view, query in QUERIES.items():
        await page.page.goto(f"{session.origin}/{query}")
        await shows(page.page, view)
        await page.page.reload()
        await shows(page.page, view)


async def test_back_and_forward_go_through_the_views_that_were_opened(page: Opened) -> None:
    await page.page.get_by_role("link", name="namespaces", exact=True).click()
    await page.page.get_by_role("rowheader", name="payments", exact=True).get_by_role("link").click()
    await page.page.get_by_role("rowheader", name="ledger", exact=True).get_by_role("link").click()
    await shows(page.page, "workload")

    await page.page.go_back()
    await shows(page.page, "namespace")
    await page.page.go_back()
    await expect(page.page.get_by_role("table", name="Namespaces", exact=True)).to_be_visible()
    await page.page.go_back()
    await shows(page.page, "overview")
    await page.page.go_forward()
    await expect(page.page.get_by_role("table", name="Namespaces", exact=True)).to_be_visible()


async def test_a_filter_and_an_order_are_part_of_the_address(page: Opened) -> None:
    await page.page.keyboard.press("3")
    await page.page.keyboard.press("/")
    await page.page.keyboard.type("payments")
    await page.page.get_by_role("button", name="NAME", exact=True).click()
    await expect(page.page.locator("th[aria-sort=ascending]")).to_contain_text("NAME")
    names = page.page.locator("table.rows tbody th")
    await expect(names.nth(1)).to_be_attached()
    shown = await names.all_inner_texts()

    await page.page.reload()

    await expect(names).to_have_text(shown)


async def test_the_keyboard_is_enough(page: Opened) -> None:
    keys = page.page.keyboard
    await keys.press("3")
    await expect(page.page.get_by_role("table", name="Workloads", exact=True)).to_be_visible()
    await keys.press("n")
    await keys.type("payments")
    await keys.press("Enter")
    await expect(page.page).to_have_url(re.compile("namespace=payments"))
    await expect(page.page.locator("tr.link").first).to_have_attribute("data-key", re.compile("^payments/"))
    rows = page.page.locator("tr.link")
    await keys.press("j")
    await expect(rows.nth(0)).to_contain_class("cursor")
    await keys.press("ArrowDown")
    await expect(rows.nth(1)).to_contain_class("cursor")
    await keys.press("k")
    await expect(rows.nth(0)).to_contain_class("cursor")
    await keys.press("j")
    await expect(rows.nth(1)).to_contain_class("cursor")
    name = await rows.nth(1).get_by_role("rowheader").inner_text()
    await keys.press("Enter")
    await expect(page.page.get_by_role("heading", level=1)).to_contain_text(name)
    await keys.press("Escape")
    await expect(page.page.get_by_role("table", name="Workloads", exact=True)).to_be_visible()
    await keys.press("a")
    await expect(page.page).not_to_have_url(re.compile("namespace="))
    await keys.press("?")
    await expect(page.page.get_by_role("dialog", name="Keys")).to_be_visible()
    await keys.press("Escape")
    await expect(page.page.get_by_role("dialog", name="Keys")).to_have_count(0)


async def test_the_filter_keeps_the_focus_when_its_key_follows_that_of_a_view_at_once(page: Opened) -> None:
    """Both keys in one task, before the view is drawn, as of who types fast."""
    await page.page.evaluate(BOTH_KEYS)
    await expect(page.page.get_by_role("table", name="Workloads", exact=True)).to_be_visible()

    await expect(page.page.locator("#filter")).to_be_focused()


async def test_a_namespace_can_be_typed_while_the_cluster_changes(page: Opened, demo: Ready) -> None:
    await page.page.keyboard.press("n")
    await page.page.keyboard.type("pay")
    try:
        await demo.kubectl("cordon", "worker-a-04")
        await expect(page.page.get_by_role("table", name="The fullest nodes")).to_contain_text("Cordoned")
    finally:
        await demo.kubectl("uncordon", "worker-a-04")
    await page.page.keyboard.type("ments")
    await page.page.keyboard.press("Enter")

    await expect(page.page).to_have_url(re.compile("namespace=payments"))


async def test_tab_reaches_the_links_of_the_header_and_shows_where_it_is(page: Opened) -> None:
    await page.page.keyboard.press("Tab")
    focused = page.page.locator(":focus-visible")
    for _ in range(3):
        await page.page.keyboard.press("Tab")
        await expect(focused).to_have_css("outline-style", "solid")
    target = await focused.get_attribute("href")
    await page.page.keyboard.press("Enter")

    await expect(page.page).to_have_url(re.compile(f"{re.escape(target or '')}$"))
    assert target == "/?view=namespaces"


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_a_phone_shows_every_view_without_scrolling_sideways(
    page: Opened, session: Session, scheme: Literal["dark", "light"]
) -> None:
    await page.page.set_viewport_size({"width": PHONE["width"], "height": PHONE["height"]})
    await page.page.emulate_media(color_scheme=scheme)
    for view, query in QUERIES.items():
        await page.page.goto(f"{session.origin}/{query}")
        await shows(page.page, view)

        assert (view, await page.page.evaluate(SIDEWAYS)) == (view, 0)


async def test_t_goes_from_the_systems_colours_to_light_and_dark(chromium: Browser, address: Address) -> None:
    async with opened(chromium, address.url, scheme="dark") as seen:
        await expect(seen.page.get_by_role("status")).to_have_text("live")
        ground = expect(seen.page.locator("body"))
        await ground.to_have_css("background-color", DARK)
        await seen.page.keyboard.press("t")
        await ground.to_have_css("background-color", LIGHT)
        await seen.page.keyboard.press("t")
        await ground.to_have_css("background-color", DARK)
        await seen.page.keyboard.press("t")
        await seen.page.keyboard.press("t")
        await ground.to_have_css("background-color", LIGHT)
        await seen.page.reload()
        await expect(seen.page.get_by_role("status")).to_have_text("live")

        await ground.to_have_css("background-color", LIGHT)
