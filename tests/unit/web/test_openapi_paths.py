"""The OpenAPI documents over HTTP, and `kubectl explain` with them."""

import gzip
import hashlib

import pytest
import pytest_asyncio

from kubesum.resources import RESOURCES
from kubesum.vocabulary.resource import Unavailable
from tests.unit.web.fakeresources import BOXES, SHELVES, Answer, Served

pytestmark = pytest.mark.asyncio(loop_scope="module")

V = "/apis/summary.kubesum.dev/v1alpha1"
V3 = f"/openapi/v3{V}"
PATHS = ["/openapi/v2", "/openapi/v3", V3]
PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
V3_PROTOBUF = "application/com.github.proto-openapi.spec.v3@v1.0+protobuf"


@pytest_asyncio.fixture(loop_scope="module")
async def explained(served: Served) -> Served:
    """A server of the built-in resources without data."""
    served.world.engine.add(RESOURCES)
    return served


async def request(served: Served, path: str, method: str = "GET", **headers: str) -> Answer:
    """The response to a request without compression."""
    return await served.request(path, method, accept_encoding="identity", **headers)


@pytest.mark.parametrize("path", PATHS)
async def test_a_document_is_served_with_its_hash(served: Served, path: str) -> None:
    """[O1] [O6] [O7] [O9]"""
    answer = await request(served, path, accept="application/json")

    assert answer.code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["etag"] == f'"{hashlib.sha512(answer.body).hexdigest().upper()}"'
    assert answer.headers["vary"] == "Accept, Accept-Encoding"
    assert "cache-control" not in answer.headers


@pytest.mark.parametrize("path", PATHS)
async def test_a_known_document_is_not_sent_again(served: Served, path: str) -> None:
    """[O1]"""
    etag = (await request(served, path)).headers["etag"]

    again = await request(served, path, if_none_match=etag)
    other = await request(served, path, if_none_match='"other"')

    assert (again.code, again.body, again.headers["etag"]) == (304, b"", etag)
    assert other.code == 200


@pytest.mark.parametrize("path", PATHS)
async def test_a_document_is_compressed_for_clients_that_accept_gzip(served: Served, path: str) -> None:
    """[O6]"""
    plain = await request(served, path)
    packed = await served.request(path, accept_encoding="gzip")

    assert packed.headers["content-encoding"] == "gzip"
    assert packed.headers["etag"] == plain.headers["etag"]
    assert gzip.decompress(packed.body) == plain.body


@pytest.mark.parametrize("path", PATHS)
async def test_other_media_types_are_not_acceptable(served: Served, path: str) -> None:
    """[O6] [O9]"""
    for accept in ("text/html", "application/yaml", V3_PROTOBUF):
        answer = await request(served, path, accept=accept)

        assert (answer.code, answer.json["reason"]) == (406, "NotAcceptable")


@pytest.mark.parametrize("path", PATHS)
async def test_a_document_is_read_only(served: Served, path: str) -> None:
    head = await request(served, path, "HEAD")

    assert (head.code, head.body) == (200, b"")
    assert head.headers["etag"] == (await request(served, path)).headers["etag"]
    assert (await request(served, path, "POST")).code in (404, 405)


async def test_a_document_asked_for_by_its_hash_may_be_cached_for_a_year(served: Served) -> None:
    """[O10]"""
    place = (await request(served, "/openapi/v3")).json["paths"][V.strip("/")]["serverRelativeURL"]

    answer = await request(served, place)

    assert answer.code == 200
    assert place == f"{V3}?hash={answer.headers['etag'].strip(chr(34))}"
    assert answer.headers["cache-control"] == "public, immutable"
    assert answer.headers["expires"] == "Tue, 21 Sep 2027 14:13:20 GMT"


@pytest.mark.parametrize("query", ["", "?hash=", "?hash=0123ABCD"])
async def test_another_hash_gets_the_current_document(served: Served, query: str) -> None:
    """[O10]"""
    answer = await request(served, f"{V3}{query}")

    assert answer.code == 200
    assert not {"cache-control", "expires", "location"} & {name.lower() for name in answer.headers}


async def test_a_group_that_is_not_served_has_no_document(served: Served) -> None:
    paths = ["/openapi", "/openapi/v4", "/openapi/v3/apis", "/openapi/v3/apis/summary.kubesum.dev/v9", f"{V3}/boxes"]
    answers = {path: await request(served, path) for path in paths}

    assert {path: answer.code for path, answer in answers.items()} == dict.fromkeys(paths, 404)
    assert {answer.json["reason"] for answer in answers.values()} == {"NotFound"}


async def test_a_resource_that_is_added_is_in_the_next_document(served: Served) -> None:
    before = await request(served, V3)
    served.world.engine.add(RESOURCES)
    after = await request(served, V3)

    assert f"{V}/nodesummaries" not in before.json["paths"]
    assert f"{V}/nodesummaries" in after.json["paths"]
    assert {f"{V}/{one.plural}" for one in (BOXES, SHELVES)} <= set(after.json["paths"])
    assert before.headers["etag"] != after.headers["etag"]


async def test_documents_are_served_before_the_data_are_synced(served: Served) -> None:
    """[D6]"""
    served.world.not_synced = Unavailable("pods are not synced yet", transient=True)

    assert [(await request(served, path)).code for path in PATHS] == [200] * 3


async def test_kubectl_gets_protobuf(served: Served) -> None:
    """kubectl accepts nothing else from a server without kube-apiserver in front."""
    answer = await request(served, "/openapi/v2", accept=PROTOBUF)

    assert answer.headers["content-type"] == PROTOBUF.replace("@", ".")
    assert answer.body.startswith(b"\x0a\x032.0\x12")
    assert answer.headers["etag"] != (await request(served, "/openapi/v2")).headers["etag"]


@pytest.mark.process
async def test_a_kind_is_explained(explained: Served) -> None:
    code, out, err = await explained.kubectl("explain", "nosum")

    assert (code, err) == (0, "")
    assert (
        out
        == """\
GROUP:      summary.kubesum.dev
KIND:       NodeSummary
VERSION:    v1alpha1

DESCRIPTION:
    Resources of a node, the requests and state of its pods, and its problems.
    
FIELDS:
  apiVersion	<string>
    Group and version of the kind.

  kind	<string>
    Kind of the object, in CamelCase.

  metadata	<ObjectMeta>
    What identifies the object.

  status	<NodeSummaryStatus>
    Computed values; there is no spec, because the object is read-only.


"""  # noqa: W293
    )


@pytest.mark.process
async def test_a_field_is_explained_with_its_unit(explained: Served) -> None:
    code, out, _ = await explained.kubectl("explain", "nosum.status.requests")

    words = " ".join(out.split())
    assert code == 0
    assert "FIELD: requests <map[string]string>" in words
    assert "Sum of the effective requests of the active pods assigned to the node" in words
    assert "Ki, Mi, Gi, Ti, Pi or Ei for powers of 1024." in words


@pytest.mark.process
async def test_all_fields_are_listed(explained: Served) -> None:
    code, out, _ = await explained.kubectl("explain", "wlsum", "--recursive")

    lines = out.splitlines()
    assert code == 0
    assert "    health\t<string>" in lines
    assert "    statusCounts\t<[]ReasonCount>" in lines
    assert "      count\t<integer>" in lines
    assert "    workloadRef\t<WorkloadReference>" in lines


@pytest.mark.process
async def test_a_kind_is_explained_from_the_older_document(explained: Served) -> None:
    """The decoder of kubectl is gnostic's."""
    code, out, err = await explained.kubectl("explain", "posum.status", "--output=plaintext-openapiv2")

    words = " ".join(out.split())
    assert (code, err) == (0, "")
    assert "KIND: PodSummary VERSION: summary.kubesum.dev/v1alpha1 RESOURCE: status <Object>" in words
    assert "pendingReasons <[]Object> Reasons why the pod is not scheduled" in words
    assert "requests <map[string]string> Effective requests of the pod" in words
    assert "readyContainers <integer> Number of ready containers, sidecars included." in words
