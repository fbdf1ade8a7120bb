"""Selectors over HTTP, in requests and with the real kubectl."""

import asyncio
import dataclasses
from urllib.parse import quote

import pytest
import pytest_asyncio

from kubesum.vocabulary.resource import FieldSelector, Source
from tests.unit.web.fakeresources import BOXES, Served, Thing

pytestmark = pytest.mark.asyncio(loop_scope="module")

V = "/apis/summary.kubesum.dev/v1alpha1"
BINS = dataclasses.replace(
    BOXES,
    kind="Bin",
    plural="bins",
    short_names=("bin",),
    field_selectors=(FieldSelector("status.size", lambda _, status: str(status.size)),),
)


@pytest_asyncio.fixture(loop_scope="module")
async def filled(served: Served) -> Served:
    """Two shelves; boxes and bins of the same names in two namespaces."""
    served.world.engine.add((BINS,))
    await served.world.put(
        Source.NODES, Thing("oak", labels={"wood": "oak", "rank": "7"}), Thing("ash", labels={"wood": "ash"})
    )
    await served.world.put(
        Source.PODS,
        Thing("a", "team-a", labels={"app": "web"}),
        Thing("cc", "team-a", labels={"app": "db"}),
        Thing("b", "team-b", labels={"app": "web", "tier": ""}),
    )
    return served


async def names(served: Served, path: str) -> list[str]:
    answer = await served.request(f"{V}/{path}")
    assert answer.code == 200, answer.body
    return [item["metadata"]["name"] for item in answer.json["items"]]


@pytest.mark.parametrize(
    ("path", "labels", "expected"),
    [
        ("shelves", "wood=oak", ["oak"]),
        ("shelves", "wood in (oak, ash)", ["ash", "oak"]),
        ("shelves", "rank>6", ["oak"]),
        ("shelves", "!rank", ["ash"]),
        ("boxes", "app=web", ["a", "b"]),
        ("boxes", "app=web,tier=", ["b"]),
        ("boxes", "app!=web", ["cc"]),
        ("boxes", " ", ["a", "cc", "b"]),
        ("namespaces/team-a/boxes", "app", ["a", "cc"]),
        ("namespaces/team-b/boxes", "app=db", []),
    ],
)
async def test_a_list_is_filtered_by_labels(filled: Served, path: str, labels: str, expected: list[str]) -> None:
    assert await names(filled, f"{path}?labelSelector={quote(labels)}") == expected


@pytest.mark.parametrize(
    ("path", "fields", "expected"),
    [
        ("shelves", "metadata.name=oak", ["oak"]),
        ("shelves", "metadata.name=oak,metadata.namespace=x", []),
        ("boxes", "metadata.name=b", ["b"]),
        ("boxes", "metadata.namespace=team-a", ["a", "cc"]),
        ("boxes", "metadata.namespace!=team-a", ["b"]),
        ("namespaces/team-a/boxes", "metadata.name=a", ["a"]),
        ("namespaces/team-a/boxes", "metadata.name=b", []),
        ("namespaces/team-a/boxes", "metadata.namespace=team-b", []),
        ("bins", "status.size=2", ["cc"]),
        ("bins", "status.size!=2,metadata.namespace=team-b", ["b"]),
    ],
)
async def test_a_list_is_filtered_by_fields(filled: Served, path: str, fields: str, expected: list[str]) -> None:
    """[L4]"""
    assert await names(filled, f"{path}?fieldSelector={quote(fields)}") == expected


async def test_labels_and_fields_filter_together(filled: Served) -> None:
    assert await names(filled, "bins?labelSelector=app%3Dweb&fieldSelector=status.size%3D1") == ["a", "b"]
    assert await names(filled, "bins?labelSelector=app%3Ddb&fieldSelector=status.size%3D1") == []


async def test_a_filtered_list_follows_changes(filled: Served) -> None:
    before = await names(filled, "boxes?labelSelector=app%3Ddb")
    await filled.world.put(Source.PODS, Thing("dd", "team-c", labels={"app": "db"}))

    assert (before, await names(filled, "boxes?labelSelector=app==db")) == (["cc"], ["cc", "dd"])


async def test_pages_of_a_selected_list_join_and_do_not_count_the_rest(served: Served) -> None:
    """[L9]"""
    things = [Thing(f"box-{n:03}", "team", labels={"parity": str(n % 2)}) for n in range(50)]
    await served.world.put(Source.PODS, *things)

    found: list[str] = []
    token = ""
    for _ in range(3):
        page = (await served.request(f"{V}/boxes?labelSelector=parity%3D1&limit=10&continue={token}")).json
        found += [item["metadata"]["name"] for item in page["items"]]
        assert "remainingItemCount" not in page["metadata"]
        token = page["metadata"].get("continue", "")
        if not token:
            break

    assert found == [f"box-{n:03}" for n in range(1, 50, 2)]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("labelSelector=a,", "found '', expected: identifier after ','"),
        ("labelSelector=a%20b", "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"),
        ("fieldSelector=a", "invalid selector: 'a'; can't understand 'a'"),
        (
            "fieldSelector=status.health%3DDegraded",
            '"status.health" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        ("fieldSelector=metadata.name%3D%5Cx", "invalid field selector: invalid escape sequence: \\x"),
    ],
)
async def test_an_invalid_selector_is_400(filled: Served, query: str, message: str) -> None:
    for path in ("shelves", "boxes", "namespaces/team-a/boxes"):
        answer = await filled.request(f"{V}/{path}?{query}")

        assert (answer.code, answer.json["reason"], answer.json["message"]) == (400, "BadRequest", message)


async def test_a_get_ignores_selectors_that_are_not_of_another_object(filled: Served) -> None:
    """[L2] [L3]"""
    labelled = await filled.request(f"{V}/shelves/oak?labelSelector=,&fieldSelector=metadata.name%3Doak")
    other = await filled.request(f"{V}/shelves/oak?fieldSelector=metadata.name%3Dash")

    assert (labelled.code, labelled.json["metadata"]["name"]) == (200, "oak")
    assert (other.code, other.json["message"]) == (400, "fieldSelector metadata.name doesn't match requested name")


async def test_a_long_scan_does_not_block_the_event_loop(served: Served) -> None:
    await served.world.put(
        Source.PODS, *(Thing(f"box-{n:05}", f"team-{n % 9}", labels={"n": str(n)}) for n in range(3000))
    )
    selector = quote(",".join(f"n notin (x{n})" for n in range(300)))

    path = f"{V}/boxes?labelSelector={selector}"
    slow = asyncio.create_task(served.request(path, accept_encoding="identity"))
    probes = 0
    while not slow.done():
        assert (await served.request("/livez")).code == 200
        probes += 1

    assert len((await slow).json["items"]) == 3000
    assert probes > 5


@pytest.mark.process
async def test_kubectl_selects_by_label(filled: Served) -> None:
    code, out, err = await filled.kubectl("get", "bx", "-A", "-l", "app in (web),tier", "-o", "name")

    assert (code, out, err) == (0, "box.summary.kubesum.dev/b\n", "")


@pytest.mark.process
async def test_kubectl_selects_by_field(filled: Served) -> None:
    code, out, err = await filled.kubectl("get", "bin", "-A", "--field-selector", "status.size=2", "--no-headers")

    assert (code, out.split(), err) == (0, ["team-a", "cc", "2"], "")


@pytest.mark.process
async def test_kubectl_joins_the_pages_of_a_filtered_list(filled: Served) -> None:
    _, out, _ = await filled.kubectl("get", "bx", "-A", "-l", "app=web", "--chunk-size=1", "-o", "name")

    assert out.split() == ["box.summary.kubesum.dev/a", "box.summary.kubesum.dev/b"]


@pytest.mark.process
async def test_kubectl_prints_no_object_that_is_not_selected(filled: Served) -> None:
    assert await filled.kubectl("get", "sh", "-l", "wood=elm") == (0, "", "No resources found\n")


@pytest.mark.parametrize(
    ("option", "text", "printed"),
    [
        (
            "-l",
            "wood in oak",
            'that match label selector "wood in oak", field selector "": '
            "unable to parse requirement: found 'oak' expected: '('",
        ),
        (
            "--field-selector",
            "status.health=Degraded",
            'that match label selector "", field selector "status.health=Degraded": '
            '"status.health" is not a known field selector: only "metadata.name", "metadata.namespace"',
        ),
        (
            "--field-selector",
            "oak",
            "that match label selector \"\", field selector \"oak\": invalid selector: 'oak'; can't understand 'oak'",
        ),
    ],
)
@pytest.mark.process
async def test_kubectl_prints_the_error_of_a_selector(filled: Served, option: str, text: str, printed: str) -> None:
    code, _, err = await filled.kubectl("get", "sh", option, text)

    unable = 'Unable to find "summary.kubesum.dev/v1alpha1, Resource=shelves" '
    assert (code, err) == (1, f"Error from server (BadRequest): {unable}{printed}\n")
