"""Files are read as the real kubectl reads them, with the exceptions that are named here."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubesum.kube.files.documents import Document
from kubesum.kube.files.objects import Object, objects
from kubesum.kube.files.texts import documents
from tests.oracle.kubectl import kubectl

ANSWERS = Path(__file__).parents[1] / "unit" / "kube" / "files" / "kubectl.jsonl"
MARKERS = re.compile(r"\n---|\n\.\.\.|\r(?!\n)")
"""Of documents and lines: what kubectl reads of a document that has them depends on the one that follows."""
LARGEST_EXACT = 2**53
"""kubectl prints floats below 10^21 without an exponent: only smaller integers can be told from them."""


async def by_kubectl(home: Path, text: str) -> list[Any]:
    """The objects that kubectl reads."""
    file = home / "dump"
    file.write_bytes(text.encode())
    # It prints what it reads and needs no server.
    printed = await kubectl(
        home / "config", "annotate", "--local", "--filename", str(file), "by=kubectl", "--output=json"
    )
    found = [json.loads(bytes(one.value)) for one in documents(printed.encode()) if isinstance(one, Document)]
    for one in found:
        one["metadata"]["annotations"].pop("by")
        if not one["metadata"]["annotations"]:
            del one["metadata"]["annotations"]
    return [kept(one) for one in found]


def by_kubesum(text: str) -> list[Any]:
    """The objects that are read here."""
    return [
        kept(json.loads(bytes(found.value)) | {"apiVersion": found.type.api_version, "kind": found.type.kind})
        for document in documents(text.encode())
        if isinstance(document, Document)
        for found in objects(document, "dump")
        if isinstance(found, Object)
    ]


def kept(value: Any) -> Any:
    """A value without large integers."""
    if isinstance(value, dict):
        return {key: kept(one) for key, one in value.items()}
    if isinstance(value, list):
        return [kept(one) for one in value]
    return float(value) if isinstance(value, int) and abs(value) > LARGEST_EXACT else value


def thing(name: str, **fields: Any) -> Any:
    """An object of a kind that kubectl does not know, so that it keeps every field as it is."""
    return {"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": name}, **fields}


async def test_scalars_maps_and_aliases_of_yaml(tmp_path: Path) -> None:
    questions = [json.loads(line)["yaml"] for line in ANSWERS.read_text().splitlines() if '"json"' in line]
    asked = [text for text in questions if text.startswith(("a:", "b:", "x:")) and MARKERS.search(text) is None]
    header = "---\napiVersion: example.org/v1\nkind: Thing\nmetadata: {name: t}\n"
    text = "".join(header + question for question in asked)

    assert len(asked) > 250
    assert by_kubesum(text) == await by_kubectl(tmp_path, text)


A, B, C = (json.dumps(thing(name)) for name in "abc")
POD = {"metadata": {"name": "p", "namespace": "team"}, "spec": {"nodeName": "n1"}}


def listed(kind: str, *items: Any, version: str = "v1") -> str:
    return json.dumps({"apiVersion": version, "kind": kind, "items": items})


@pytest.mark.parametrize(
    "text",
    [
        A + B,
        f"{A}\n{B}\n{C}",
        f"\n\n{A}\n\n\n{B}\n\n",
        f"{A}\n---\n{B}\n---\n{C}\n",
        f"{A}\n---\n{yaml.safe_dump(thing('b'))}",
        f"{yaml.safe_dump(thing('a'))}---\n{B}\n",
        f"---\n---\n{yaml.safe_dump(thing('a'))}--- # b\n{yaml.safe_dump(thing('b'))}---\n",
        f"# a\n{yaml.safe_dump(thing('a'))}".replace("\n", "\r\n"),
        f"\ufeff{yaml.safe_dump(thing('a'))}",
        json.dumps(thing("a"), indent=4),
        A[:-1] + ", }",
        A.replace(": ", ":\t"),
        listed("List", thing("a"), thing("b")),
        listed("PodList", POD, POD | {"kind": None, "apiVersion": None}),
        listed("PodList", POD, thing("a")),
        listed("ThingList", thing("a"), {"metadata": {"name": "b"}}, version="example.org/v1"),
        "&x {apiVersion: example.org/v1, kind: Thing, metadata: &m {name: a}, again: *m}",
    ],
)
async def test_objects_of_a_file(tmp_path: Path, text: str) -> None:
    ours, theirs = by_kubesum(text), await by_kubectl(tmp_path, text)

    # Of kinds that it knows, kubectl prints each field that it knows.
    assert [identity(one) for one in ours] == [identity(one) for one in theirs]
    assert [one for one in ours if one["kind"] == "Thing"] == [one for one in theirs if one["kind"] == "Thing"]


def identity(found: Any) -> Any:
    metadata = found["metadata"]
    return found["kind"], metadata.get("namespace"), metadata["name"], found.get("spec", {}).get("nodeName")


@pytest.mark.parametrize(
    ("text", "ours"),
    [
        (f"[{A},{B}]", "ab"),
        (f"%YAML 1.1\n---\n{yaml.safe_dump(thing('a'))}", "a"),
        (f"--- {A}\n", "a"),
        (f"{A}\n{{b\n{C}\n", "ac"),
        (f"{yaml.safe_dump(thing('a'))}---\nb: [\n---\n{C}\n", "ac"),
        (f"{A}\n{B}\n{C[:20]}", "ab"),
        (f"Warning: deprecated\n{A}\n", "a"),
        (listed("List", thing("a"), {"metadata": {"name": "b"}}), "a"),
    ],
)
async def test_what_kubectl_refuses_and_is_read_here_as_far_as_it_goes(tmp_path: Path, text: str, ours: str) -> None:
    assert "".join(one["metadata"]["name"] for one in by_kubesum(text)) == ours
    with pytest.raises(AssertionError):
        await by_kubectl(tmp_path, text)


@pytest.mark.parametrize(
    ("text", "ours", "theirs"),
    [
        # It takes a text that begins with a comment for YAML, and of YAML one object.
        (f"# two\n{A}\n{B}\n", "ab", "a"),
        (f"{yaml.safe_dump(thing('a'))}...\n{yaml.safe_dump(thing('b'))}", "ab", "a"),
    ],
)
async def test_what_kubectl_passes_over_and_is_read_here(tmp_path: Path, text: str, ours: str, theirs: str) -> None:
    assert "".join(one["metadata"]["name"] for one in by_kubesum(text)) == ours
    assert "".join(one["metadata"]["name"] for one in await by_kubectl(tmp_path, text)) == theirs


TEXTS = st.text(max_size=8) | st.text(alphabet="+-0123456789_.eExXoOyYnN~=<: #", max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**64), 2**64)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=12,
)
THINGS = st.builds(thing, st.sampled_from(["a", "b"]), spec=VALUES)


@st.composite
def files(draw: st.DrawFn) -> str:
    """A file as a person, a script or a client writes it: JSON or YAML, in lists or one after the other."""
    things = draw(st.lists(THINGS, min_size=1, max_size=4))
    if draw(st.booleans()):
        things = [{"apiVersion": "v1", "kind": "List", "items": things}]
    if draw(st.booleans()):
        written = [json.dumps(one, indent=draw(st.sampled_from([None, 2]))) for one in things]
        # After a separator it goes on as YAML, which knows no surrogate pairs.
        separators = ["", "\n", "\n\n"] if "\\u" in "".join(written) else ["", "\n", "\n\n", "\n---\n"]
        return draw(st.sampled_from(separators)).join(written)
    is_flow, is_unicode = draw(st.sampled_from([None, True, False])), draw(st.booleans())
    return "---\n".join(yaml.safe_dump(one, default_flow_style=is_flow, allow_unicode=is_unicode) for one in things)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files())
async def test_generated_files(tmp_path: Path, text: str) -> None:
    assert by_kubesum(text) == await by_kubectl(tmp_path, text)
