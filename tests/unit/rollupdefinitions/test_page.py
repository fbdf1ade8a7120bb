"""docs/rollups.md: its definitions are good, and the reference is generated."""

import re
from pathlib import Path

import pytest
import yaml

from kubesum.resources import RESOURCES
from kubesum.rollupdefinitions.acceptance import Acceptance
from kubesum.rollupdefinitions.problems import Problem, read
from kubesum.rollupdefinitions.reference import definition_reference
from tests.computation import JsonObject

DOCS = Path(__file__).parents[3] / "docs"
_BLOCK = re.compile(r"```yaml\n(apiVersion: kubesum\.dev.*?)```", re.DOTALL)

SAMPLES: list[JsonObject] = [yaml.safe_load(block) for block in _BLOCK.findall((DOCS / "rollups.md").read_text())]


def test_the_reference_is_generated() -> None:
    assert (DOCS / "rollup-reference.md").read_text() == definition_reference() + "\n", "make generate"


def test_there_are_samples() -> None:
    assert len(SAMPLES) >= 6


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: str(sample["metadata"]["name"]))
def test_a_sample_is_good(sample: JsonObject) -> None:
    parsed = read(sample)
    assert not isinstance(parsed, Problem), parsed.sentence

    [verdict] = Acceptance(RESOURCES, ()).verdicts([parsed])

    assert verdict.problems == ()
    assert verdict.conflict is None
