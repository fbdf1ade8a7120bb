"""YAML as kubectl reads it. `kubectl.jsonl` holds the answers of sigs.k8s.io/yaml 1.6.0, which is in kubectl 1.37."""

import json
import string
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kubesum.kube.files.yamldocuments import documents, written_documents
from kubesum.kube.fitting import Written

ANSWERS = [json.loads(line) for line in Path(__file__).with_name("kubectl.jsonl").read_text().splitlines()]


def read(text: str) -> Any:
    """The first document, as JSON has it; kubectl reads no second one up to the next separator."""
    return json.loads(json.dumps(next(documents(text.encode()), None)))


def refusal(text: str) -> str:
    with pytest.raises(yaml.YAMLError) as caught:
        list(documents(text.encode()))
    return str(caught.value)


@pytest.mark.parametrize("answer", [one for one in ANSWERS if "json" in one], ids=lambda one: repr(one["yaml"])[:40])
def test_what_kubectl_reads_is_read_as_kubectl_does(answer: Any) -> None:
    assert read(answer["yaml"]) == answer["json"]


@pytest.mark.parametrize(
    "answer", [one for one in ANSWERS if "refused" in one], ids=lambda one: repr(one["yaml"])[:40]
)
def test_what_kubectl_refuses_is_refused(answer: Any) -> None:
    refusal(answer["yaml"])


def test_there_are_as_many_questions_as_were_asked() -> None:
    assert len(ANSWERS) == 426
    assert sum("refused" in answer for answer in ANSWERS) == 73


@pytest.mark.parametrize(
    ("text", "read_here"),
    [
        # To Go's parser, JSON's escape of a slash is unknown, and what a later key overwrites must not be NaN.
        ('a: "b\\/c"\n', {"a": "b/c"}),
        ("%YAML 1.2\n---\na: 1\n", {"a": 1}),
    ],
)
def test_what_is_read_here_alone(text: str, read_here: Any) -> None:
    assert read(text) == read_here


def test_numbers_and_booleans_can_be_had_with_their_text() -> None:
    (document,) = written_documents(b'{a: 0o17, b: yes, c: 1.10, d: "1", e: ~, f: 08, y: x}')

    assert document == {
        "a": Written("0o17", 15),
        "b": Written("yes", True),
        "c": Written("1.10", 1.1),
        "d": "1",
        "e": None,
        "f": Written("08", 8),
        "true": "x",
    }


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: *x\n", "unknown anchor 'x'"),
        ("a: &x [*x]\n", "the value of anchor 'x' contains itself"),
        ("a: .nan\n", "'.nan' cannot be written as JSON"),
        ("a: !!int x\n", "'x' is no !!int"),
        ("a:\n  <<: b\n", "<< needs a map or a list of maps"),
        ("[a]: b\n", "a list or map cannot be the name of a field"),
        ("~: b\n", "a field needs a name that is text, a number or a boolean"),
    ],
)
def test_a_refusal_says_why_and_where(text: str, problem: str) -> None:
    said = refusal(f"# first line\n{text}")

    assert problem in said
    assert "line " in said


def bomb(levels: int) -> str:
    """A list of nine texts, and lists of nine times the one before."""
    first = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
    return first + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, levels))


@pytest.mark.parametrize(
    "text",
    [
        bomb(9),
        bomb(60),
        f"a: &a {'x' * 1_000_000}\nb: [{', '.join(['*a'] * 100_000)}]\n",
        "a: &a {"
        + ", ".join(f"k{n}: v" for n in range(1000))
        + "}\n"
        + "".join(f"b{n}: {{<<: *a}}\n" for n in range(2000)),
    ],
    ids=["small", "deep", "one long text", "merges"],
)
def test_a_bomb_of_aliases_is_refused(text: str) -> None:
    assert "too many aliases" in refusal(text)


def test_aliases_that_are_no_bomb_are_read() -> None:
    text = "a: &a [x, x, x]\nb: [" + ", ".join(["*a"] * 50) + "]\n"

    assert read(text) == {"a": ["x"] * 3, "b": [["x"] * 3] * 50}


@pytest.mark.parametrize(
    "text", ["[" * 100_000, "[" * 100_000 + "]" * 100_000, "{a: " * 50_000, "- " * 50_000, "? " * 50_000]
)
def test_depth_is_refused_without_recursion(text: str) -> None:
    refusal(text)


@given(st.text(alphabet=string.printable) | st.binary())
def test_nothing_but_a_yaml_error_is_raised_whatever_the_text(text: str | bytes) -> None:
    try:
        list(documents(text if isinstance(text, bytes) else text.encode()))
    except (yaml.YAMLError, RecursionError):
        return
