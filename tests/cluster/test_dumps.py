"""What the real kubectl writes of a real cluster is read whole, in whatever form it writes it."""

from pathlib import Path
from typing import Any

import pytest

from kubesum.kube.deltas import Deltas
from kubesum.kube.files.reading import read
from kubesum.semantics.interner import Interner
from kubesum.semantics.watchedresources import watched_resources
from tests.cluster.controlplane import ControlPlane
from tests.oracle.kubectl import kubectl

EVERYTHING = "pods,nodes,namespaces,deployments,statefulsets,daemonsets,replicasets,jobs,cronjobs"


def facts(path: Path, resource: str) -> dict[Any, Any]:
    """The facts of all objects of a kind in files; nothing may be left out."""
    content = read(path, watched_resources(Interner()))
    assert list(content.left_out.sentences()) == []
    return dict(change for event in content.events[resource] if isinstance(event, Deltas) for change in event.changes)


@pytest.fixture(scope="module")
def pods_and_nodes(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[Any, Any]]:
    """What the API server's own lists say."""
    found = {}
    with plane.client() as client:
        for resource in ("pods", "nodes"):
            path = tmp_path_factory.mktemp("lists") / f"{resource}.json"
            path.write_bytes(client.send("GET", f"/api/v1/{resource}").body)
            found[resource] = facts(path, resource)
    assert len(found["pods"]) > 300
    return found


@pytest.mark.parametrize(
    "command",
    [
        ["get", EVERYTHING, "--all-namespaces", "--output=json"],
        ["get", EVERYTHING, "--all-namespaces", "--output=yaml"],
        ["get", "pods,nodes", "--all-namespaces", "--output=yaml", "--show-managed-fields"],
        ["cluster-info", "dump", "--all-namespaces"],
        ["cluster-info", "dump", "--all-namespaces", "--output=yaml"],
    ],
    ids=" ".join,
)
async def test_what_it_prints(
    plane: ControlPlane, pods_and_nodes: dict[str, dict[Any, Any]], tmp_path: Path, command: list[str]
) -> None:
    dump = tmp_path / "dump"
    dump.write_text(await kubectl(plane.kubeconfig, *command))

    assert {resource: facts(dump, resource) for resource in pods_and_nodes} == pods_and_nodes


@pytest.mark.parametrize("form", ["json", "yaml"])
async def test_what_it_writes_into_a_folder(
    plane: ControlPlane, pods_and_nodes: dict[str, dict[Any, Any]], tmp_path: Path, form: str
) -> None:
    folder = tmp_path / "dump"
    await kubectl(plane.kubeconfig, "cluster-info", "dump", "-A", f"--output={form}", f"--output-directory={folder}")

    assert (folder / "blue" / f"pods.{form}").is_file()
    assert {resource: facts(folder, resource) for resource in pods_and_nodes} == pods_and_nodes


async def test_objects_that_are_printed_one_by_one(
    plane: ControlPlane, pods_and_nodes: dict[str, dict[Any, Any]], tmp_path: Path
) -> None:
    dump = tmp_path / "dump.json"
    lists = [await kubectl(plane.kubeconfig, "get", "--raw", f"/api/v1/{resource}") for resource in pods_and_nodes]
    dump.write_text("".join(lists))

    assert {resource: facts(dump, resource) for resource in pods_and_nodes} == pods_and_nodes
