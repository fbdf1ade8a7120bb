"""Actions of the browser, and which informers run after each."""

import asyncio

import pytest

from kubesum.clients.model.browser import Browser, Prompt, PromptKind
from kubesum.clients.model.views import BY_NAME, VIEWS
from tests.hanging import HANGS_AFTER_S
from tests.unit.clients.topfixtures import browsing, changed, image, list_once, names, namespace, node, pod, workload

LEDGER = {"fieldSelector": "status.workloadRef.kind=Deployment,status.workloadRef.name=ledger"}


def fill_in(browser: Browser, text: str) -> None:
    """Types a text into the prompt and submits it."""
    for character in text:
        browser.type(character)
    browser.submit()


def test_a_node_opens_its_pods_and_a_pod_its_workload_and_a_workload_its_pods() -> None:
    browser, informers = browsing("nodes", node("worker-1"))

    browser.open()
    assert informers.scopes[-1] == ("podsummaries", "", {"fieldSelector": "status.nodeName=worker-1"})
    list_once(browser.table.informer, pod("ledger-x"))
    browser.table.arrange()
    browser.open()
    assert informers.scopes[-1] == ("workloadsummaries", "payments", LEDGER)
    list_once(browser.table.informer, workload("ledger"))
    browser.table.arrange()
    browser.open()
    assert informers.scopes[-1] == ("podsummaries", "payments", LEDGER)
    assert [(scope.view.name, scope.opened_from) for scope in browser.breadcrumbs] == [
        ("nodes", ""),
        ("pods", "worker-1"),
        ("workloads", "ledger-x"),
        ("pods", "deployment.ledger"),
    ]


def test_a_namespace_opens_its_workloads() -> None:
    browser, informers = browsing("namespaces", namespace("payments"))

    browser.open()

    assert informers.scopes == [("namespacesummaries", "", {}), ("workloadsummaries", "payments", {})]


def test_an_image_opens_the_namespaces_that_use_it() -> None:
    browser, informers = browsing("images", image("docker.io/library/nginx", "1.27"))

    browser.open()
    assert informers.scopes[-1] == (
        "imagesummaries",
        "",
        {"fieldSelector": "status.repository=docker.io/library/nginx,status.tag=1.27"},
    )
    list_once(browser.table.informer, image("docker.io/library/nginx", "1.27", namespace="shop"))
    browser.table.arrange()
    browser.open()
    assert browser.notice == "there is nothing to open here"


def test_images_of_one_namespace_are_another_resource_than_those_of_all() -> None:
    assert browsing("images")[1].scopes == [("clusterimagesummaries", "", {})]
    assert browsing("images", namespace="shop")[1].scopes == [("imagesummaries", "shop", {})]


def test_without_a_row_there_is_nothing_to_open() -> None:
    browser, informers = browsing("nodes")

    browser.open()

    assert browser.notice == "there is nothing to open here"
    assert informers.scopes == [("nodesummaries", "", {})]


def test_going_back_shows_current_rows_and_the_cursor_where_it_was() -> None:
    browser, informers = browsing("nodes", node("a"), node("b"))
    browser.move(1)
    nodes = browser.table.informer
    browser.open()

    changed(nodes, node("b", unschedulable=True))
    browser.back()
    browser.table.arrange()

    assert informers.scopes == [("nodesummaries", "", {})]
    assert names([browser.table.selected]) == ["b"]
    assert browser.table.selected is not None
    assert browser.table.selected.status.unschedulable


def test_back_closes_the_topmost_thing_first() -> None:
    browser, _ = browsing("nodes", node("worker-1"))
    browser.open()
    browser.ask(PromptKind.FILTER)
    fill_in(browser, "x")
    browser.ask(PromptKind.LABELS)

    browser.back()
    assert (browser.prompt, browser.table.filter) == (None, "x")
    browser.help()
    browser.back()
    assert (browser.help_shown, browser.table.filter) == (False, "x")
    browser.back()
    assert (browser.table.filter, len(browser.breadcrumbs)) == ("", 2)
    browser.back()
    assert len(browser.breadcrumbs) == 1
    browser.back()
    assert len(browser.breadcrumbs) == 1


@pytest.mark.parametrize("view", VIEWS, ids=[view.name for view in VIEWS])
def test_another_view_closes_all_tables_and_keeps_namespace_and_labels(view: object) -> None:
    browser, informers = browsing("workloads", workload("ledger"), namespace="payments", label_selector="team=a")
    browser.open()

    browser.show(BY_NAME[view.name])  # type: ignore[attr-defined]

    assert len(informers.scopes) == 1
    assert (browser.scope.view, browser.scope.namespace, browser.scope.label_selector) == (view, "payments", "team=a")


def test_the_nodes_of_a_namespace_are_all_nodes() -> None:
    assert browsing("nodes", namespace="payments")[1].scopes == [("nodesummaries", "", {})]


def test_the_pods_of_a_node_are_those_of_the_chosen_namespace() -> None:
    browser, informers = browsing("nodes", node("worker-1"), namespace="payments")

    browser.open()

    assert informers.scopes[-1] == ("podsummaries", "payments", {"fieldSelector": "status.nodeName=worker-1"})


def test_a_namespace_is_chosen_and_left_for_all() -> None:
    browser, informers = browsing("unhealthy")

    browser.ask(PromptKind.NAMESPACE)
    fill_in(browser, " payments ")
    assert informers.scopes == [("podsummaries", "payments", {"fieldSelector": "status.healthy=false"})]
    assert browser.prompt is None
    browser.show_all_namespaces()
    assert informers.scopes == [("podsummaries", "", {"fieldSelector": "status.healthy=false"})]


def test_a_namespace_that_is_shown_is_suggested() -> None:
    browser, _ = browsing("unhealthy", pod("a", "shop"), pod("b", "payments"), pod("c", "shopping"))
    browser.ask(PromptKind.NAMESPACE)
    assert browser.suggestion == ""

    browser.type("s")
    assert browser.suggestion == "shop"
    browser.complete()
    assert browser.prompt == Prompt(PromptKind.NAMESPACE, "shop")
    browser.type("x")
    assert browser.suggestion == ""
    browser.complete()
    assert browser.prompt == Prompt(PromptKind.NAMESPACE, "shopx")


def test_nothing_is_suggested_for_other_prompts() -> None:
    browser, _ = browsing("unhealthy", pod("a", "shop"))
    browser.ask(PromptKind.FILTER)

    browser.type("s")

    assert browser.suggestion == ""


def test_text_is_typed_pasted_erased_and_cleared() -> None:
    browser, _ = browsing("nodes")
    browser.ask(PromptKind.LABELS)

    browser.type("a")
    browser.type("b")
    browser.erase()
    browser.type("=")
    browser.type("x\ny\x1b")
    assert browser.prompt == Prompt(PromptKind.LABELS, "a=xy")
    browser.clear()
    browser.erase()
    assert browser.prompt == Prompt(PromptKind.LABELS, "")


def test_text_that_is_pasted_without_a_prompt_is_ignored() -> None:
    browser, informers = browsing("nodes")

    browser.type("4")

    assert informers.scopes == [("nodesummaries", "", {})]


def test_a_label_selector_replaces_the_top_table() -> None:
    browser, informers = browsing("nodes", node("worker-1"))
    browser.open()

    browser.ask(PromptKind.LABELS)
    fill_in(browser, "app=web")
    assert informers.scopes == [
        ("nodesummaries", "", {}),
        ("podsummaries", "", {"labelSelector": "app=web", "fieldSelector": "status.nodeName=worker-1"}),
    ]
    browser.ask(PromptKind.LABELS)
    assert browser.prompt == Prompt(PromptKind.LABELS, "app=web")
    browser.clear()
    fill_in(browser, "")
    assert informers.scopes[-1] == ("podsummaries", "", {"fieldSelector": "status.nodeName=worker-1"})


def test_a_filter_applies_while_it_is_typed_and_stays_when_submitted() -> None:
    browser, _ = browsing("nodes", node("a"), node("b"))
    browser.ask(PromptKind.FILTER)

    browser.type("b")
    browser.table.arrange()
    assert names(browser.table.rows) == ["b"]
    browser.submit()
    assert (browser.prompt, browser.table.filter) == (None, "b")
    browser.ask(PromptKind.FILTER)
    assert browser.prompt == Prompt(PromptKind.FILTER, "b")


def test_a_cancelled_filter_shows_all_rows() -> None:
    browser, _ = browsing("nodes", node("a"), node("b"))
    browser.ask(PromptKind.FILTER)
    browser.type("b")

    browser.back()

    assert (browser.prompt, browser.table.filter, len(browser.breadcrumbs)) == (None, "", 1)


def test_pages_are_as_long_as_the_screen() -> None:
    browser, _ = browsing("nodes", *(node(f"n{number}") for number in range(9)))
    browser.page_rows = 4

    browser.page(1)
    assert browser.table.cursor == 4
    browser.last()
    assert browser.table.cursor == 8
    browser.page(-1)
    assert browser.table.cursor == 4
    browser.first()
    assert browser.table.cursor == 0


async def test_the_cluster_summary_is_watched_all_the_time() -> None:
    browser, informers = browsing("nodes", node("worker-1"))
    browser.changed.clear()

    list_once(browser.headline)
    browser.show(BY_NAME["images"])

    async with asyncio.timeout(HANGS_AFTER_S):
        await browser.changed.wait()
    assert informers.open[0] is browser.headline
    assert browser.headline.scope.watched.path == "/apis/summary.kubesum.dev/v1alpha1/clustersummaries"
