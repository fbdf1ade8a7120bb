"""The real helm, and what it makes of the chart; nothing here needs a cluster."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.computation import JsonObject

ROOT = Path(__file__).parents[2]
CHART = ROOT / "helm" / "kubesum"
NAMESPACE = "kubesum-system"

Values = Mapping[str, Any]

_PATH = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))


def helm(*arguments: str | Path, values: Values | None = None) -> subprocess.CompletedProcess[str]:
    """Runs helm with values besides the default ones, far from any cluster; the same run is not repeated."""
    return _helm(arguments, json.dumps(values or {}))


@cache
def _helm(arguments: tuple[str | Path, ...], values: str) -> subprocess.CompletedProcess[str]:
    program = shutil.which("helm", path=_PATH)
    if program is None:
        pytest.skip("install Helm 4 to test the chart: `make setup` brings one for x86-64 Linux alone")
    return subprocess.run(
        [program, *arguments, "--values", "-"],
        input=values,
        env={"PATH": _PATH, "HOME": str(ROOT / ".cache"), "KUBECONFIG": os.devnull},
        capture_output=True,
        text=True,
        check=False,
    )


def rendered(values: Values | None = None) -> str:
    """What would be installed, as YAML."""
    result = helm("template", "kubesum", CHART, "--namespace", NAMESPACE, values=values)
    assert result.returncode == 0, result.stderr
    return result.stdout


def objects(values: Values | None = None) -> list[JsonObject]:
    """What would be installed."""
    return [*yaml.load_all(rendered(values), yaml.CSafeLoader)]


def refusal(values: Values) -> str:
    """What helm says of values that it refuses."""
    result = helm("template", "kubesum", CHART, values=values)
    assert result.returncode != 0, result.stdout
    return result.stderr


def one(among: Iterable[JsonObject], kind: str, name: str = "kubesum") -> JsonObject:
    """The only object of a kind and a name."""
    [found] = [one for one in among if (one["kind"], one["metadata"]["name"]) == (kind, name)]
    return found


def pod(values: Values | None = None) -> JsonObject:
    """The spec of the pods."""
    [deployment] = [one for one in objects(values) if one["kind"] == "Deployment"]
    spec: JsonObject = deployment["spec"]["template"]["spec"]
    return spec


def container(values: Values | None = None) -> JsonObject:
    """The only container of the pods."""
    containers: list[JsonObject] = pod(values)["containers"]
    [only] = containers
    return only
