"""Objects from files instead of a cluster."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubesum.kube.deltas import WatchedResource
from kubesum.kube.files import Content, read
from kubesum.kube.objects import Node
from kubesum.vocabulary.errors import UsageError
from tests.unit.kube.reflectorsteps import PODS, Step, steps, take
from tests.unit.kube.scriptedserver import JsonObject, pod

NODES: WatchedResource[str] = WatchedResource(
    "nodes", "", "v1", "Node", Node, lambda node: node.metadata.name.upper()
)
NODE: JsonObject = {"apiVersion": "v1", "kind": "Node", "metadata": {"name": "n1"}}
CONFIG_MAP: JsonObject = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"items": "x"}}


def content_of(path: Path) -> Content:
    return read(path, (PODS, NODES))


async def all_steps(content: Content) -> list[Step]:
    return [step for resource in ("pods", "nodes") async for step in steps(content.list_watch(resource))]


def written(path: Path, *documents: Any) -> Path:
    """A file with these documents, in JSON or YAML by its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(documents[0]) if path.suffix == ".json" else yaml.safe_dump_all(documents))
    return path


def error_of(path: Path) -> str:
    """The error of reading an invalid file."""
    with pytest.raises(UsageError) as caught:
        content_of(path)
    return str(caught.value)


async def test_a_mixed_list_as_kubectl_get_writes_it(tmp_path: Path) -> None:
    items = [pod("a"), NODE, CONFIG_MAP, pod("b", "Pending")]
    path = written(tmp_path / "all.json", {"apiVersion": "v1", "kind": "List", "items": items, "metadata": {}})

    assert await all_steps(content_of(path)) == [
        *("list started", ("a", "Running"), ("b", "Pending"), "synced"),
        *("list started", ("n1", "N1"), "synced"),
    ]


async def test_an_empty_list_is_an_empty_cluster(tmp_path: Path) -> None:
    path = written(tmp_path / "all.json", {"apiVersion": "v1", "kind": "List", "items": [], "metadata": {}})

    assert await all_steps(content_of(path)) == ["list started", "synced", "list started", "synced"]
    assert content_of(path.parent).skipped_files == ()


async def test_items_of_a_typed_list_need_not_repeat_its_kind(tmp_path: Path) -> None:
    item = {key: value for key, value in pod("a").items() if key not in ("kind", "apiVersion")}
    path = written(tmp_path / "pods.json", {"apiVersion": "v1", "kind": "PodList", "items": [item]})

    assert await take(steps(content_of(path).list_watch("pods")), 3) == ["list started", ("a", "Running"), "synced"]


@pytest.mark.parametrize("name", ["pod.json", "pod.yaml", "pod"])
async def test_a_single_object(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, pod("a"))

    assert await take(steps(content_of(path).list_watch("pods")), 3) == ["list started", ("a", "Running"), "synced"]


async def test_many_documents_in_one_yaml_file(tmp_path: Path) -> None:
    path = written(tmp_path / "all.yaml", pod("a"), None, {"apiVersion": "v1", "kind": "List", "items": [NODE]})

    assert await all_steps(content_of(path)) == [
        *("list started", ("a", "Running"), "synced"),
        *("list started", ("n1", "N1"), "synced"),
    ]


async def test_uids_and_times_may_be_missing_and_times_unquoted(tmp_path: Path) -> None:
    path = tmp_path / "pods.yaml"
    path.write_text("""
apiVersion: v1
kind: Pod
metadata: {name: bare}
---
apiVersion: v1
kind: Pod
metadata: {name: dated, creationTimestamp: 2026-01-02T03:04:05Z}
""")

    content = content_of(path)

    assert content.invalid_objects == 0
    assert await take(steps(content.list_watch("pods")), 4) == ["list started", ("bare", ""), ("dated", ""), "synced"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
async def test_utf16_and_byte_order_marks_are_accepted(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "pods.json"
    path.write_text(json.dumps(pod("a")), encoding=encoding)

    assert await take(steps(content_of(path).list_watch("pods")), 2) == ["list started", ("a", "Running")]


async def test_invalid_objects_are_counted_and_skipped(tmp_path: Path) -> None:
    items = [pod("a"), pod("bad", "Impossible"), pod("odd") | {"status": []}, 5]
    path = written(tmp_path / "pods.json", {"apiVersion": "v1", "kind": "PodList", "items": items})

    content = content_of(path)

    assert content.invalid_objects == 2
    assert await take(steps(content.list_watch("pods")), 3) == ["list started", ("a", "Running"), "synced"]


async def test_a_folder_is_read_with_all_folders_in_it(tmp_path: Path) -> None:
    written(tmp_path / "deep" / "er" / "pods.yml", pod("b"))
    written(tmp_path / "pods.json", pod("a"))
    written(tmp_path / "deep" / "nodes.yaml", NODE)
    written(tmp_path / "values.yaml", {"replicas": 3})
    (tmp_path / "chart.yaml").write_text("{{ template }}: [")
    (tmp_path / "notes.txt").write_text("not read")

    content = content_of(tmp_path)

    assert content.skipped_files == (tmp_path / "chart.yaml", tmp_path / "values.yaml")
    assert await all_steps(content) == [
        *("list started", ("b", "Running"), ("a", "Running"), "synced"),
        *("list started", ("n1", "N1"), "synced"),
    ]


async def test_objects_of_other_kinds_are_ignored(tmp_path: Path) -> None:
    content = content_of(written(tmp_path / "map.json", CONFIG_MAP))

    assert (content.skipped_files, content.invalid_objects) == ((), 0)
    assert await all_steps(content) == ["list started", "synced", "list started", "synced"]


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    assert error_of(tmp_path / "none.json") == f"cannot read {tmp_path}/none.json: No such file or directory"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("cut.json", '{"kind": "List", "items": [{', "is neither JSON nor YAML: Input data was truncated"),
        ("odd.yaml", "a: [1\nb: 2\n", "is neither JSON nor YAML: did not find expected ',' or ']' (line 2)"),
        ("tab.yaml", "a:\n\t- b", "is neither JSON nor YAML: found character that cannot start any token (line 2)"),
        ("binary.json", "\x00\x01\x02", "is neither JSON nor YAML: "),
        ("self.yaml", "&a [*a]", "is neither JSON nor YAML: "),
        ("empty.yaml", "", "holds no Kubernetes object"),
        ("text.txt", "just words", "holds no Kubernetes object"),
        ("list.json", "[1, 2]", "holds no Kubernetes object"),
        ("helm.yaml", "replicas: 3\nimage: {tag: x}\n", "holds no Kubernetes object"),
        ("config", "apiVersion: v1\nkind: Config\nclusters: []\n", "holds no Kubernetes object"),
    ],
)
def test_a_file_without_objects_is_an_error(tmp_path: Path, name: str, text: str, reason: str) -> None:
    (tmp_path / name).write_text(text)

    error = error_of(tmp_path / name)

    assert error.startswith(f"{tmp_path}/{name} {reason}")
    assert "\n" not in error


def test_a_folder_without_objects(tmp_path: Path) -> None:
    written(tmp_path / "values.yaml", {"replicas": 3})

    assert error_of(tmp_path) == f"no file in {tmp_path} holds a Kubernetes object (1 JSON or YAML files were read)"
