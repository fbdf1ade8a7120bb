"""The discovery documents of the built-in resources, compared with golden files.

`make generate` writes the golden files.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from kubesum.api import discovery
from kubesum.resources import RESOURCES
from kubesum.rollups.catalogue import Catalogue
from kubesum.rollups.engine import Engine
from kubesum.rollups.resourceversion import VersionClock

GOLDEN = Path(__file__).parent / "golden"
GROUP, VERSION = "summary.kubesum.dev", "v1alpha1"
NAMES = ("api_groups", "api_group", "api_resources", "aggregated_v2")


def served() -> Catalogue:
    """All built-in resources, over an empty cluster."""
    engine = Engine(VersionClock(lambda: 0, tag=0), lambda: 0.0, lambda _: {}, lambda _: None, lambda _: ())
    engine.add(RESOURCES)
    return engine.catalogue


def documents() -> dict[str, bytes]:
    """The three legacy documents and the aggregated one, by the name of their golden file."""
    catalogue = served()
    return {
        "api_groups": discovery.group_list(catalogue),
        "api_group": discovery.group(catalogue, GROUP),
        "api_resources": discovery.resource_list(catalogue, GROUP, VERSION),
        "aggregated_v2": discovery.aggregated(catalogue, "v2"),
    }


def golden(name: str) -> Any:
    """The content of a golden file."""
    return json.loads((GOLDEN / f"{name}.json").read_text())


@pytest.mark.parametrize("name", NAMES)
def test_the_documents_are_the_golden_ones(name: str) -> None:
    """[D7] [D10] [D11] [E6]"""
    assert json.loads(documents()[name]) == golden(name)


def test_the_older_aggregated_version_differs_in_its_name_alone() -> None:
    older = json.loads(discovery.aggregated(served(), "v2beta1"))

    assert older == {**golden("aggregated_v2"), "apiVersion": "apidiscovery.k8s.io/v2beta1"}


def test_both_forms_of_discovery_agree() -> None:
    _, summaries = golden("aggregated_v2")["items"]
    [version] = summaries["versions"]
    aggregated = {
        (r["resource"], r["singularResource"], r["scope"] == "Namespaced", r["responseKind"]["kind"], *r["verbs"])
        for r in version["resources"]
    }
    legacy = {
        (r["name"], r["singularName"], r["namespaced"], r["kind"], *r["verbs"])
        for r in golden("api_resources")["resources"]
    }

    assert aggregated == legacy
    assert len(legacy) == len(RESOURCES)


@pytest.mark.process
def test_the_bytes_are_the_same_on_all_replicas() -> None:
    """[D9]"""
    program = (
        "import sys; from tests.unit.api.test_discovery_documents import documents; "
        "sys.stdout.buffer.write(b''.join(documents().values()))"
    )
    runs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parents[3],
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }

    assert runs == {b"".join(documents().values())}


if __name__ == "__main__":
    for name, document in documents().items():
        (GOLDEN / f"{name}.json").write_text(json.dumps(json.loads(document), indent=1) + "\n")
