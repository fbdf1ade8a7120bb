"""Get and list over HTTP: representations, paging, freshness, and errors."""

import asyncio
import base64
import gzip
import itertools
import json
import ssl

import aiohttp
import pytest
import pytest_asyncio

from kubesum.edge.tls.certificates import authority, client
from kubesum.vocabulary.resource import Source, Stale, Unavailable
from tests.unit.web.fakeresources import BOXES, NOW, Served, Thing, client_context

pytestmark = pytest.mark.asyncio(loop_scope="module")


V = "/apis/summary.kubesum.dev/v1alpha1"
TABLE = (
    "application/json;as=Table;v=v1;g=meta.k8s.io,application/json;as=Table;v=v1beta1;g=meta.k8s.io,application/json"
)


@pytest_asyncio.fixture(loop_scope="module")
async def filled(served: Served) -> Served:
    """One shelf and three boxes in two namespaces."""
    await served.world.put(Source.NODES, Thing("oak", labels={"wood": "oak"}))
    await served.world.put(Source.PODS, Thing("b", "team-b"), Thing("a", "team-a"), Thing("cc", "team-a"))
    return served


async def test_a_list_holds_whole_objects_and_a_version(filled: Served) -> None:
    """[L5]"""
    answer = await filled.request(f"{V}/shelves", accept="application/json")

    assert answer.code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "kind": "ShelfList",
        "apiVersion": "summary.kubesum.dev/v1alpha1",
        "metadata": {"resourceVersion": "1790000000000002007"},
        "items": [
            {
                "apiVersion": "summary.kubesum.dev/v1alpha1",
                "kind": "Shelf",
                "metadata": {
                    "name": "oak",
                    "uid": "319dc465-6742-5e5a-8bd5-a3a5af6bd8f2",
                    "resourceVersion": "1790000000000002007",
                    "creationTimestamp": "2026-09-21T14:00:00Z",
                    "labels": {"wood": "oak"},
                },
                "status": {
                    "load": {"cpu": "1500m", "memory": "3Gi"},
                    "openedAt": "2026-09-21T08:00:00Z",
                    "isFull": False,
                },
            }
        ],
    }


async def test_an_empty_table_has_its_columns(served: Served) -> None:
    """[T1] [T6]"""
    answer = await served.request(f"{V}/boxes?limit=500", accept=TABLE)

    assert answer.json == {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": "1790000000000001007"},
        "columnDefinitions": [
            {"name": "NAME", "type": "string", "format": "name", "description": "Name of the object.", "priority": 0},
            {"name": "SIZE", "type": "integer", "format": "", "description": "Size of it.", "priority": 0},
        ],
        "rows": [],
    }


async def test_a_table_row_carries_the_metadata_of_its_object(filled: Served) -> None:
    """[T4] [T9] [T10]"""
    answer = await filled.request(f"{V}/boxes", accept="application/json;as=Table;v=v1beta1;g=meta.k8s.io")

    assert answer.json["rows"][0] == {
        "cells": ["a", 1],
        "object": {
            "kind": "PartialObjectMetadata",
            "apiVersion": "meta.k8s.io/v1beta1",
            "metadata": {
                "name": "a",
                "namespace": "team-a",
                "uid": "b05e83de-39a7-5b65-8343-8c8b352fb908",
                "resourceVersion": "1790000000000003007",
                "creationTimestamp": "2026-09-21T14:00:00Z",
            },
        },
    }


async def test_a_table_row_carries_the_object_or_nothing_as_includeobject_says(filled: Served) -> None:
    """[T4]"""
    whole = await filled.request(f"{V}/shelves?includeObject=Object", accept=TABLE)
    nothing = await filled.request(f"{V}/shelves?includeObject=None", accept=TABLE)

    assert whole.json["rows"][0]["object"]["status"]["load"] == {"cpu": "1500m", "memory": "3Gi"}
    assert nothing.json["rows"] == [{"cells": ["oak", "3Gi", "13m", "(6h13m ago)"], "object": None}]


async def test_a_table_of_one_object_carries_its_version(filled: Served) -> None:
    """[T5]"""
    answer = await filled.request(f"{V}/shelves/oak", accept=TABLE)

    assert answer.json["metadata"] == {"resourceVersion": "1790000000000002007"}
    assert [row["cells"][0] for row in answer.json["rows"]] == ["oak"]


async def test_partial_object_metadata_is_served(filled: Served) -> None:
    accept = "application/json;as=PartialObjectMetadata{};g=meta.k8s.io;v=v1"

    one = await filled.request(f"{V}/namespaces/team-b/boxes/b", accept=accept.format(""))
    many = await filled.request(f"{V}/boxes", accept=accept.format("List"))

    assert one.json["kind"] == "PartialObjectMetadata"
    assert "status" not in one.json
    assert many.json["kind"] == "PartialObjectMetadataList"
    assert [item["metadata"]["name"] for item in many.json["items"]] == ["a", "cc", "b"]


async def test_a_list_in_a_namespace_holds_only_its_objects(filled: Served) -> None:
    """[L10]"""
    answer = await filled.request(f"{V}/namespaces/team-a/boxes")
    empty = await filled.request(f"{V}/namespaces/team/boxes")

    assert [item["metadata"]["name"] for item in answer.json["items"]] == ["a", "cc"]
    assert (empty.code, empty.json["items"]) == (200, [])


async def test_pages_follow_each_other_and_keep_the_version_of_the_first(filled: Served) -> None:
    """[L9]"""
    first = (await filled.request(f"{V}/boxes?limit=2")).json
    await filled.world.put(Source.PODS, Thing("late", "team-z"))
    second = (await filled.request(f"{V}/boxes?limit=2&continue={first['metadata']['continue']}")).json

    assert [item["metadata"]["name"] for item in first["items"]] == ["a", "cc"]
    assert first["metadata"]["remainingItemCount"] == 1
    assert [item["metadata"]["name"] for item in second["items"]] == ["b"]
    assert second["metadata"] == {"resourceVersion": first["metadata"]["resourceVersion"]}


async def test_ages_in_a_table_follow_the_clock(filled: Served) -> None:
    """[T3]"""
    before = await filled.request(f"{V}/shelves", accept=TABLE)
    filled.world.now = NOW + 60
    after = await filled.request(f"{V}/shelves", accept=TABLE)

    assert before.json["rows"][0]["cells"][2] == "13m"
    assert after.json["rows"][0]["cells"][2] == "14m"


async def test_a_change_is_in_the_next_response(filled: Served) -> None:
    await filled.request(f"{V}/boxes")
    await filled.world.put(Source.PODS, Thing("new", "team-c"))

    answer = await filled.request(f"{V}/boxes")

    assert [item["metadata"]["name"] for item in answer.json["items"]] == ["a", "cc", "b", "new"]


async def test_a_large_list_is_compressed_for_clients_that_accept_gzip(served: Served) -> None:
    """[N4] [N6]"""
    await served.world.put(Source.PODS, *(Thing(f"box-{n:04}", "team") for n in range(1000)))

    packed = await served.request(f"{V}/boxes", accept_encoding="gzip")
    plain = await served.request(f"{V}/boxes", accept_encoding="gzip;q=0")
    small = await served.request(f"{V}/boxes?limit=5", accept_encoding="gzip")

    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert gzip.decompress(packed.body) == plain.body
    assert len(plain.json["items"]) == 1000
    assert "content-encoding" not in plain.headers
    assert "content-encoding" not in small.headers


async def test_concurrent_requests_for_one_list_get_the_same_correct_list(served: Served) -> None:
    await served.world.put(Source.PODS, *(Thing(f"box-{n:04}", "team") for n in range(1000)))

    answers = await asyncio.gather(*(served.request(f"{V}/boxes", accept=TABLE) for _ in range(20)))

    assert {answer.code for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1


async def test_head_is_get_without_a_body(filled: Served) -> None:
    """[L11]"""
    for path in (f"{V}/shelves", f"{V}/shelves/oak", "/apis", "/livez", "/version"):
        got, head = await filled.request(path), await filled.request(path, "HEAD")

        assert (head.code, head.body) == (200, b"")
        assert head.headers["content-length"] == str(len(got.body))


async def test_json_is_indented_for_people(filled: Served) -> None:
    """[N3]"""
    curl = await filled.request(f"{V}/shelves/oak", user_agent="curl/8.5.0")
    asked = await filled.request(f"{V}/shelves?pretty=true")

    assert curl.body.startswith(b'{\n  "apiVersion": "summary.kubesum.dev/v1alpha1",\n')
    assert asked.body.startswith(b'{\n  "kind": "ShelfList",\n')


async def test_an_unknown_object_is_404_with_its_full_name(filled: Served) -> None:
    """[E1]"""
    answer = await filled.request(f"{V}/shelves/elm")

    assert answer.code == 404
    assert answer.headers["content-type"] == "application/json"
    assert answer.json == {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": 'shelves.summary.kubesum.dev "elm" not found',
        "reason": "NotFound",
        "details": {"name": "elm", "group": "summary.kubesum.dev", "kind": "shelves"},
        "code": 404,
    }


NOT_SERVED = [
    "/api",
    "/api/v1/pods",
    "/docs",
    "/openapi.json",
    "/apis/other.dev",
    "/apis/summary.kubesum.dev/v9",
    f"{V}/cupboards",
    f"{V}/cupboards/x",
    f"{V}/boxes/a",
    f"{V}/namespaces/team-a",
    f"{V}/namespaces/team-a/shelves",
    f"{V}/namespaces/team-a/shelves/oak",
    f"{V}/namespaces/team-a/boxes/a/status",
    f"{V}/watch/shelves",
    f"{V}/watch/namespaces/team-a/boxes",
    f"{V}/proxy/shelves",
    f"{V}//shelves",
    f"{V}/shelves//",
    f"{V}/./shelves",
    f"{V}/x/../shelves",
    f"{V}/shelves/a%2Fb",
    f"{V}/shelves/%00",
    f"{V}/shelves/%ff",
    f"{V}/shelves/%2e%2e",
    "/readyz/nothing",
]


async def test_a_path_that_is_not_served_is_404(filled: Served) -> None:
    """[E2] [L10]"""
    answers = {path: await filled.request(path) for path in NOT_SERVED}

    assert {path: answer.code for path, answer in answers.items()} == dict.fromkeys(NOT_SERVED, 404)
    assert {answer.json["reason"] for answer in answers.values()} == {"NotFound"}
    assert not any("location" in answer.headers for answer in answers.values())


async def test_a_trailing_slash_is_ignored(filled: Served) -> None:
    """[P16]"""
    for path in ("/apis", "/apis/summary.kubesum.dev", V, f"{V}/shelves", f"{V}/shelves/oak", "/livez", "/version"):
        plain, slash = await filled.request(path), await filled.request(f"{path}/")

        assert (slash.code, slash.body) == (200, plain.body)


async def test_writing_is_405(filled: Served) -> None:
    """[E4]"""
    paths = (f"{V}/shelves", f"{V}/shelves/oak", "/apis", "/version")
    methods = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND")
    for path, method in itertools.product(paths, methods):
        answer = await filled.request(path, method)

        assert (answer.code, answer.headers["allow"]) == (405, "GET, HEAD")
        assert answer.json["reason"] == "MethodNotAllowed"


async def test_writing_to_a_path_that_is_not_served_is_404(filled: Served) -> None:
    for path in (f"{V}/cupboards", f"{V}/boxes/a", "/nothing"):
        assert (await filled.request(path, "DELETE")).code == 404


async def test_invalid_options_are_refused(filled: Served) -> None:
    refused = {
        "labelSelector=a,": "found '', expected: identifier after ','",
        "limit=1_000": 'strconv.ParseInt: parsing "1_000": invalid syntax',
        "limit=": 'strconv.ParseInt: parsing "": invalid syntax',
        "timeout=soon": 'invalid timeout specified in the request URL - time: invalid duration "soon"',
    }

    answers = {query: await filled.request(f"{V}/shelves?{query}") for query in refused}

    assert {answer.code for answer in answers.values()} == {400}
    assert {query: answer.json["message"] for query, answer in answers.items()} == refused


async def test_options_with_empty_values_are_accepted(filled: Served) -> None:
    query = "watch=false&labelSelector=&fieldSelector=&resourceVersion=0&limit=-1&shardSelector=x&a;b&%zz=1"

    answer = await filled.request(f"{V}/shelves?{query}")

    assert (answer.code, len(answer.json["items"])) == (200, 1)


async def test_contradictory_options_are_invalid(filled: Served) -> None:
    """[L7]"""
    answer = await filled.request(f"{V}/shelves?resourceVersionMatch=Exact")

    message = "resourceVersionMatch is forbidden unless resourceVersion is provided"
    assert (answer.code, answer.json["reason"]) == (422, "Invalid")
    assert (
        answer.json["message"] == f'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: {message}'
    )
    assert answer.json["details"]["causes"] == [
        {"reason": "FieldValueForbidden", "message": f"Forbidden: {message}", "field": "resourceVersionMatch"}
    ]


async def test_a_version_in_the_far_future_is_too_large(filled: Served) -> None:
    for path in (f"{V}/shelves", f"{V}/shelves/oak"):
        answer = await filled.request(f"{path}?resourceVersion=1790000060000000000")

        assert (answer.code, answer.json["reason"]) == (504, "Timeout")
        assert answer.json["message"] == (
            "Timeout: Too large resource version: 1790000060000000000, current: 1790000000000002007"
        )
        assert answer.json["details"]["causes"][0]["reason"] == "ResourceVersionTooLarge"
        assert answer.headers["retry-after"] == "1"


async def test_only_the_current_version_can_be_listed_exactly(filled: Served) -> None:
    """[L6]"""
    query = "resourceVersionMatch=Exact&resourceVersion="

    current = await filled.request(f"{V}/shelves?{query}1790000000000002007")
    older = await filled.request(f"{V}/shelves?{query}1790000000000000007")

    assert current.code == 200
    assert (older.code, older.json["reason"]) == (410, "Expired")


async def test_media_types_other_than_json_and_yaml_are_406(filled: Served) -> None:
    """[N1] [N2]"""
    for path in (f"{V}/shelves", f"{V}/shelves/oak", V, "/apis", "/"):
        answer = await filled.request(path, accept="application/vnd.kubernetes.protobuf")

        assert (answer.code, answer.json["reason"]) == (406, "NotAcceptable")
        assert answer.json["message"] == (
            "only the following media types are accepted: application/json, application/yaml"
        )


async def test_until_the_data_are_synced_lists_are_503_and_discovery_is_served(served: Served) -> None:
    """[E5] [D6]"""
    served.world.not_synced = Unavailable("the initial list of pods is not complete yet", transient=True)

    data = await served.request(f"{V}/shelves/elm")
    discovery = await served.request(V)

    assert (data.code, data.json["reason"]) == (503, "ServiceUnavailable")
    assert data.json["message"] == "the initial list of pods is not complete yet"
    assert data.headers["retry-after"] == "1"
    assert (discovery.code, len(discovery.json["resources"])) == (200, 2)


async def test_there_is_no_retry_after_where_only_an_operator_can_help(served: Served) -> None:
    """`kubectl get` of a kind whose source is forbidden hung for ten retries."""
    served.world.not_synced = Unavailable("kubesum may not list pods", transient=False)

    answer = await served.request(f"{V}/shelves")

    assert (answer.code, answer.json["message"]) == (503, "kubesum may not list pods")
    assert "retry-after" not in answer.headers


@pytest.mark.parametrize("path", ["shelves", "shelves/oak", "shelves?watch=true&timeoutSeconds=1"])
@pytest.mark.parametrize("accept", ["application/json", TABLE])
async def test_stale_data_are_served_with_a_warning(filled: Served, path: str, accept: str) -> None:
    """Section 6.3"""
    fresh = await filled.request(f"{V}/{path}", accept=accept)
    filled.world.stale = (Stale("nodes", 240.0),)

    old = await filled.request(f"{V}/{path}", accept=accept)

    assert "warning" not in fresh.headers
    assert (old.code, old.headers["warning"]) == (200, '299 - "data for nodes is 4m old"')


async def test_options_are_validated_before_data_are_required(served: Served) -> None:
    """[E3]"""
    served.world.not_synced = Unavailable("cold", transient=True)

    assert (await served.request(f"{V}/cupboards?limit=x")).code == 404
    assert (await served.request(f"{V}/shelves?limit=x", accept="text/html")).code == 400
    assert (await served.request(f"{V}/shelves", accept="text/html")).code == 406


async def test_a_broken_escape_is_400(served: Served) -> None:
    answer = await served.request(f"{V}/shelves/%zz")

    assert (answer.code, answer.json["message"]) == (400, 'invalid URL escape "%zz"')


async def test_a_resource_that_was_removed_is_404(filled: Served) -> None:
    filled.world.engine.remove(BOXES.plural)

    assert (await filled.request(f"{V}/boxes")).code == 404
    assert [r["name"] for r in (await filled.request(V)).json["resources"]] == ["shelves"]


def continued(version: int) -> str:
    token = {"v": "meta.k8s.io/v1", "rv": version, "start": "team-a/a\u0000"}
    return base64.urlsafe_b64encode(json.dumps(token).encode()).rstrip(b"=").decode()


async def test_an_expired_continue_token_is_410_with_one_for_the_rest_of_now(filled: Served) -> None:
    """[L9]"""
    expired = await filled.request(f"{V}/boxes?continue={continued(5)}")
    rest = await filled.request(f"{V}/boxes?continue={expired.json['metadata']['continue']}")

    assert (expired.code, expired.json["reason"]) == (410, "Expired")
    assert [item["metadata"]["name"] for item in rest.json["items"]] == ["cc", "b"]


async def test_a_client_certificate_of_another_authority_fails_the_handshake(served: Served) -> None:
    other = client(authority("other"), "other")
    directory = served.home
    trusted = authority("irrelevant")
    context = client_context(trusted, other, directory)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE

    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
        with pytest.raises(aiohttp.ClientError):
            await session.get(f"https://127.0.0.1:{served.endpoint.port}/livez")
