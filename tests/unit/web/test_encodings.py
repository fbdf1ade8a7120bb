"""Lists, objects and discovery in every encoding."""

import gzip
import math

import pytest
import pytest_asyncio
import yaml

from kubesum.vocabulary.resource import Source
from tests.unit.web.fakeresources import Served, Thing

pytestmark = pytest.mark.asyncio(loop_scope="module")

V = "/apis/summary.kubesum.dev/v1alpha1"
YAML = "application/yaml"
DISCOVERY = "g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"


@pytest_asyncio.fixture(loop_scope="module")
async def filled(served: Served) -> Served:
    """One shelf and two boxes."""
    await served.world.put(Source.NODES, Thing("oak", labels={"wood": "oak", "build": "12e3"}))
    await served.world.put(Source.PODS, Thing("a", "team-a"), Thing("b", "team-b"))
    return served


async def test_an_object_is_yaml_if_the_client_accepts_it(filled: Served) -> None:
    """[N2]"""
    answer = await filled.request(f"{V}/shelves/oak", accept=YAML)

    assert (answer.code, answer.headers["content-type"]) == (200, YAML)
    assert answer.body.decode() == (
        """\
apiVersion: summary.kubesum.dev/v1alpha1
kind: Shelf
metadata:
  creationTimestamp: '2026-09-21T14:00:00Z'
  labels:
    build: '12e3'
    wood: oak
  name: oak
  resourceVersion: '1790000000000002007'
  uid: 319dc465-6742-5e5a-8bd5-a3a5af6bd8f2
status:
  isFull: false
  load:
    cpu: 1500m
    memory: 3Gi
  openedAt: '2026-09-21T08:00:00Z'
"""
    )


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/apis",
        "/apis/summary.kubesum.dev",
        V,
        f"{V}/boxes",
        f"{V}/boxes?limit=1",
        f"{V}/namespaces/nowhere/boxes",
        f"{V}/namespaces/team-a/boxes/a",
    ],
)
async def test_yaml_has_the_content_of_json(filled: Served, path: str) -> None:
    in_json = await filled.request(path, accept="application/json")
    in_yaml = await filled.request(path, accept=YAML)
    head = await filled.request(path, "HEAD", accept=YAML)

    assert in_yaml.headers["content-type"] == YAML
    assert yaml.safe_load(in_yaml.body) == in_json.json
    assert (head.headers["content-length"], head.headers["content-type"]) == (str(len(in_yaml.body)), YAML)


@pytest.mark.parametrize("form", ["as=Table;g=meta.k8s.io;v=v1", "as=PartialObjectMetadataList;g=meta.k8s.io;v=v1"])
async def test_every_form_of_a_list_is_yaml_if_the_client_accepts_it(filled: Served, form: str) -> None:
    """[T8]"""
    in_json = await filled.request(f"{V}/boxes", accept=f"application/json;{form}")
    in_yaml = await filled.request(f"{V}/boxes", accept=f"{YAML};{form}")

    assert in_yaml.headers["content-type"] == YAML
    assert yaml.safe_load(in_yaml.body) == in_json.json


async def test_aggregated_discovery_is_yaml_if_the_client_accepts_it(served: Served) -> None:
    """[D12]"""
    in_json = await served.request("/apis", accept=f"application/json;{DISCOVERY}")
    in_yaml = await served.request("/apis", accept=f"{YAML};{DISCOVERY}")

    assert in_yaml.headers["content-type"] == f"{YAML};{DISCOVERY}"
    assert yaml.safe_load(in_yaml.body) == in_json.json
    assert in_yaml.headers["etag"] == in_json.headers["etag"]


async def test_a_large_list_in_yaml_is_compressed(served: Served) -> None:
    """[N6]"""
    await served.world.put(Source.PODS, *(Thing(f"box-{n:04}", "team") for n in range(700)))

    packed = await served.request(f"{V}/boxes", accept=YAML, accept_encoding="gzip")
    plain = await served.request(f"{V}/boxes", accept=YAML, accept_encoding="identity")

    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(yaml.safe_load(plain.body)["items"]) == 700


async def test_errors_are_json_for_every_client(served: Served) -> None:
    """[N1]"""
    for path, code in ((f"{V}/shelves/elm", 404), (f"{V}/shelves?limit=x", 400)):
        answer = await served.request(path, accept=YAML)

        assert (answer.code, answer.headers["content-type"]) == (code, "application/json")


async def test_discovery_is_indented_for_people(served: Served) -> None:
    """[N3]"""
    for path in ("/", "/apis", "/apis/summary.kubesum.dev", V):
        assert (await served.request(path, user_agent="curl/8.5.0")).body.startswith(b'{\n  "')
        assert b"\n  " not in (await served.request(path)).body


async def test_pretty_does_not_change_yaml(filled: Served) -> None:
    pretty = await filled.request(f"{V}/boxes?pretty=true", accept=YAML)
    plain = await filled.request(f"{V}/boxes?pretty=false", accept=YAML)

    assert pretty.body == plain.body


@pytest.mark.parametrize("limit", [1, 2, 7, 500])
async def test_pages_of_any_size_join_to_the_whole_list(served: Served, limit: int) -> None:
    """[L9]"""
    things = [Thing(f"box-{n:02}", f"team-{n % 3}") for n in range(20)]
    await served.world.put(Source.PODS, *things)

    whole = [
        (i["metadata"]["namespace"], i["metadata"]["name"])
        for i in (await served.request(f"{V}/boxes")).json["items"]
    ]
    joined: list[tuple[str, str]] = []
    token = ""
    for _ in range(math.ceil(20 / limit)):
        page = (await served.request(f"{V}/boxes?limit={limit}&continue={token}")).json
        joined += [(i["metadata"]["namespace"], i["metadata"]["name"]) for i in page["items"]]
        assert page["metadata"].get("remainingItemCount", 0) == 20 - len(joined)
        token = page["metadata"].get("continue", "")

    assert (joined, token) == (whole, "")
    assert whole == sorted(whole)
