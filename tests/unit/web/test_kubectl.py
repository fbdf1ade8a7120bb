"""The output of the real kubectl."""

from datetime import UTC, datetime

import pytest
import pytest_asyncio

from kubesum.vocabulary.resource import Source, Stale
from tests.unit.web.fakeresources import Served, Thing

pytestmark = [pytest.mark.process, pytest.mark.asyncio(loop_scope="module")]


@pytest_asyncio.fixture(loop_scope="module")
async def filled(served: Served) -> Served:
    """Two shelves and three boxes in two namespaces."""
    await served.world.put(
        Source.NODES,
        Thing("oak", labels={"wood": "oak"}),
        Thing("ash", created=datetime(2026, 9, 19, 2, 13, 20, tzinfo=UTC), labels={"wood": "ash"}),
    )
    await served.world.put(Source.PODS, Thing("b", "team-b"), Thing("a", "team-a"), Thing("cc", "team-a"))
    return served


def lines(text: str) -> list[list[str]]:
    """The lines, split into words."""
    return [line.split() for line in text.splitlines()]


async def test_get_prints_the_declared_columns(filled: Served) -> None:
    code, out, err = await filled.kubectl("get", "sh")

    assert (code, err) == (0, "")
    assert lines(out) == [
        ["NAME", "MEMORY", "AGE"],
        ["ash", "3Gi", "2d12h"],
        ["oak", "3Gi", "13m"],
    ]


async def test_wide_columns_are_printed_on_demand(filled: Served) -> None:
    _, out, _ = await filled.kubectl("get", "shelves", "-o", "wide")

    assert lines(out)[0] == ["NAME", "MEMORY", "AGE", "OPENED"]
    assert lines(out)[1] == ["ash", "3Gi", "2d12h", "(6h13m", "ago)"]


async def test_get_prints_one_object_by_name(filled: Served) -> None:
    code, out, _ = await filled.kubectl("get", "shelf", "oak")

    assert code == 0
    assert lines(out) == [["NAME", "MEMORY", "AGE"], ["oak", "3Gi", "13m"]]


async def test_stale_data_are_printed_with_a_warning_for_each_age(filled: Served) -> None:
    """Section 6.3"""
    filled.world.stale = (Stale("nodes", 240.0), Stale("pods", 240.0), Stale("jobs", 31.0))

    for arguments in (("get", "sh"), ("get", "sh", "oak"), ("get", "sh", "-o", "name")):
        code, out, err = await filled.kubectl(*arguments)

        assert (code, "oak" in out) == (0, True)
        assert err == "Warning: data for nodes, pods is 4m old\nWarning: data for jobs is 31s old\n"


async def test_yaml_shows_the_whole_object(filled: Served) -> None:
    code, out, _ = await filled.kubectl("get", "shelf", "oak", "-o", "yaml")

    assert code == 0
    assert (
        out
        == """\
apiVersion: summary.kubesum.dev/v1alpha1
kind: Shelf
metadata:
  creationTimestamp: "2026-09-21T14:00:00Z"
  labels:
    wood: oak
  name: oak
  resourceVersion: "1790000000000003007"
  uid: 319dc465-6742-5e5a-8bd5-a3a5af6bd8f2
status:
  isFull: false
  load:
    cpu: 1500m
    memory: 3Gi
  openedAt: "2026-09-21T08:00:00Z"
"""
    )


async def test_an_unknown_name_is_not_found(filled: Served) -> None:
    code, out, err = await filled.kubectl("get", "sh", "elm")

    assert (code, out) == (1, "")
    assert err == 'Error from server (NotFound): shelves.summary.kubesum.dev "elm" not found\n'


async def test_an_unknown_name_is_reported_and_not_its_namespace(filled: Served) -> None:
    """kubectl reads the namespace too, and would otherwise report that as missing."""
    in_known = await filled.kubectl("get", "boxes", "-n", "attic", "nails")
    in_unknown = await filled.kubectl("get", "boxes", "-n", "cellar", "nails")

    assert in_known == (1, "", 'Error from server (NotFound): boxes.summary.kubesum.dev "nails" not found\n')
    assert in_unknown == (1, "", 'Error from server (NotFound): namespaces "cellar" not found\n')


async def test_an_empty_list_is_no_error(served: Served) -> None:
    assert await served.kubectl("get", "sh") == (0, "", "No resources found\n")
    assert await served.kubectl("get", "bx", "-n", "x") == (0, "", "No resources found in x namespace.\n")


async def test_all_namespaces_show_a_namespace_column(filled: Served) -> None:
    _, out, _ = await filled.kubectl("get", "bx", "-A")

    assert lines(out) == [
        ["NAMESPACE", "NAME", "SIZE"],
        ["team-a", "a", "1"],
        ["team-a", "cc", "2"],
        ["team-b", "b", "1"],
    ]


async def test_pages_join_to_the_whole_list(filled: Served) -> None:
    _, out, _ = await filled.kubectl("get", "bx", "-A", "--chunk-size=1", "-o", "name")

    assert lines(out) == [
        ["box.summary.kubesum.dev/a"],
        ["box.summary.kubesum.dev/cc"],
        ["box.summary.kubesum.dev/b"],
    ]


async def test_a_namespace_limits_the_list(filled: Served) -> None:
    _, out, _ = await filled.kubectl("get", "bx", "-n", "team-b", "--no-headers")

    assert lines(out) == [["b", "1"]]


async def test_labels_can_be_columns(filled: Served) -> None:
    _, out, _ = await filled.kubectl("get", "sh", "-L", "wood", "--no-headers")

    assert lines(out) == [["ash", "3Gi", "2d12h", "ash"], ["oak", "3Gi", "13m", "oak"]]


async def test_rows_can_be_sorted_by_a_field(filled: Served) -> None:
    _, out, _ = await filled.kubectl("get", "bx", "-A", "--sort-by=.status.size", "--no-headers")

    assert [words[1] for words in lines(out)][-1] == "cc"


async def test_a_category_gets_all_kinds(filled: Served) -> None:
    code, out, _ = await filled.kubectl("get", "summaries", "-n", "team-b")

    assert code == 0
    assert ["box.summary.kubesum.dev/b", "1"] in lines(out)
    assert ["shelf.summary.kubesum.dev/oak", "3Gi", "13m"] in lines(out)


async def test_a_delete_is_not_allowed(filled: Served) -> None:
    """[E7]"""
    code, _, err = await filled.kubectl("delete", "sh", "oak")

    assert code == 1
    assert "(MethodNotAllowed)" in err


async def test_api_resources_prints_the_served_resources(served: Served) -> None:
    _, out, _ = await served.kubectl("api-resources", "--no-headers")

    assert lines(out) == [
        ["boxes", "bx", "summary.kubesum.dev/v1alpha1", "true", "Box"],
        ["shelves", "sh", "summary.kubesum.dev/v1alpha1", "false", "Shelf"],
    ]
