"""Kinds that are added, replaced and removed while the server runs, in a group that is served even without any."""

import json
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from kubesum.vocabulary.resource import ROLLUP_GROUP, Column, Source
from tests.unit.web.fakeresources import BOXES, SHELVES, Answer, Served, Thing, World

pytestmark = pytest.mark.asyncio(loop_scope="module")

ROOT = f"/apis/{ROLLUP_GROUP}/v1alpha1"
V2 = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io"
CRATES = replace(BOXES, kind="Crate", plural="crates", short_names=("cr",), group=ROLLUP_GROUP)
RACKS = replace(SHELVES, kind="Rack", plural="racks", short_names=(), group=ROLLUP_GROUP)
OTHER_CRATES = replace(CRATES, columns=(Column("LENGTH", "Length of the name.", lambda row: len(row.name)),))


@pytest_asyncio.fixture(loop_scope="module")
async def crates(served: Served) -> AsyncIterator[Served]:
    """One crate of a kind that was added at run time, beside the built-in kinds."""
    await served.world.put(Source.PODS, Thing("a", "attic"))
    served.world.engine.add((CRATES,))
    await served.world.engine.publish()
    yield served
    served.world.engine.close()


async def discovered(served: Served) -> dict[str, list[str]]:
    """The plurals of each group in aggregated discovery."""
    answer = await served.request("/apis", accept=V2)
    assert answer.code == 200
    return {
        group["metadata"]["name"]: [one["resource"] for one in group["versions"][0]["resources"]]
        for group in answer.json["items"]
    }


async def etags(served: Served) -> list[str]:
    """The ETags of aggregated discovery and of both OpenAPI documents."""
    answers = [await served.request("/apis", accept=V2), await served.request("/openapi/v2")]
    answers.append(await served.request(f"/openapi/v3{ROOT}"))
    return [answer.headers["etag"] for answer in answers]


async def test_the_group_is_whole_without_a_kind(served: Served) -> None:
    """kube-apiserver marks an APIService unavailable whose group and version is not served."""
    one = await served.request(f"/apis/{ROLLUP_GROUP}")
    kinds = await served.request(ROOT)
    index = (await served.request("/openapi/v3", accept_encoding="identity")).json["paths"]
    schema = await served.request(f"/openapi/v3{ROOT}", accept_encoding="identity")

    assert one.json["preferredVersion"] == {"groupVersion": f"{ROLLUP_GROUP}/v1alpha1", "version": "v1alpha1"}
    assert (kinds.code, kinds.json["resources"]) == (200, [])
    assert list(index) == [f"apis/{ROLLUP_GROUP}/v1alpha1", "apis/summary.kubesum.dev/v1alpha1"]
    assert (schema.code, schema.json["paths"]) == (200, {})
    assert await discovered(served) == {ROLLUP_GROUP: [], "summary.kubesum.dev": ["boxes", "shelves"]}
    assert (await served.request(f"{ROOT}/crates")).code == 404
    assert (await served.request(f"/apis/{ROLLUP_GROUP}/v2")).code == 404


@pytest.mark.process
async def test_kubectl_finds_the_other_kinds_while_the_group_has_none(served: Served) -> None:
    code, out, err = await served.kubectl("api-resources", "-o", "name")

    assert (code, err) == (0, "")
    assert out.split() == ["boxes.summary.kubesum.dev", "shelves.summary.kubesum.dev"]


async def test_an_added_kind_is_served_and_discovered(served: Served) -> None:
    before = await etags(served)
    summaries = (await served.request("/apis/summary.kubesum.dev/v1alpha1")).body

    served.world.engine.add((RACKS, CRATES))
    await served.world.engine.publish()

    assert await discovered(served) == {
        ROLLUP_GROUP: ["crates", "racks"],
        "summary.kubesum.dev": ["boxes", "shelves"],
    }
    assert all(one != other for one, other in zip(before, await etags(served), strict=True))
    assert (await served.request("/apis/summary.kubesum.dev/v1alpha1")).body == summaries
    assert (await served.request(f"{ROOT}/crates")).json["kind"] == "CrateList"
    swagger = await served.request("/openapi/v2", accept_encoding="identity")
    assert f"{ROOT}/namespaces/{{namespace}}/crates" in swagger.json["paths"]


async def test_replicas_send_the_same_bytes_whatever_the_order_of_kinds(served: Served) -> None:
    """kube-apiserver asks one replica now and another then: each difference is a change to it."""
    served.world.engine.add((RACKS,))
    served.world.engine.add((CRATES,))
    one = await etags(served)

    other = World(tag=9)
    other.engine.add((CRATES, RACKS, BOXES, SHELVES))
    served.endpoint.app = other.app()

    assert await etags(served) == one


async def test_a_removed_kind_is_not_found_and_its_watches_end(crates: Served) -> None:
    before = await discovered(crates)
    watching = crates.endpoint.session.get(f"https://127.0.0.1:{crates.endpoint.port}{ROOT}/crates?watch=true")
    async with watching as watch:
        assert json.loads(await watch.content.readline())["type"] == "ADDED"

        crates.world.engine.remove("crates")

        # The response is complete: an aborted one raises ClientPayloadError.
        assert await watch.content.read() == b""
    paths = [f"{ROOT}/crates", f"{ROOT}/namespaces/attic/crates/a", f"{ROOT}/crates?watch=true"]
    assert [(await crates.request(path)).code for path in paths] == [404] * 3
    assert before == {**await discovered(crates), ROLLUP_GROUP: ["crates"]}


async def test_a_replaced_kind_has_other_columns_and_its_watches_begin_anew(crates: Served) -> None:
    """A client that keeps a copy lists again: rows of another definition are not changes of those that it has."""
    at = (await crates.request(f"{ROOT}/crates")).json["metadata"]["resourceVersion"]
    url = f"https://127.0.0.1:{crates.endpoint.port}{ROOT}/crates?watch=true&resourceVersion={at}"
    async with crates.endpoint.session.get(url) as watch:
        crates.world.now += 2
        crates.world.engine.replace(OTHER_CRATES)
        before = await headers(crates)
        await crates.world.engine.publish()

        assert await watch.content.read() == b""
    again = await crates.request(f"{ROOT}/crates?watch=true&allowWatchBookmarks=true&resourceVersion={at}")

    assert (before, await headers(crates)) == (["NAME", "SIZE"], ["LENGTH"])
    assert (again.code, again.json["reason"]) == (410, "Expired")


async def headers(served: Served) -> list[str]:
    """The headers of the table."""
    answer: Answer = await served.request(f"{ROOT}/crates", accept=TABLE)
    columns: list[dict[str, Any]] = answer.json["columnDefinitions"]
    return [column["name"] for column in columns]
