"""Requests as a real aggregator and a real kubectl made them, replayed: each has its literal answer here."""

import json
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from yarl import URL

from tests.clients.listwatch import connected
from tests.commands.running import ready
from tests.unit.kubesim.runningcluster import node, pod

CAPTURES = Path(__file__).parents[3] / "shared" / "captures" / "aggregator-1.36-kubectl-1.37.jsonl"
ROOT = "/apis/summary.kubesum.dev/v1alpha1"
ONE, MANY = f"{ROOT}/nodesummaries/a", f"{ROOT}/nodesummaries"
DISCOVERED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"

Capture = dict[str, Any]


def code(capture: Capture) -> int:
    """What a read-only server with a node `a` and a namespace `team-a` answers."""
    if capture["method"] != "GET":
        return 405
    if capture["path"].endswith("/missing"):
        return 404
    # NodeSummary has no health to select by, and version 5 is older than anything.
    if "status.health" in capture["query"]:
        return 400
    return 410 if "resourceVersion=5" in capture["query"] else 200


def kind(capture: Capture) -> str:
    """The kind of a good answer; of a watch, that of the object in its first event."""
    path, query, accept = capture["path"], capture["query"], capture["headers"]["accept"]
    if path == "/apis":
        return "APIGroupDiscoveryList"
    if path == ROOT:
        return "APIResourceList"
    if "as=Table" in accept:
        return "Table"
    if "watch=true" in query or path == ONE:
        return "NodeSummary"
    return "NodeSummaryList" if path == MANY else "PodSummaryList"


async def first_document(answer: aiohttp.ClientResponse) -> Any:
    """The body, or of a watch the object of the first event."""
    if "watch=true" not in answer.url.query_string:
        return await answer.json(content_type=None)
    return json.loads(await answer.content.readline())["object"]


async def test_captured_requests_are_answered_as_they_were_meant(tmp_path: Path) -> None:
    """Section 15, items 1 and 2, and the forms of 4.2."""
    if not CAPTURES.exists():
        pytest.skip("the captured requests are not in shared/captures")
    captures: list[Capture] = [json.loads(line) for line in CAPTURES.read_text().splitlines()]
    objects = [
        {"apiVersion": "v1", "kind": "Node", **node("a")},
        {"apiVersion": "v1", "kind": "Pod", **pod("p", "team-a")},
    ]
    dump = tmp_path / "cluster.json"
    dump.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}))

    answered = []
    async with ready(tmp_path, "local", "--from", str(dump)) as local, connected(local.kubeconfig) as session:
        for capture in captures:
            if capture["path"].startswith("/openapi/"):
                continue
            headers = {"accept": "*/*", **capture["headers"]}
            capture["headers"] = headers
            headers.pop("content-length", None)
            url = URL(f"{capture['path']}?{capture['query']}".rstrip("?"), encoded=True)
            async with session.request(capture["method"], url, headers=headers) as answer:
                document = await first_document(answer) if answer.status == 200 else await answer.json()
                expected = kind(capture) if code(capture) == 200 else "Status"
                answered.append((capture["during"], capture["path"], answer.status, document["kind"]))
                assert answered[-1][2:] == (code(capture), expected), answered[-1]
                if capture["path"] == "/apis":
                    assert answer.headers["content-type"] == DISCOVERED
    assert len(answered) > 20
