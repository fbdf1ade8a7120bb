"""The kinds of RollupDefinitions in the page, and the columns of all tables: those of the server."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Locator, expect

from kubesum.clients.model.defined import DEFINITIONS
from kubesum.rollupdefinitions.watched import WATCHED_DEFINITIONS
from tests.commands.running import Ready, ready
from tests.page.address import Address
from tests.page.browser import Opened, opened
from tests.unit.kubesim.runningcluster import pod

pytestmark = pytest.mark.asyncio(loop_scope="module")

VERY_WIDE = 1920
"""The widest a page gets."""
TABLES = {
    "nodes": "nosum",
    "namespaces": "nssum",
    "workloads": "wlsum",
    "unhealthy": "posum",
    "images": "cimgsum",
    "pending": "posum",
}
"""The resource of each view, as kubectl prints it."""
OF_THE_PAGE = ("NAMESPACE", "WHY")
"""The columns that no Table of the server has."""


def definition(*measures: str) -> str:
    """A definition of pods by namespace, with a column for each of these measures."""
    spec: dict[str, Any] = {
        "names": {"kind": "Reordered", "plural": "reordereds"},
        "source": "Pods",
        "groupBy": [{"name": "ns", "field": "namespace"}],
        "measures": [
            {"name": "pods", "type": "Count"},
            {"name": "restarts", "type": "Sum", "field": "restarts"},
            {"name": "oldest", "type": "Min", "field": "createdAt"},
        ],
        "columns": [{"name": name, "measure": name} for name in measures],
    }
    metadata = {"name": "reordereds.rollup.kubesum.dev"}
    document = {"apiVersion": "kubesum.dev/v1alpha1", "kind": "RollupDefinition", "metadata": metadata, "spec": spec}
    return json.dumps(document)


def kinds(page: Opened) -> Locator:
    """The links to the kinds."""
    return page.page.get_by_role("navigation", name="Kinds of RollupDefinitions").get_by_role("link")


async def columns(page: Opened) -> list[str]:
    """The names of the columns of the table."""
    texts = await page.page.locator("table.rows thead th").all_inner_texts()
    return [text.strip(" ▲▼") for text in texts]


def row(page: Opened, name: str) -> Locator:
    """The cells of a row, by its name."""
    return page.page.locator(
        "table.rows tbody tr", has=page.page.get_by_role("rowheader", name=name, exact=True)
    ).locator("th, td")


async def test_the_kinds_of_definitions_are_views(page: Opened, demo: Ready) -> None:
    await expect(kinds(page)).to_have_text(["gpuproducts", "nodepools", "teamusages"])
    await kinds(page).get_by_text("teamusages").click()
    await expect(row(page, "payments")).not_to_have_count(0)

    printed = await demo.kubectl("get", "teamusages", "-o", "wide")
    header, *groups = printed.words
    shown = await columns(page)
    assert shown == [name for name in header if name in shown]
    assert await page.page.get_by_role("rowheader").all_inner_texts() == [words[0] for words in groups]
    assert (await row(page, "payments").all_inner_texts())[:5] == next(w for w in groups if w[0] == "payments")[:5]


async def test_a_group_opens_with_its_keys_and_all_measures(page: Opened, demo: Ready) -> None:
    """Columns may leave measures out, such as cpuLimits here."""
    await kinds(page).get_by_text("teamusages").click()
    await row(page, "payments").get_by_role("link", name="payments").click()

    served = json.loads((await demo.kubectl("get", "teamusage", "payments", "-o", "json")).out)
    await expect(page.page.get_by_role("heading", level=1)).to_have_text("payments TeamUsage")
    await expect(page.page.get_by_role("region", name="Keys").locator("div")).to_have_text(["teampayments"])
    measures = page.page.get_by_role("region", name="Measures")
    assert sorted(await measures.locator("dt").all_inner_texts()) == sorted(served["status"])
    assert "cpuLimits" in served["status"]
    await expect(kinds(page).get_by_text("teamusages")).to_have_attribute("aria-current", "page")

    await demo.kubectl("label", "namespace", "payments", "team=treasury", "--overwrite")
    try:
        await expect(page.page.get_by_text("there is no TeamUsage payments")).to_be_visible()
    finally:
        await demo.kubectl("label", "namespace", "payments", "team=payments", "--overwrite")
    await expect(measures).to_be_visible()
    await page.page.get_by_role("main").get_by_role("link", name="teamusages").last.click()
    await expect(page.page.get_by_role("table", name="teamusages")).to_be_visible()


async def test_a_group_of_a_namespaced_kind_opens_by_keyboard(page: Opened, demo: Ready) -> None:
    namespaced = json.loads(definition("pods"))
    namespaced["spec"] |= {"scope": "Namespaced", "groupBy": [{"name": "node", "field": "nodeName"}]}
    await demo.kubectl("apply", "-f", "-", given=json.dumps(namespaced))
    try:
        await kinds(page).get_by_text("reordereds").click()
        await page.page.locator("#namespace").fill("kube-system")
        await page.page.keyboard.press("Enter")
        await expect(row(page, "cp-01")).to_have_count(2)
        await page.page.keyboard.press("j")
        await page.page.keyboard.press("Enter")

        await expect(page.page.get_by_role("heading", level=1)).to_have_text("kube-system/cp-01 Reordered")
        await expect(page.page.get_by_role("region", name="Keys").locator("dt")).to_have_text(["node"])
    finally:
        await demo.kubectl("delete", "rollupdefinition", "reordereds.rollup.kubesum.dev")


async def names_of(demo: Ready, *arguments: str) -> list[str]:
    """The names that kubectl prints."""
    return sorted(
        (await demo.kubectl("get", *arguments, "--no-headers", "-o", "custom-columns=N:.metadata.name")).out.split()
    )


def members(page: Opened) -> Locator:
    """The rows of the table of members."""
    return page.page.get_by_role("region", name="Members").locator("tbody tr[data-key]")


async def test_a_group_lists_its_members(page: Opened, demo: Ready) -> None:
    """By labels of namespaces, by labels of nodes, and by the absence of one."""
    in_payments = await names_of(demo, "wlsum", "-n", "payments")
    of_nodes = {
        pool: await names_of(demo, "nodes", "-l", f"karpenter.sh/nodepool={pool}") for pool in ("gpu", "data")
    }
    without_pool = await names_of(demo, "nodes", "-l", "!karpenter.sh/nodepool")
    for kind, group, expected in (
        ("teamusages", "payments", in_payments),
        ("nodepools", "gpu", of_nodes["gpu"]),
        ("nodepools", "none", without_pool),
    ):
        assert expected, group
        await kinds(page).get_by_text(kind).click()
        await row(page, group).get_by_role("link", name=group).click()

        await expect(members(page)).to_have_count(len(expected))
        keys = [await one.get_attribute("data-key") for one in await members(page).all()]
        assert sorted(str(key).partition("/")[2] for key in keys) == expected


async def test_members_follow_the_labels_of_namespaces(page: Opened, demo: Ready) -> None:
    """Rows that are in the table for another reason than a change of their own, and leave it for one."""
    in_payments, in_data = [await names_of(demo, "wlsum", "-n", namespace) for namespace in ("payments", "data")]
    await kinds(page).get_by_text("teamusages").click()
    await row(page, "payments").get_by_role("link", name="payments").click()
    await expect(members(page)).to_have_count(len(in_payments))

    await demo.kubectl("label", "namespace", "data", "team=payments", "--overwrite")
    try:
        await expect(members(page)).to_have_count(len(in_payments) + len(in_data))
    finally:
        await demo.kubectl("label", "namespace", "data", "team=data", "--overwrite")
    await expect(members(page)).to_have_count(len(in_payments))


async def test_members_of_which_no_summary_tells_are_not_listed(page: Opened, demo: Ready) -> None:
    by_expression = json.loads(definition("pods"))
    by_expression["spec"]["groupBy"] = [{"name": "urgent", "expression": "pod.priority > 0 ? 'yes' : 'no'"}]
    await demo.kubectl("apply", "-f", "-", given=json.dumps(by_expression))
    try:
        await kinds(page).get_by_text("reordereds").click()
        await page.page.locator("tbody tr[data-key]").first.get_by_role("link").click()

        await expect(
            page.page.get_by_text("The members are not listed: no summary can be selected by urgent")
        ).to_be_visible()
    finally:
        await demo.kubectl("delete", "rollupdefinition", "reordereds.rollup.kubesum.dev")


async def test_members_are_not_listed_without_the_definition(chromium: Browser, tmp_path: Path) -> None:
    """kubesum local serves the kinds of definitions in files, and not the definitions."""
    objects = {"apiVersion": "v1", "kind": "Pod", **pod("a", "team")}
    (tmp_path / "pod.json").write_text(json.dumps(objects))
    (tmp_path / "rollup.json").write_text(definition("pods"))
    flags = ("--from", str(tmp_path / "pod.json"), "--rollups", str(tmp_path / "rollup.json"))
    async with ready(tmp_path, "local", *flags, "--dashboard", "--no-browser") as local:
        url = (await local.command.ready_line()).removeprefix("dashboard: ")
        async with opened(chromium, url) as seen:
            await kinds(seen).get_by_text("reordereds").click()
            await row(seen, "team").get_by_role("link", name="team").click()

            await expect(seen.page.get_by_text("The members are not listed: this server has no")).to_be_visible()
            await expect(seen.page.get_by_role("region", name="Measures").locator("dt").first).to_have_text("pods")


SELECTIONS = """async ([definition, group, rows, namespaces, nodes]) => {
  const { selection, membersOf, places } = await import("/static/members.js");
  const selected = selection(definition, group, "");
  const { fields, labels, namespace, why } = selected;
  const members = membersOf(selected, rows, places(selected, namespaces, nodes)).map(({ name }) => name);
  return { fields, labels, namespace, why, members };
}"""


async def test_what_selects_members(page: Opened) -> None:
    definition = {
        "source": "Pods",
        "selector": {
            "matchLabels": {"a": "b"},
            "matchExpressions": [
                {"key": "c", "operator": "In", "values": ["d", "e"]},
                {"key": "f", "operator": "DoesNotExist"},
            ],
        },
        "namespaceSelector": {"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["x"]}]},
        "groupBy": [
            {"name": "reason", "field": "reason"},
            {"name": "tier", "label": "tier", "default": "none"},
            {"name": "pool", "nodeLabel": "pool", "default": "none"},
            {"name": "kind", "workload": "Kind"},
        ],
    }
    group = {"reason": "a,b=c", "tier": "none", "pool": "none", "kind": "Job"}
    rows = [
        {"name": "in-pool", "namespace": "a", "node": "n1", "labels": {}},
        {"name": "other-pool", "namespace": "a", "node": "n2", "labels": {}},
        {"name": "no-node", "namespace": "a", "node": "", "labels": {"tier": "none"}},
        {"name": "other-tier", "namespace": "a", "node": "n1", "labels": {"tier": "web"}},
        {"name": "other-namespace", "namespace": "b", "node": "n1", "labels": {}},
    ]
    namespaces = [{"name": "a", "labels": {}}, {"name": "b", "labels": {"team": "x"}}]
    nodes = [{"name": "n1", "labels": {}}, {"name": "n2", "labels": {"pool": "p"}}]

    assert await page.page.evaluate(SELECTIONS, [definition, group, rows, namespaces, nodes]) == {
        "fields": [r"status.reason=a\,b\=c", "status.workloadRef.kind=Job"],
        "labels": ["a=b", "c in (d,e)", "!f"],
        "namespace": "",
        "why": "",
        "members": ["in-pool", "no-node"],
    }


async def test_the_definitions_are_where_the_page_reads_them() -> None:
    assert WATCHED_DEFINITIONS.path == DEFINITIONS


async def test_a_group_that_appears_is_shown_at_once(page: Opened, demo: Ready) -> None:
    await kinds(page).get_by_text("teamusages").click()
    await expect(row(page, "payments")).not_to_have_count(0)
    try:
        await demo.kubectl("label", "namespace", "payments", "team=treasury", "--overwrite")

        await expect(row(page, "treasury")).not_to_have_count(0)
        await expect(row(page, "payments")).to_have_count(0)
    finally:
        await demo.kubectl("label", "namespace", "payments", "team=payments", "--overwrite")


async def test_a_kind_appears_changes_and_vanishes_while_the_page_is_open(
    chromium: Browser, address: Address, demo: Ready
) -> None:
    async with opened(chromium, address.url) as seen:
        await expect(kinds(seen)).to_have_count(3)
        await demo.kubectl("apply", "-f", "-", given=definition("pods", "restarts", "oldest"))
        await kinds(seen).get_by_text("reordereds").click()
        cells = row(seen, "kube-system")
        await expect(cells).to_have_count(4)
        assert await columns(seen) == ["NAME", "PODS", "RESTARTS", "OLDEST"]
        name, pods, restarts, oldest = await cells.all_inner_texts()
        assert pods != restarts
        assert re.fullmatch(r"(\d+[ydhms])+", oldest)

        await demo.kubectl("apply", "-f", "-", given=definition("restarts", "pods"))
        await expect(cells).to_have_text([name, restarts, pods])
        assert await columns(seen) == ["NAME", "RESTARTS", "PODS"]

        await demo.kubectl("delete", "rollupdefinition", "reordereds.rollup.kubesum.dev")
        await expect(kinds(seen)).to_have_count(3)
        await expect(seen.page.get_by_text("No RollupDefinition makes reordereds")).to_be_visible()

        await demo.kubectl("apply", "-f", "-", given=definition("pods"))
        try:
            await expect(cells).to_have_text([name, pods])
        finally:
            await demo.kubectl("delete", "rollupdefinition", "reordereds.rollup.kubesum.dev")
        await expect(kinds(seen)).to_have_count(3)


async def test_a_link_to_a_kind_can_be_kept(page: Opened) -> None:
    await kinds(page).get_by_text("nodepools").click()
    await expect(page.page.get_by_role("table", name="nodepools")).to_be_visible()

    await page.page.reload()
    await expect(page.page.get_by_role("table", name="nodepools")).to_be_visible()
    await page.page.keyboard.press("7")
    await expect(page.page.get_by_role("table", name="teamusages")).to_be_visible()
    await page.page.go_back()
    await expect(page.page.get_by_role("table", name="nodepools")).to_be_visible()


async def test_a_kind_that_may_not_be_read_names_the_role(demo: Ready, chromium: Browser, tmp_path: Path) -> None:
    flags = ("--no-browser", "--kubeconfig", str(demo.kubeconfig), "--context", "viewer")
    async with (
        ready(tmp_path, "dashboard", *flags) as dashboard,
        opened(chromium, dashboard.line.removeprefix("dashboard: ")) as seen,
    ):
        await kinds(seen).get_by_text("teamusages").click()

        await expect(seen.page.get_by_role("alert").first).to_contain_text(
            "the ClusterRole kubesum:rollups grants it"
        )


async def test_the_columns_of_summaries_are_those_of_the_server(page: Opened, demo: Ready) -> None:
    """In its order, as many as there is room for; none are named in the page but those that draw more than a text."""
    await page.page.set_viewport_size({"width": VERY_WIDE, "height": 800})
    for view, short_name in TABLES.items():
        await page.page.get_by_role("link", name=view, exact=True).first.click()
        await expect(page.page.get_by_role("heading", name=re.compile(f"^{view} of"))).to_be_attached()
        await expect(page.page.locator("tbody tr[data-key]").first).to_be_visible()
        shown = [name for name in await columns(page) if name not in OF_THE_PAGE]

        declared = (await demo.kubectl("get", short_name, "-A", "-o", "wide")).words[0]
        assert shown == [name for name in declared if name in shown]
        assert len(shown) >= 7


async def test_every_column_that_is_drawn_exists(page: Opened, demo: Ready) -> None:
    drawn = await page.page.evaluate(
        """async () => {
          const { drawings } = await import("/static/columns.js");
          const all = drawings(await (await fetch("/views.json")).json());
          return Object.fromEntries(Object.entries(all).map(([plural, columns]) => [plural, Object.keys(columns)]));
        }"""
    )

    assert "STATUS" in drawn["podsummaries"]
    for plural, names in drawn.items():
        declared = (await demo.kubectl("get", plural, "-A", "-o", "wide")).words[0]
        assert set(names) <= set(declared)
