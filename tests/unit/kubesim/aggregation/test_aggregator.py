"""The aggregator between the real kubectl and an extension server that records its requests."""

import asyncio
import json
import re

import aiohttp
import pytest

from kubesum.commands.demo.manifests import API_SERVICE
from tests.hanging import HANGS_AFTER_S
from tests.unit.kubesim.aggregation.extensionserver import (
    ROOT,
    aggregated_extension,
    answer,
    condition,
    running_extension,
)
from tests.unit.kubesim.runningcluster import Cluster, node

SUMMARIES = f"{ROOT}/nodesummaries"
EMPTY_LIST = b'{"kind":"NodeSummaryList","apiVersion":"summary.kubesum.dev/v1alpha1","metadata":{},"items":[]}'
TABLE = b'{"kind":"Table","apiVersion":"meta.k8s.io/v1","metadata":{},"columnDefinitions":[],"rows":[]}'


async def until_condition(cluster: Cluster) -> dict[str, str]:
    """Waits for the first condition of the APIService and returns it."""
    async with asyncio.timeout(HANGS_AFTER_S):
        while (stored := cluster.store.get("apiservices", "", API_SERVICE)) is None or b"status" not in stored.body:
            await cluster.store.next_changes("apiservices", cluster.store.version)
    return condition(cluster)


@pytest.mark.process
async def test_an_extension_server_becomes_available_and_is_discovered(cluster: Cluster) -> None:
    async with aggregated_extension(cluster):
        groups = (await cluster.get("/apis", accept="application/json")).json["groups"]
        accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        discovered = (await cluster.get("/apis", accept=accept)).json["items"][-1]
        code, out, _ = await cluster.kubectl("api-resources", "--categories=summaries", "--no-headers")

    assert condition(cluster) == {
        "type": "Available",
        "status": "True",
        "reason": "Passed",
        "message": "all checks passed",
    }
    assert groups[-1]["preferredVersion"]["groupVersion"] == "summary.kubesum.dev/v1alpha1"
    assert discovered["metadata"]["name"] == "summary.kubesum.dev"
    assert discovered["versions"][0]["freshness"] == "Current"
    assert (code, out.split()) == (
        0,
        ["nodesummaries", "nosum", "summary.kubesum.dev/v1alpha1", "false", "NodeSummary"],
    )


async def test_probes_and_discovery_have_the_identity_of_the_aggregator(cluster: Cluster) -> None:
    async with aggregated_extension(cluster) as extension:
        probes, discoveries = extension.requests(ROOT), extension.requests("/apis")

    assert len(probes) == 5
    assert {probe.subject for probe in probes} == {"front-proxy-client"}
    assert {probe.host_asked for probe in probes} == {"kubesum.kubesum-system.svc"}
    assert sorted(probes[0].headers) == [
        ("Accept-Encoding", "gzip"),
        ("Host", extension.address),
        ("User-Agent", "Go-http-client/1.1"),
        ("X-Remote-Group", "system:masters"),
        ("X-Remote-User", "system:kube-aggregator"),
    ]
    assert sorted(discoveries[0].headers) == [
        (
            "Accept",
            "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,"
            "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList",
        ),
        ("Accept-Encoding", "gzip"),
        ("Host", extension.address),
        ("X-Forwarded-Host", cluster.server.address),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Uri", "/apis"),
        ("X-Remote-Group", "system:masters"),
        ("X-Remote-User", "system:kube-aggregator"),
    ]


@pytest.mark.process
async def test_a_list_of_kubectl_arrives_as_from_a_real_aggregator(cluster: Cluster) -> None:
    async with aggregated_extension(cluster) as extension:
        extension.answers[SUMMARIES] = answer(TABLE)
        code, _, err = await cluster.kubectl("get", "nosum", "-l", "zone=a")
        (request,) = extension.requests(SUMMARIES)

    assert (code, err) == (0, "No resources found\n")
    assert request.line == f"GET {SUMMARIES}?labelSelector=zone%3Da&limit=500 HTTP/1.1"
    status_of = [(name, re.sub("[0-9a-f]{64}|[0-9a-f-]{36}", "<id>", value)) for name, value in request.headers]
    user_agents = [value for name, value in status_of if name == "User-Agent"]
    assert len(user_agents) == 1
    assert user_agents[0].startswith("kubectl/v1.")
    assert sorted(pair for pair in status_of if pair[0] != "User-Agent") == [
        (
            "Accept",
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,"
            "application/json",
        ),
        ("Accept-Encoding", "gzip"),
        ("Audit-Id", "<id>"),
        ("Host", extension.address),
        ("Kubectl-Command", "kubectl get"),
        ("Kubectl-Session", "<id>"),
        ("X-Forwarded-For", "127.0.0.1"),
        ("X-Forwarded-Host", cluster.server.address),
        ("X-Forwarded-Proto", "https"),
        ("X-Forwarded-Uri", SUMMARIES),
        ("X-Remote-Extra-Authentication.kubernetes.io%2fcredential-Id", "X509SHA256=<id>"),
        ("X-Remote-Extra-Example.org%2fscopes", "read"),
        ("X-Remote-Extra-Example.org%2fscopes", "write"),
        ("X-Remote-Group", "example.org:platform"),
        ("X-Remote-Group", "system:authenticated"),
        ("X-Remote-Group", "system:masters"),
        ("X-Remote-Uid", "<id>"),
        ("X-Remote-User", "admin"),
    ]
    assert dict(request.headers)["X-Remote-Uid"] == "0b53d6a4-0c1c-4a51-9f0e-51d29a5b8f01"


async def test_a_write_arrives_with_its_body(cluster: Cluster) -> None:
    async with aggregated_extension(cluster) as extension:
        refusal = b'{"kind":"Status","status":"Failure","message":"read only","reason":"MethodNotAllowed","code":405}'
        extension.answers[f"{SUMMARIES}/a"] = answer(refusal, "405 Method Not Allowed")
        sent = await cluster.request(
            "PATCH",
            f"{SUMMARIES}/a?fieldManager=x",
            body={"metadata": {}},
            headers={"Content-Type": "application/merge-patch+json", "X-Remote-User": "forged"},
        )
        (request,) = extension.requests(f"{SUMMARIES}/a")

    assert (sent.code, sent.body) == (405, refusal)
    assert request.body == b'{"metadata": {}}'
    headers = dict(request.headers)
    assert (headers["Content-Type"], headers["Content-Length"]) == ("application/merge-patch+json", "16")
    assert headers["X-Remote-User"] == "admin"


async def test_forbidden_requests_are_not_forwarded(cluster: Cluster) -> None:
    async with aggregated_extension(cluster) as extension:
        extension.answers[f"{ROOT}/namespaces/payments/podsummaries"] = answer(EMPTY_LIST)
        refused = await cluster.get(SUMMARIES, "viewer")
        elsewhere = await cluster.get(f"{ROOT}/podsummaries", "tenant")
        own = await cluster.get(f"{ROOT}/namespaces/payments/podsummaries", "tenant")
        (request,) = extension.requests(f"{ROOT}/namespaces/payments/podsummaries")
        assert extension.requests(SUMMARIES) == extension.requests(f"{ROOT}/podsummaries") == []

    assert (refused.code, elsewhere.code, own.code) == (403, 403, 200)
    assert dict(request.headers)["X-Remote-User"] == "zoë@example.org"


async def test_a_watch_is_streamed_and_ends_when_its_client_disconnects(cluster: Cluster) -> None:
    is_gone = asyncio.Event()
    may_send = asyncio.Event()

    async def watched(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
        await may_send.wait()
        writer.write(b"6\r\nfirst\n\r\n")
        if await reader.read() == b"":
            is_gone.set()

    async with aggregated_extension(cluster) as extension:
        extension.answers[SUMMARIES] = watched
        async with cluster.watch(f"{SUMMARIES}?watch=true") as events:
            may_send.set()
            assert await asyncio.wait_for(events.answer.content.readline(), HANGS_AFTER_S) == b"first\n"
        await asyncio.wait_for(is_gone.wait(), HANGS_AFTER_S)


async def test_an_aborted_response_is_not_complete(cluster: Cluster) -> None:
    async def broken(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nsome \r\n")
        await writer.drain()
        writer.close()

    async with aggregated_extension(cluster) as extension:
        extension.answers[SUMMARIES] = broken
        async with cluster.session() as session, session.get(SUMMARIES) as reply:
            body = await asyncio.gather(reply.read(), return_exceptions=True)

    assert isinstance(body[0], aiohttp.ClientPayloadError)


async def test_redirects_are_not_followed(cluster: Cluster) -> None:
    async with aggregated_extension(cluster) as extension:
        extension.answers[SUMMARIES] = answer(b"", "307 Temporary Redirect", more="Location: /apis\r\n")
        reply = await cluster.get(SUMMARIES)

    assert (reply.code, reply.body) == (
        502,
        b"the backend attempted to redirect this request, which is not permitted\n",
    )


async def test_the_client_gets_headers_of_both_servers(cluster: Cluster) -> None:
    async with aggregated_extension(cluster) as extension:
        extension.answers[SUMMARIES] = answer(EMPTY_LIST, more='Warning: 299 - "old"\r\n')
        async with cluster.session() as session, session.get(SUMMARIES) as reply:
            headers = reply.headers
            (request,) = extension.requests(SUMMARIES)

    assert headers["Warning"] == '299 - "old"'
    assert headers.getall("Cache-Control") == ["no-cache, private"]
    assert headers["Audit-Id"] == dict(request.headers)["Audit-Id"]


@pytest.mark.process
async def test_an_extension_server_that_fails_its_probe_is_unavailable(cluster: Cluster) -> None:
    async with running_extension(cluster) as extension:
        extension.answers[ROOT] = answer(b"{}", "403 Forbidden")
        cluster.server.aggregator.register(extension.address, extension.ca.certificate)
        available = await until_condition(cluster)
        reply = await cluster.get(SUMMARIES)
        code, _, err = await cluster.kubectl("get", "--raw", SUMMARIES)
        accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
        item = (await cluster.get("/apis", accept=accept)).json["items"][-1]

    url = "https://10.96.143.7:443/apis/summary.kubesum.dev/v1alpha1"
    assert available == {
        "type": "Available",
        "status": "False",
        "reason": "FailedDiscoveryCheck",
        "message": f"failing or missing response from {url}: bad status from {url}: 403",
    }
    assert (reply.code, reply.body) == (503, b"service unavailable\n")
    assert (code, err) == (
        1,
        "Error from server (ServiceUnavailable): the server is currently unable to handle the request\n",
    )
    assert item["versions"] == [{"version": "v1alpha1", "resources": [], "freshness": "Stale"}]


async def test_a_certificate_for_another_name_is_not_trusted(cluster: Cluster) -> None:
    async with running_extension(cluster, host="localhost") as extension:
        cluster.server.aggregator.register(extension.address, extension.ca.certificate)
        available = await until_condition(cluster)

    url = "https://10.96.143.7:443/apis/summary.kubesum.dev/v1alpha1"
    assert available == {
        "type": "Available",
        "status": "False",
        "reason": "FailedDiscoveryCheck",
        "message": f'failing or missing response from {url}: Get "{url}": tls: failed to verify certificate: x509: '
        "certificate is valid for localhost, not kubesum.kubesum-system.svc",
    }


async def test_before_the_next_probe_a_stopped_extension_server_is_an_error_of_the_proxy(cluster: Cluster) -> None:
    async with aggregated_extension(cluster) as extension:
        extension.answers[SUMMARIES] = answer(EMPTY_LIST)

    reply = await cluster.get(SUMMARIES)

    assert reply.code == 503
    assert reply.body == b"error trying to reach service: dial tcp 10.96.143.7:443: connect: connection refused\n"


async def test_without_registration_the_group_does_not_exist(cluster: Cluster) -> None:
    reply = await cluster.get(SUMMARIES)

    assert (reply.code, reply.json["message"]) == (404, "the server could not find the requested resource")
    assert "summary.kubesum.dev" not in json.dumps((await cluster.get("/apis")).json)


async def test_the_openapi_index_has_the_extension_servers_document(cluster: Cluster) -> None:
    own = {"serverRelativeURL": f"/openapi/v3{ROOT}?hash=1"}
    index = {"paths": {ROOT.strip("/"): own, "version": {"serverRelativeURL": "/openapi/v3/version"}}}
    async with aggregated_extension(cluster) as extension:
        extension.answers["/openapi/v3"] = answer(json.dumps(index).encode())
        extension.answers[f"/openapi/v3{ROOT}"] = answer(b'{"openapi":"3.0.0"}')
        paths = (await cluster.get("/openapi/v3")).json["paths"]
        document = await cluster.get(f"/openapi/v3{ROOT}?hash=1", "tenant")

    assert paths[ROOT.strip("/")] == own
    assert "version" not in paths
    assert "apis/apps/v1" in paths
    assert document.json == {"openapi": "3.0.0"}


@pytest.mark.process
async def test_built_in_resources_are_not_forwarded(cluster: Cluster) -> None:
    cluster.store.put("nodes", node("a"))
    async with aggregated_extension(cluster) as extension:
        assert (await cluster.kubectl("get", "nodes", "-o", "name"))[1] == "node/a\n"
        assert {request.path for request in extension.received} == {ROOT, "/apis"}
