"""One version, written once."""

import re
from pathlib import Path

import pytest
import yaml

from deploy.release.versions import disagreements, main
from kubesum import __version__

ROOT = Path(__file__).parents[3]


def test_the_chart_has_the_version_of_the_package_that_it_installs() -> None:
    chart = yaml.safe_load((ROOT / "helm" / "kubesum" / "Chart.yaml").read_text())

    assert (chart["version"], chart["appVersion"]) == (__version__, __version__), "make generate"


def test_the_manifests_have_it_too() -> None:
    labels = re.findall(r"app.kubernetes.io/version: (.*)", (ROOT / "deploy" / "kubesum.yaml").read_text())

    assert set(labels) == {f'"{__version__}"'}, "make generate"


def test_it_is_one_that_a_tag_can_name() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", __version__)


def test_the_tag_of_this_version_is_right(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(f"v{__version__}") == 0
    assert capsys.readouterr().err == ""


def test_a_tag_of_another_version_is_told_in_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main("v77.0.0") == 1
    assert capsys.readouterr().err == f"the tag is v77.0.0, but kubesum.__version__ asks for v{__version__}\n"


def test_a_tag_without_its_v_is_another_one() -> None:
    assert len(disagreements({"the tag": __version__})) == 1
