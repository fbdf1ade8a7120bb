"""docs/resources.md is generated from the declarations."""

from pathlib import Path

from kubesum.render.reference import reference
from kubesum.resources import RESOURCES

DOCS = Path(__file__).parents[3] / "docs"


def test_the_committed_page_is_what_is_generated() -> None:
    assert (DOCS / "resources.md").read_text() == reference(RESOURCES) + "\n"


def test_every_field_and_every_column_is_explained_in_a_sentence() -> None:
    tables = [line for line in reference(RESOURCES).splitlines() if line.startswith("| ") and "---" not in line]
    meanings = [line.strip("| ").split(" | ")[-1] for line in tables if not line.endswith("| meaning |")]

    assert len(meanings) > 200
    assert [meaning for meaning in meanings if not (meaning[:1].isupper() and meaning.endswith("."))] == []


def test_names_clash_neither_with_each_other_nor_with_short_names_of_kubernetes() -> None:
    names = [name for one in RESOURCES for name in (one.plural, one.singular, *one.short_names)]

    assert len(names) == len(set(names))
    assert not set(names) & {
        "no",
        "po",
        "ns",
        "deploy",
        "ds",
        "sts",
        "rs",
        "cj",
        "ev",
        "svc",
        "cm",
        "pv",
        "pvc",
        "ing",
    }


def test_the_built_in_kinds_are_these_and_no_others() -> None:
    assert [(one.plural, one.short_names, one.namespaced) for one in RESOURCES] == [
        ("clusterimagesummaries", ("cimgsum",), False),
        ("clustersummaries", ("clsum",), False),
        ("imagesummaries", ("imgsum",), True),
        ("namespacesummaries", ("nssum",), True),
        ("nodesummaries", ("nosum",), False),
        ("podsummaries", ("posum",), True),
        ("workloadsummaries", ("wlsum",), True),
    ]
