"""Discovery, probes and metrics over HTTP."""

import hashlib
from dataclasses import replace

import pytest

from kubesum import __version__
from tests.unit.web.fakeresources import Served, local_app

pytestmark = pytest.mark.asyncio(loop_scope="module")


V = "/apis/summary.kubesum.dev/v1alpha1"
V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
V2BETA1 = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList"


async def test_the_aggregator_gets_one_document_with_all_groups(served: Served) -> None:
    """[D1] [D7]"""
    answer = await served.request("/apis", accept=f"{V2},{V2BETA1}")

    assert answer.headers["content-type"] == V2
    assert answer.headers["vary"] == "Accept"
    assert answer.headers["etag"] == f'"{hashlib.sha512(answer.body).hexdigest().upper()}"'
    assert answer.json == {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": [
            {
                "metadata": {"name": "rollup.kubesum.dev", "creationTimestamp": None},
                "versions": [{"version": "v1alpha1", "freshness": "Current", "resources": []}],
            },
            {
                "metadata": {"name": "summary.kubesum.dev", "creationTimestamp": None},
                "versions": [
                    {
                        "version": "v1alpha1",
                        "freshness": "Current",
                        "resources": [
                            {
                                "resource": "boxes",
                                "responseKind": {
                                    "group": "summary.kubesum.dev",
                                    "version": "v1alpha1",
                                    "kind": "Box",
                                },
                                "scope": "Namespaced",
                                "singularResource": "box",
                                "verbs": ["get", "list", "watch"],
                                "shortNames": ["bx"],
                                "categories": ["summaries"],
                            },
                            {
                                "resource": "shelves",
                                "responseKind": {
                                    "group": "summary.kubesum.dev",
                                    "version": "v1alpha1",
                                    "kind": "Shelf",
                                },
                                "scope": "Cluster",
                                "singularResource": "shelf",
                                "verbs": ["get", "list", "watch"],
                                "shortNames": ["sh"],
                                "categories": ["summaries"],
                            },
                        ],
                    }
                ],
            },
        ],
    }


async def test_older_aggregators_get_the_older_version(served: Served) -> None:
    """[D8]"""
    answer = await served.request("/apis", accept=f"{V2BETA1};profile=nopeer,application/json")

    assert answer.headers["content-type"] == V2BETA1
    assert answer.json["apiVersion"] == "apidiscovery.k8s.io/v2beta1"


async def test_a_known_document_is_not_sent_again(served: Served) -> None:
    """[D2] [D3]"""
    etag = (await served.request("/apis", accept=V2)).headers["etag"]

    again = await served.request("/apis", accept=V2, if_none_match=etag)
    resources = await served.request(V, if_none_match=etag)

    assert (again.code, again.body, again.headers["etag"]) == (304, b"", etag)
    assert "location" not in again.headers
    assert resources.code == 200


async def test_other_clients_get_the_lists_by_group_and_version(served: Served) -> None:
    """[D10] [D11]"""
    version = {"groupVersion": "summary.kubesum.dev/v1alpha1", "version": "v1alpha1"}
    group = {"name": "summary.kubesum.dev", "versions": [version], "preferredVersion": version}
    others = {"groupVersion": "rollup.kubesum.dev/v1alpha1", "version": "v1alpha1"}
    without_kinds = {"name": "rollup.kubesum.dev", "versions": [others], "preferredVersion": others}

    assert (await served.request("/apis")).json == {
        "kind": "APIGroupList",
        "apiVersion": "v1",
        "groups": [without_kinds, group],
    }
    assert (await served.request("/apis/summary.kubesum.dev")).json == {
        "kind": "APIGroup",
        "apiVersion": "v1",
        **group,
    }
    assert (await served.request(V)).json == {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": "summary.kubesum.dev/v1alpha1",
        "resources": [
            {
                "name": "boxes",
                "singularName": "box",
                "namespaced": True,
                "kind": "Box",
                "verbs": ["get", "list", "watch"],
                "shortNames": ["bx"],
                "categories": ["summaries"],
            },
            {
                "name": "shelves",
                "singularName": "shelf",
                "namespaced": False,
                "kind": "Shelf",
                "verbs": ["get", "list", "watch"],
                "shortNames": ["sh"],
                "categories": ["summaries"],
            },
        ],
    }


async def test_the_root_lists_the_served_paths(served: Served) -> None:
    assert (await served.request("/")).json == {
        "paths": [
            "/apis",
            "/apis/rollup.kubesum.dev",
            "/apis/rollup.kubesum.dev/v1alpha1",
            "/apis/summary.kubesum.dev",
            "/apis/summary.kubesum.dev/v1alpha1",
            "/healthz",
            "/livez",
            "/metrics",
            "/openapi/v2",
            "/openapi/v3",
            "/readyz",
            "/version",
        ]
    }


async def test_probes_answer_as_kube_apiserver_does(served: Served) -> None:
    """[D13]"""
    plain = await served.request("/readyz")
    verbose = await served.request("/readyz?verbose")
    excluded = await served.request("/readyz?verbose&exclude=ping&exclude=moon")

    assert (plain.code, plain.body) == (200, b"ok")
    assert plain.headers["content-type"] == "text/plain; charset=utf-8"
    assert plain.headers["x-content-type-options"] == "nosniff"
    assert verbose.body == b"[+]ping ok\n[+]informer-sync ok\nreadyz check passed\n"
    assert excluded.body == (
        b"[+]ping excluded: ok\n[+]informer-sync ok\n"
        b'warn: some health checks cannot be excluded: no matches for "moon"\nreadyz check passed\n'
    )


async def test_a_failing_check_fails_readyz_and_not_livez(served: Served) -> None:
    """[D13]"""
    served.world.ready = False

    ready = await served.request("/readyz")
    excluded = await served.request("/readyz?exclude=informer-sync")
    one = await served.request("/readyz/informer-sync")

    assert ready.code == 500
    assert ready.body == b"[+]ping ok\n[-]informer-sync failed: reason withheld\nreadyz check failed\n"
    assert excluded.code == 200
    assert (one.code, one.body) == (500, b"internal server error: informer-sync fails\n")
    assert (await served.request("/livez")).body == b"ok"
    assert (await served.request("/healthz/ping")).body == b"ok"


async def test_the_version_has_the_fields_that_kubectl_reads(served: Served) -> None:
    version = (await served.request("/version")).json

    assert version["gitVersion"] == f"v{__version__}"
    assert all(isinstance(value, str) for value in version.values())


async def test_requests_are_counted_by_verb_and_served_resource(served: Served) -> None:
    await served.request(f"{V}/shelves")
    await served.request(f"{V}/made-up-by-a-client")

    text = (await served.request("/metrics")).body.decode()

    counted = {line.rpartition(" ")[0] for line in text.splitlines() if line.startswith("apiserver_request_total")}
    assert (
        'apiserver_request_total{code="200",component="apiserver",dry_run="",group="summary.kubesum.dev",'
        'resource="shelves",scope="cluster",subresource="",verb="LIST",version="v1alpha1"}'
    ) in counted
    assert (
        'apiserver_request_total{code="404",component="apiserver",dry_run="",group="",'
        'resource="",scope="",subresource="",verb="LIST",version=""}'
    ) in counted
    assert "made-up" not in text
    assert "_created" not in text


async def test_an_unexpected_exception_is_an_internal_error(served: Served) -> None:
    """[E2]"""
    no_checks: dict[str, dict[str, bool]] = {}
    state = replace(served.world.state(), readiness=lambda: no_checks["readyz"])
    served.endpoint.app = local_app(state)

    answer = await served.request("/readyz")

    assert (answer.code, answer.headers["content-type"]) == (500, "application/json")
    assert answer.json["message"] == "Internal error occurred: KeyError"
    assert answer.json["reason"] == "InternalError"
