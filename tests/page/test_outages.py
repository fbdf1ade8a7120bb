"""A server that goes away while the page is open, and comes back: stale data are shown as such, then new ones."""

import signal
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
import yaml
from playwright.async_api import Browser, expect

from tests.bench.stage import free_port
from tests.commands.running import Ready, ready
from tests.commands.test_demo import WAITING_POD
from tests.page.address import Address
from tests.page.browser import another_page, opened
from tests.soak.link import Link

pytestmark = pytest.mark.asyncio(loop_scope="module")

PENDING = "/?view=pending"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def empty(demo: Ready) -> str:
    """A namespace without pods."""
    await demo.kubectl("create", "namespace", "empty")
    return "empty"


@pytest_asyncio.fixture(loop_scope="module")
async def linked(demo: Ready, tmp_path: Path) -> AsyncIterator[tuple[Link, Path]]:
    """A network to the API server of the demo, and a kubeconfig that leads through it."""
    kubeconfig = yaml.safe_load(demo.kubeconfig.read_text())
    cluster = kubeconfig["clusters"][0]["cluster"]
    link = Link(urlsplit(cluster["server"]).port or 443)
    await link.up()
    cluster["server"] = f"https://127.0.0.1:{link.port}"
    path = tmp_path / "linked.kubeconfig"
    path.write_text(yaml.safe_dump(kubeconfig))
    yield link, path
    link.down()


async def test_an_api_server_that_goes_away_and_comes_back(
    demo: Ready, linked: tuple[Link, Path], chromium: Browser, tmp_path: Path, empty: str
) -> None:
    link, kubeconfig = linked
    flags = ("--no-browser", "--kubeconfig", str(kubeconfig))
    async with ready(tmp_path, "dashboard", *flags) as dashboard:
        address = Address(dashboard.line.removeprefix("dashboard: "))
        async with opened(chromium, f"{address.url}&view=pending") as seen:
            rows = seen.page.get_by_role("table", name="Pods without a node").locator("tr[data-key]")
            await expect(seen.page.get_by_role("status")).to_have_text("live")
            await expect(rows).not_to_have_count(0)
            known = await rows.count()

            link.down()
            await expect(seen.page.get_by_role("status")).to_contain_text("as of")
            await expect(seen.page.get_by_role("alert").first).to_contain_text("What is shown is as of")
            await expect(rows).to_have_count(known)

            try:
                await demo.kubectl("create", "-f", "-", given=WAITING_POD)
                await link.up()
                await expect(seen.page.get_by_role("status")).to_have_text("live")
                await expect(seen.page.get_by_role("alert")).to_have_count(0)
                await expect(seen.page.locator(f'tr[data-key="{empty}/newcomer"]')).to_be_attached()
            finally:
                await demo.kubectl("delete", "pod", "newcomer", "-n", empty, "--now")
            await expect(rows).to_have_count(known)


async def test_a_dashboard_that_is_started_again_at_its_address(
    demo: Ready, chromium: Browser, tmp_path: Path, empty: str
) -> None:
    """Its cookie is a new one: the open page says so, and goes on once the browser has it."""
    flags = ("--no-browser", "--kubeconfig", str(demo.kubeconfig), "--port", str(free_port()))
    async with ready(tmp_path, "dashboard", *flags) as first:
        address = Address(first.line.removeprefix("dashboard: "))
        async with opened(chromium, f"{address.url}&view=pending") as seen:
            await expect(seen.page.get_by_role("status")).to_have_text("live")
            await first.command.stopped(signal.SIGKILL)
            await expect(seen.page.get_by_role("status")).to_contain_text("as of")
            await expect(seen.page.get_by_role("alert").first).to_contain_text("kubesum dashboard does not answer")

            try:
                await demo.kubectl("create", "-f", "-", given=WAITING_POD)
                async with ready(tmp_path, "dashboard", *flags) as second:
                    await expect(seen.page.get_by_role("alert").first).to_contain_text(
                        "open the address that kubesum"
                    )
                    renewed = second.line.removeprefix("dashboard: ")
                    async with another_page(seen.page.context, renewed) as other:
                        await expect(other.page.get_by_role("status")).to_have_text("live")
                        await expect(seen.page.get_by_role("status")).to_have_text("live")
                        await expect(seen.page.locator(f'tr[data-key="{empty}/newcomer"]')).to_be_attached()
            finally:
                await demo.kubectl("delete", "pod", "newcomer", "-n", empty, "--now")


async def test_a_dashboard_that_hangs_makes_the_data_stale(demo: Ready, chromium: Browser, tmp_path: Path) -> None:
    """Its connections stay open, and nothing comes through them; time passes as the page's own clock is set."""
    async with ready(tmp_path, "dashboard", "--no-browser", "--kubeconfig", str(demo.kubeconfig)) as hanging:
        address = Address(hanging.line.removeprefix("dashboard: "))
        async with opened(chromium, address.url) as seen:
            await expect(seen.page.get_by_role("status")).to_have_text("live")
            await seen.page.clock.install()
            await seen.page.reload()
            await expect(seen.page.get_by_role("status")).to_have_text("live")
            hanging.command.process.send_signal(signal.SIGSTOP)
            try:
                await seen.page.clock.fast_forward(150_000)
                await expect(seen.page.get_by_role("status")).to_contain_text("as of")
                await expect(seen.page.get_by_role("alert").first).to_contain_text("has sent nothing for 150 s")
            finally:
                hanging.command.process.send_signal(signal.SIGCONT)
            await expect(seen.page.get_by_role("status")).to_have_text("live")
