"""What is generated for others to apply: the roles in the chart, and plain manifests."""

import subprocess
import sys
from pathlib import Path

import yaml

from kubesum import __version__
from tests.chart.rendering import CHART, NAMESPACE, ROOT, objects, one, rendered

PLAIN = ROOT / "deploy"


def kubesum(*arguments: str) -> str:
    return subprocess.run(
        [sys.executable, "-m", "kubesum", *arguments], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout


def kustomized(directory: Path) -> list[dict[str, object]]:
    kubectl = Path(sys.executable).parent / "kubectl"
    output = subprocess.run([kubectl, "kustomize", directory], capture_output=True, text=True, check=True).stdout
    return [*yaml.safe_load_all(output)]


def test_the_roles_in_the_chart_are_what_the_command_prints() -> None:
    assert (CHART / "files" / "clusterroles.yaml").read_text() == kubesum("render", "rbac")


def test_the_custom_resource_definition_in_the_chart_is_what_the_command_prints() -> None:
    assert (CHART / "files" / "rollupdefinitions.yaml").read_text() == kubesum("render", "crd")


def test_the_custom_resource_definition_stays_unless_it_is_told_to_go() -> None:
    policy = "helm.sh/resource-policy"
    kind, name = "CustomResourceDefinition", "rollupdefinitions.kubesum.dev"
    told = {"rollups": {"customResourceDefinition": {"keep": False}}}

    assert one(objects(), kind, name)["metadata"]["annotations"] == {policy: "keep"}
    assert "annotations" not in one(objects(told), kind, name)["metadata"]


def test_the_chart_is_of_this_version() -> None:
    assert yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"] == __version__
    for page in (ROOT / "README.md", CHART / "README.md"):
        assert f"docker tag kubesum:{__version__} registry.example/kubesum:{__version__}\n" in page.read_text()


def test_the_plain_manifests_are_what_the_chart_installs() -> None:
    assert (PLAIN / "kubesum.yaml").read_text() == rendered()


def test_their_namespace_lets_only_confined_pods_in() -> None:
    namespace, *others = kustomized(PLAIN)

    assert namespace == {
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {"name": NAMESPACE, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
    }
    assert len(others) == len(objects())


def test_an_overlay_names_the_image(tmp_path: Path) -> None:
    (tmp_path / "plain").symlink_to(PLAIN)
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    (overlay / "kustomization.yaml").write_text(
        "resources: [../plain]\nimages: [{name: kubesum, newName: registry.example/kubesum, newTag: v9}]\n"
    )

    [deployment] = [one for one in kustomized(overlay) if one["kind"] == "Deployment"]

    assert "registry.example/kubesum:v9" in str(deployment)
    assert "kubesum:0.1.0" not in str(deployment)
