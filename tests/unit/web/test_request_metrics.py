"""The metrics of requests: the names and labels of kube-apiserver, and no more series than resources and verbs."""

import pytest
from prometheus_client import REGISTRY

from kubesum.vocabulary.resource import Source
from kubesum.web.requestmetrics import remove_series
from tests.unit.web.fakeresources import SHELVES, Served, Thing

pytestmark = pytest.mark.asyncio(loop_scope="module")

V = "/apis/summary.kubesum.dev/v1alpha1"
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "SEARCH", "PURGE", "LINK")

Series = frozenset[tuple[str, frozenset[tuple[str, str]]]]


def series() -> Series:
    """Every series that there is."""
    return frozenset(
        (sample.name, frozenset(sample.labels.items()))
        for metric in REGISTRY.collect()
        if not metric.name.startswith("python_")
        for sample in metric.samples
    )


def counted(resource: str) -> dict[str, set[tuple[str, str, str]]]:
    """Verb, scope and code of the requests for a resource, by metric; the code is empty where there is no label."""
    found: dict[str, set[tuple[str, str, str]]] = {}
    for name, labels in series():
        named = dict(labels)
        if named.get("resource") == resource and "verb" in named:
            found.setdefault(name, set()).add((named["verb"], named["scope"], named.get("code", "")))
    return found


async def odd_requests(served: Served, number: int) -> None:
    """Requests that no other has made, of every kind that a client can think of."""
    word = f"w{number}"
    for path in (
        f"/{word}",
        f"/apis/{word}/v1/shelves",
        f"/apis/summary.kubesum.dev/{word}/shelves",
        f"{V}/{word}",
        f"{V}/shelves/{word}",
        f"{V}/shelves/a/{word}",
        f"{V}/namespaces/{word}/boxes",
        f"{V}/namespaces/{word}/shelves",
        f"{V}/namespaces/{word}/boxes/{word}/{word}",
        f"{V}/proxy/shelves/{word}",
        f"{V}/watch/{word}",
        f"{V}/shelves?{word}={word * 100}&dryRun={word}&labelSelector={word}",
        f"{V}/shelves?%ff{word}=%fe&fieldSelector=%ff",
    ):
        await served.request(path, Audit_ID=word, User_Agent=word, X_Remote_User=word, X_Remote_Group=word)
    for method in METHODS:
        for path in (f"/{word}", f"{V}/shelves", f"{V}/shelves/{word}", f"{V}/namespaces/{word}/boxes"):
            await served.request(path, method)


async def test_clients_cannot_create_series(served: Served) -> None:
    await odd_requests(served, 0)
    before = series()

    for number in range(1, 6):
        await odd_requests(served, number)

    assert series() - before == set()


async def test_the_labels_are_those_of_kube_apiserver(served: Served) -> None:
    """k8s.io/apiserver/pkg/endpoints/metrics/metrics.go, cleanVerb: methods, but for reads."""
    remove_series(SHELVES)
    await served.world.put(Source.NODES, Thing("oak"))
    for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "PURGE"):
        await served.request(f"{V}/shelves", method)
    await served.request(f"{V}/shelves/oak")

    reads = {("LIST", "cluster", "200"), ("GET", "resource", "200")}
    writes = {(verb, "cluster", "405") for verb in ("PUT", "PATCH", "DELETE", "other")}
    found = counted("shelves")
    assert found["apiserver_request_total"] == reads | writes | {("POST", "resource", "405")}
    assert found["apiserver_response_sizes_count"] == {("LIST", "cluster", ""), ("GET", "resource", "")}
    assert found["apiserver_request_sli_duration_seconds_count"] == found["apiserver_request_duration_seconds_count"]


async def test_dashboards_and_alerts_of_kube_apiserver_find_their_series(served: Served) -> None:
    """Names, labels and bounds that kubernetes-mixin selects by, for gets and lists; `component` stands for all."""
    await served.world.put(Source.NODES, Thing("oak"))
    await served.request(f"{V}/shelves")
    await served.request(f"{V}/shelves/oak")
    labels = {"group": "summary.kubesum.dev", "version": "v1alpha1", "resource": "shelves", "component": "apiserver"}
    of_list = {**labels, "verb": "LIST", "scope": "cluster", "subresource": ""}
    of_get = {**labels, "verb": "GET", "scope": "resource", "subresource": ""}

    assert {
        (f"apiserver_request{name}", frozenset({**of, **more}.items()))
        for name, of, more in (
            ("_total", of_list, {"code": "200", "dry_run": ""}),
            ("_sli_duration_seconds_count", of_list, {}),
            ("_sli_duration_seconds_bucket", of_list, {"le": "30.0"}),
            ("_sli_duration_seconds_bucket", of_list, {"le": "5.0"}),
            ("_sli_duration_seconds_bucket", of_get, {"le": "1.0"}),
            ("_duration_seconds_bucket", of_get, {"le": "0.05", "dry_run": ""}),
        )
    } - series() == set()


async def test_the_series_of_a_resource_end_with_it(served: Served) -> None:
    await served.request(f"{V}/shelves?watch=true&timeoutSeconds=1")
    await served.request(f"{V}/shelves")
    assert counted("shelves")

    remove_series(SHELVES)

    assert [labels for _, labels in series() if ("resource", "shelves") in labels] == []
    await served.request(f"{V}/shelves")
    assert counted("shelves")["apiserver_request_total"] == {("LIST", "cluster", "200")}
