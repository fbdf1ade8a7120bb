"""The two Kubernetes clients that Python programs use, on the computed kinds.

Both wait without a thread of their own: kubernetes_asyncio on the event loop, the official client in tests
that are no coroutines.
"""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from typing import Any

import kubernetes
import kubernetes_asyncio
import pytest
import pytest_asyncio

from tests.commands.running import Ready
from tests.hanging import HANGS_AFTER_S

on_the_loop = pytest.mark.asyncio(loop_scope="module")

NODE_SUMMARIES = ("summary.kubesum.dev", "v1alpha1", "nodesummaries")
NODES = ["cp-01", "cp-02", "cp-03", "data-a-07", "gpu-c-06", "worker-a-04", "worker-b-05", "worker-b-08"]


@pytest_asyncio.fixture(loop_scope="module")
async def asynchronous(demo: Ready) -> AsyncIterator[kubernetes_asyncio.client.ApiClient]:
    """A client of kubernetes_asyncio."""
    configuration = kubernetes_asyncio.client.Configuration()
    await kubernetes_asyncio.config.load_kube_config(str(demo.kubeconfig), client_configuration=configuration)
    async with kubernetes_asyncio.client.ApiClient(configuration) as client, asyncio.timeout(HANGS_AFTER_S):
        yield client


@pytest.fixture
def official(demo: Ready) -> Iterator[kubernetes.client.ApiClient]:
    """A client of the official package."""
    with kubernetes.config.new_client_from_config(str(demo.kubeconfig)) as client:
        yield client
        # The client leaves its connections open when it is closed.
        client.rest_client.pool_manager.clear()


def described(event: dict[str, Any], label: str) -> tuple[str, str, str | None]:
    """Type, name and a label of an event."""
    metadata = event["object"]["metadata"]
    return event["type"], metadata["name"], metadata.get("labels", {}).get(label)


def labels(**values: str) -> dict[str, Any]:
    """A patch that sets labels."""
    return {"metadata": {"labels": values}}


async def next_event(client: kubernetes_asyncio.client.ApiClient, version: str) -> dict[str, Any]:
    """What follows a version, as the asynchronous client sees it."""
    summaries = kubernetes_asyncio.client.CustomObjectsApi(client)
    async with kubernetes_asyncio.watch.Watch() as watch:
        events = watch.stream(summaries.list_cluster_custom_object, *NODE_SUMMARIES, resource_version=version)
        async for event in events:
            return event
    raise AssertionError("the watch ended")


@on_the_loop
async def test_the_asynchronous_client_lists_then_watches_then_resumes(
    asynchronous: kubernetes_asyncio.client.ApiClient,
) -> None:
    nodes = kubernetes_asyncio.client.CoreV1Api(asynchronous)
    summaries = kubernetes_asyncio.client.CustomObjectsApi(asynchronous)
    listed = await summaries.list_cluster_custom_object(*NODE_SUMMARIES)

    await nodes.patch_node("cp-01", labels(tier="one"))
    first = await next_event(asynchronous, listed["metadata"]["resourceVersion"])
    await nodes.patch_node("cp-02", labels(tier="two"))
    second = await next_event(asynchronous, first["object"]["metadata"]["resourceVersion"])

    assert [item["metadata"]["name"] for item in listed["items"]] == NODES
    assert described(first, "tier") == ("MODIFIED", "cp-01", "one")
    assert described(second, "tier") == ("MODIFIED", "cp-02", "two")


@on_the_loop
async def test_the_asynchronous_client_is_given_what_exists(
    asynchronous: kubernetes_asyncio.client.ApiClient,
) -> None:
    summaries = kubernetes_asyncio.client.CustomObjectsApi(asynchronous)

    async with kubernetes_asyncio.watch.Watch() as watch:
        events = watch.stream(summaries.list_cluster_custom_object, *NODE_SUMMARIES, timeout_seconds=1)
        found = [described(event, "kubernetes.io/hostname") async for event in events]

    assert sorted(found) == [("ADDED", name, name) for name in NODES]


@on_the_loop
async def test_the_asynchronous_client_is_told_of_a_version_that_is_gone(
    asynchronous: kubernetes_asyncio.client.ApiClient,
) -> None:
    with pytest.raises(kubernetes_asyncio.client.ApiException) as refused:
        await next_event(asynchronous, "5")

    assert refused.value.status == 410
    assert str(refused.value.reason).startswith("Expired: too old resource version: 5 (")


def test_the_official_client_lists_then_watches_then_resumes(official: kubernetes.client.ApiClient) -> None:
    nodes, summaries = kubernetes.client.CoreV1Api(official), kubernetes.client.CustomObjectsApi(official)
    listed: Any = summaries.list_cluster_custom_object(*NODE_SUMMARIES, _request_timeout=HANGS_AFTER_S)

    nodes.patch_node("cp-03", labels(tier="one"))
    first = next_official_event(official, listed["metadata"]["resourceVersion"])
    nodes.patch_node("gpu-c-06", labels(tier="two"))
    second = next_official_event(official, first["object"]["metadata"]["resourceVersion"])

    assert [item["metadata"]["name"] for item in listed["items"]] == NODES
    assert described(first, "tier") == ("MODIFIED", "cp-03", "one")
    assert described(second, "tier") == ("MODIFIED", "gpu-c-06", "two")


def test_the_official_client_is_given_what_exists(official: kubernetes.client.ApiClient) -> None:
    summaries = kubernetes.client.CustomObjectsApi(official)
    events = kubernetes.watch.Watch().stream(
        summaries.list_cluster_custom_object, *NODE_SUMMARIES, timeout_seconds=1, _request_timeout=HANGS_AFTER_S
    )

    assert sorted(described(event, "kubernetes.io/hostname") for event in events) == [
        ("ADDED", name, name) for name in NODES
    ]


def test_the_official_client_is_told_of_a_version_that_is_gone(official: kubernetes.client.ApiClient) -> None:
    with pytest.raises(kubernetes.client.ApiException) as refused:
        next_official_event(official, "5")

    assert (refused.value.status, refused.value.reason) == (410, "Gone")


def test_the_official_dynamic_client_finds_the_kinds_by_discovery(official: kubernetes.client.ApiClient) -> None:
    dynamic = kubernetes.dynamic.DynamicClient(official)
    resource = dynamic.resources.get(api_version="summary.kubesum.dev/v1alpha1", kind="NodeSummary")
    found = resource.get(label_selector="node-role.kubernetes.io/control-plane")

    assert (resource.name, resource.short_names, resource.namespaced) == ("nodesummaries", ["nosum"], False)
    assert [item.metadata.name for item in found.items] == NODES[:3]


def next_official_event(client: kubernetes.client.ApiClient, version: str) -> dict[str, Any]:
    """What follows a version, as the official client sees it."""
    summaries = kubernetes.client.CustomObjectsApi(client)
    watch = kubernetes.watch.Watch()
    events = watch.stream(
        summaries.list_cluster_custom_object,
        *NODE_SUMMARIES,
        resource_version=version,
        _request_timeout=HANGS_AFTER_S,
    )
    with closing(events):
        return next(events)
