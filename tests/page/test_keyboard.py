"""The page without a pointer: pictures by arrow keys, rows, and where the focus is; and what axe-core finds."""

import json
import re

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, expect

from tests.commands.running import ROOT, Ready
from tests.page.address import Address
from tests.page.browser import Opened, opened

pytestmark = pytest.mark.asyncio(loop_scope="module")

AXE = ROOT / "deploy" / "assets" / "node_modules" / "axe-core" / "axe.min.js"
MATTERS = ("serious", "critical")
LARGE_POD = json.dumps(
    {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "large", "namespace": "empty"},
        "spec": {
            "schedulingGates": [{"name": "example.org/never"}],
            "containers": [{"name": "one", "image": "one", "resources": {"requests": {"cpu": "500"}}}],
        },
    }
)
VIEWS = {
    "overview": "",
    "nodes": "?view=nodes",
    "namespaces": "?view=namespaces",
    "workloads": "?view=workloads",
    "unhealthy": "?view=unhealthy",
    "images": "?view=images",
    "pending": "?view=pending",
    "a kind": "?view=kind&plural=teamusages",
    "a group": "?view=group&plural=teamusages&name=payments",
    "no kind": "?view=kind&plural=none",
    "a node": "?view=node&name=worker-a-04",
    "a namespace": "?view=namespace&name=payments",
    "a workload": "?view=workload&namespace=payments&kind=Deployment&name=gateway",
    "an image": "?view=image&repository=docker.io/library/nginx&tag=latest",
}


async def focused(page: Page) -> str:
    """What is read out of the element that has the focus."""
    name: str = await page.evaluate(
        "document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText"
    )
    return name


@pytest_asyncio.fixture(loop_scope="module")
async def nodes(page: Opened) -> Page:
    """The view of nodes."""
    await page.page.keyboard.press("1")
    await expect(page.page.get_by_role("table", name="Nodes", exact=True)).to_be_visible()
    return page.page


async def test_a_picture_is_one_stop_of_the_tab_key(nodes: Page) -> None:
    await nodes.get_by_label("group by").focus()
    await nodes.keyboard.press("Tab")
    assert await focused(nodes) == "cp-01, Ready, cpu 16% requested, memory 0% requested, 5 pods"
    await expect(nodes.locator(".tip")).to_contain_text("cp-01")

    await nodes.keyboard.press("Tab")
    assert (await focused(nodes)).startswith("NAME")
    await expect(nodes.locator(".tip")).to_have_count(0)


async def test_arrow_keys_lead_to_every_item_of_a_picture(nodes: Page) -> None:
    await nodes.locator("main .canvas a.item").focus()
    names = []
    for _ in range(8):
        names.append((await focused(nodes)).partition(",")[0])
        await nodes.keyboard.press("ArrowRight")

    assert names[:3] == ["cp-01", "data-a-07", "worker-a-04"]
    assert len(set(names)) == 8
    await nodes.keyboard.press("ArrowLeft")
    assert (await focused(nodes)).partition(",")[0] == names[-2]
    await nodes.keyboard.press("Home")
    assert (await focused(nodes)).partition(",")[0] == names[0]
    await nodes.keyboard.press("ArrowDown")
    assert (await focused(nodes)).partition(",")[0] in names[1:]


async def test_what_is_opened_by_keyboard_has_the_focus(nodes: Page) -> None:
    await nodes.locator("main .canvas a.item").focus()
    await nodes.keyboard.press("ArrowRight")
    await nodes.keyboard.press("Enter")

    await expect(nodes.get_by_role("heading", name=re.compile("data-a-07"))).to_be_visible()
    await expect(nodes.get_by_role("main")).to_be_focused()


async def test_a_treemap_leads_from_a_namespace_to_its_workloads(page: Opened) -> None:
    await page.page.keyboard.press("3")
    await expect(page.page.get_by_role("table", name="Workloads", exact=True)).to_be_visible()
    await page.page.locator("main .canvas a.item").focus()
    assert await focused(page.page) == "namespace ml, 37 cpu requested"

    await page.page.keyboard.press("ArrowRight")
    assert re.fullmatch(r"\w+ ml/\w+, Progressing, .* cpu requested.*", await focused(page.page))
    await page.page.keyboard.press("ArrowDown")
    assert re.fullmatch(r"\w+ ml/\w+, .* cpu requested.*", await focused(page.page))
    await page.page.keyboard.press("Enter")
    await expect(page.page.get_by_role("heading", name=re.compile("^ml."))).to_be_visible()


async def test_the_focus_stays_in_a_picture_when_its_item_is_deleted(page: Opened, demo: Ready) -> None:
    await page.page.keyboard.press("3")
    await expect(page.page.get_by_role("table", name="Workloads", exact=True)).to_be_visible()
    try:
        await demo.kubectl("create", "-f", "-", given=LARGE_POD)
        await expect(page.page.get_by_role("row", name=re.compile("large"))).to_be_visible()
        item = page.page.locator("main .canvas a.item")
        await item.focus()
        await expect(item).to_have_attribute("aria-label", re.compile("^namespace empty, "))
    finally:
        await demo.kubectl("delete", "pod", "large", "-n", "empty", "--now")

    await expect(item).to_have_attribute("aria-label", re.compile("^namespace ml, "))
    await expect(item).to_be_focused()


async def test_keys_move_the_focus_through_the_rows(page: Opened) -> None:
    await page.page.keyboard.press("1")
    await expect(
        page.page.get_by_role("table", name="Nodes", exact=True).locator("tbody tr[data-key]")
    ).to_have_count(8)
    await page.page.keyboard.press("j")
    await expect(page.page.get_by_role("link", name="cp-01", exact=True)).to_be_focused()
    await page.page.keyboard.press("ArrowDown")
    await expect(page.page.get_by_role("link", name="cp-02", exact=True)).to_be_focused()

    await page.page.keyboard.press("Enter")
    await expect(page.page.get_by_role("heading", name=re.compile("cp-02"))).to_be_visible()


@pytest.mark.parametrize(("scheme", "width"), [("dark", 1280), ("light", 390)])
async def test_axe_finds_nothing_serious_in_any_view(
    chromium: Browser, address: Address, scheme: str, width: int
) -> None:
    if not AXE.exists():
        pytest.skip("axe-core is not fetched: make assets, which needs npm")
    found = []
    async with opened(chromium, address.url, scheme="dark" if scheme == "dark" else "light", width=width) as seen:
        await expect(seen.page.get_by_role("status")).to_have_text("live")
        for view, query in VIEWS.items():
            await seen.page.goto(f"{address.origin}/{query}")
            await expect(seen.page.locator(".state")).to_have_text("live")
            await expect(seen.page.locator("nav.kinds")).to_be_visible()
            await expect(seen.page.get_by_text("loading…")).to_have_count(0)
            # Through the protocol of the debugger: the policy of the page allows no script of others.
            await seen.page.evaluate(AXE.read_text())
            violations = await seen.page.evaluate("axe.run().then(({ violations }) => violations)")
            found += [
                (view, one["id"], [node["html"] for node in one["nodes"]])
                for one in violations
                if one["impact"] in MATTERS
            ]

    assert found == []
