"""The example of CONTRIBUTING.md is one short file and works as printed."""

import re
from pathlib import Path
from types import ModuleType

import pytest

from kubesum.resources import RESOURCES
from kubesum.vocabulary.resource import ComputedResource
from tests.computation import Computation

CONTRIBUTING = Path(__file__).parents[3] / "CONTRIBUTING.md"


@pytest.fixture(scope="module")
def source() -> str:
    blocks = re.findall(r"```python\n(.*?)```", CONTRIBUTING.read_text(), re.DOTALL)
    assert len(blocks) == 1
    return str(blocks[0])


@pytest.fixture(scope="module")
def declared(source: str) -> ComputedResource:
    module = ModuleType("priorityclasssummaries")
    exec(compile(source, "priorityclasssummaries.py", "exec"), module.__dict__)
    resource = module.RESOURCE
    assert isinstance(resource, ComputedResource)
    return resource


def test_the_example_is_one_file_under_80_lines(source: str) -> None:
    assert len(source.splitlines()) < 80


async def test_the_example_counts_pods_beside_the_resources_that_are_there(declared: ComputedResource) -> None:
    computation = Computation(*RESOURCES, declared)
    for name, priority_class in (("a", "high"), ("b", "high"), ("c", "")):
        computation.put(
            "pods",
            {
                "metadata": {"namespace": "blue", "name": name, "uid": name},
                "spec": {
                    "nodeName": "n0",
                    "priorityClassName": priority_class,
                    "containers": [{"name": "app", "resources": {"requests": {"cpu": "250m"}}}],
                },
                "status": {"phase": "Running"},
            },
        )

    rows = await computation.settled("priorityclasssummaries")

    assert {name: row["status"]["requests"] for (_, name), row in rows.items()} == {
        "high": {"cpu": "500m", "memory": "0", "pods": "2"},
        "none": {"cpu": "250m", "memory": "0", "pods": "1"},
    }
