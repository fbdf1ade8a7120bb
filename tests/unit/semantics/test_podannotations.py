"""The annotations that the server is set to read, and no others, become facts of pods."""

import json
from collections.abc import Sequence

import msgspec
import pytest

from kubesum.semantics.facts import PodFacts
from kubesum.semantics.interner import Interner
from kubesum.semantics.podannotations import MAX_CHARACTERS
from kubesum.semantics.pods.resizes import ResizeRule
from kubesum.semantics.watchedresources import watched_pods


def facts(annotations: object, names: Sequence[str]) -> PodFacts:
    """The facts of a pod with these annotations, of which these names are read."""
    watched = watched_pods(Interner(), ResizeRule.PER_POD, names)
    pod = {"metadata": {"name": "a", "namespace": "b", "uid": "u", "annotations": annotations}}
    return watched.transform(msgspec.json.decode(json.dumps(pod), type=watched.view))


@pytest.mark.parametrize(
    ("annotations", "names", "expected"),
    [
        ({"example.com/team": "blue", "other": "x"}, ["example.com/team"], {"example.com/team": "blue"}),
        ({"a": "1", "b": "2"}, ["b", "a", "b"], {"b": "2", "a": "1"}),
        ({"a": ""}, ["a"], {"a": ""}),
        ({}, ["a"], {}),
        ({"a": None}, ["a"], {}),
        ({"a": "1"}, [], {}),
        ({"kubernetes.io/config.mirror": "m"}, ["kubernetes.io/config.mirror"], {"kubernetes.io/config.mirror": "m"}),
        ({"a": "x" * 5000}, ["a"], {"a": "x" * MAX_CHARACTERS}),
    ],
)
def test_those_that_are_named_are_read(annotations: object, names: Sequence[str], expected: dict[str, str]) -> None:
    assert facts(annotations, names).annotations == expected


def test_a_static_pod_is_recognized_all_the_same() -> None:
    """Its mirror annotation tells what it is."""
    mirror = {"kubernetes.io/config.mirror": "m", "a": "1"}

    assert facts(mirror, ["a"]).owner == facts(mirror, []).owner
    assert facts(mirror, ["a"]).owner != facts({}, ["a"]).owner
