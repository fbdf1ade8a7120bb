"""What is painted on the canvases: after changes, the same as if everything were painted anew."""

import pytest
from playwright.async_api import Page, expect

from tests.commands.running import Ready
from tests.page.browser import Opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

# Resolves when the pictures are others than these, and stay so for some frames: two are not painted in one.
OTHERS = """(before) => new Promise((resolve) => {
  let last = before;
  let same = 0;
  const look = () => {
    const now = [...document.querySelectorAll("canvas")].map((canvas) => canvas.toDataURL()).join();
    same = now === last ? same + 1 : 0;
    last = now;
    if (now !== before && same >= 15) resolve(now); else requestAnimationFrame(look);
  };
  look();
})"""


async def other_pictures(page: Page, before: str) -> str:
    """The pictures once they are others than before."""
    return str(await page.evaluate(OTHERS, before))


async def in_another_theme_and_back(page: Page) -> str:
    """The pictures, painted anew: light, then dark as before."""
    await expect(page.get_by_role("table", name="The fullest nodes").locator("tbody tr").first).to_be_attached()
    before = await other_pictures(page, "")
    await page.emulate_media(color_scheme="light")
    light = await other_pictures(page, before)
    await page.emulate_media(color_scheme="dark")
    return await other_pictures(page, light)


@pytest.mark.parametrize("width", [1280, 390])
async def test_a_changed_node_is_painted_as_all_nodes_are(page: Opened, demo: Ready, width: int) -> None:
    await page.page.set_viewport_size({"width": width, "height": 800})
    await expect(page.page.locator("canvas")).to_have_count(2)
    before = await in_another_theme_and_back(page.page)
    try:
        await demo.kubectl("cordon", "worker-a-04")
        changed = await other_pictures(page.page, before)
        again = await in_another_theme_and_back(page.page)
    finally:
        await demo.kubectl("uncordon", "worker-a-04")

    assert changed == again
    assert await other_pictures(page.page, again) == before


async def test_a_node_under_the_pointer_is_outlined_and_left_as_it_was(page: Opened) -> None:
    canvas = page.page.locator("canvas").first
    before = await in_another_theme_and_back(page.page)
    await canvas.hover(position={"x": 60, "y": 60})
    outlined = await other_pictures(page.page, before)

    await page.page.mouse.move(1, 1)

    assert await other_pictures(page.page, outlined) == before
