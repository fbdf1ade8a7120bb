"""Objects from files instead of a cluster."""

import json
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest
import yaml

from kubesum.kube.deltas import WatchedResource
from kubesum.kube.files.reading import Content, read
from kubesum.kube.objects.core import Node
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


def left_out(content: Content) -> list[str]:
    """What is said of what was not read."""
    return list(content.left_out.sentences())


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
    assert left_out(content_of(path.parent)) == []


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


async def test_yaml_that_kubectl_itself_writes(tmp_path: Path) -> None:
    """A plain `=` in an argument ended the reading: no constructor for tag:yaml.org,2002:value."""
    path = tmp_path / "pods.yaml"
    path.write_text("""
apiVersion: v1
kind: Pod
metadata: {name: a, annotations: {when: 2024-02-30}}
spec:
  containers:
  - name: c
    args: [=, <<, 0o17, 1_000]
status: {phase: Running}
""")

    assert await take(steps(content_of(path).list_watch("pods")), 3) == ["list started", ("a", "Running"), "synced"]


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

    assert left_out(content) == []
    assert await take(steps(content.list_watch("pods")), 4) == ["list started", ("bare", ""), ("dated", ""), "synced"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
async def test_utf16_and_byte_order_marks_are_accepted(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "pods.json"
    path.write_text(json.dumps(pod("a")), encoding=encoding)

    assert await take(steps(content_of(path).list_watch("pods")), 2) == ["list started", ("a", "Running")]


async def test_objects_that_cannot_be_read_are_named_with_the_reason(tmp_path: Path) -> None:
    items = [pod("a"), pod("bad", "Impossible"), pod("odd") | {"status": []}, {"spec": []}, 5]
    path = written(tmp_path / "pods.json", {"apiVersion": "v1", "kind": "PodList", "items": items})

    content = content_of(path)

    assert left_out(content) == [
        f"left out: 1 document or item that is no Kubernetes object ({path}:1)",
        "left out: 3 Pods that cannot be read (shop/bad: no such phase, shop/odd: status: a list instead of a map, "
        f"{path}:1: metadata: is missing)",
    ]
    assert await take(steps(content.list_watch("pods")), 3) == ["list started", ("a", "Running"), "synced"]


async def test_an_object_that_is_read_in_part_is_kept_and_named(tmp_path: Path) -> None:
    labelled = pod("a")
    labelled["metadata"]["labels"] = {"a": ["b"]}
    content = content_of(written(tmp_path / "pods.json", labelled))

    assert left_out(content) == ["read in part: 1 Pod (shop/a: metadata.labels['a']: a list instead of text)"]
    assert await take(steps(content.list_watch("pods")), 2) == ["list started", ("a", "Running")]


async def test_names_that_yaml_takes_for_numbers_are_text_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "pods.yaml"
    path.write_text("""
apiVersion: v1
kind: PodList
items:
- metadata: {name: 1e3, namespace: shop}
- metadata: {name: 0o17, namespace: shop}
  status: {phase: on}
""")

    assert await take(steps(content_of(path).list_watch("pods")), 4) == [
        "list started",
        ("1e3", ""),
        ("0o17", "on"),
        "synced",
    ]


async def test_a_broken_document_costs_itself_alone(tmp_path: Path) -> None:
    path = tmp_path / "pods.yaml"
    path.write_text(f"{yaml.safe_dump(pod('a'))}---\nkind: [\n---\n{yaml.safe_dump(pod('b'))}---\nreplicas: 3\n")
    lines = path.read_text().splitlines()

    content = content_of(path)

    assert left_out(content) == [
        f"left out: 1 document that is neither JSON nor YAML ({path}:{lines.index('kind: [') + 2}: "
        "did not find expected node content)",
        f"left out: 1 document or item that is no Kubernetes object ({path}:{lines.index('replicas: 3') + 1})",
    ]
    assert [step for step in await all_steps(content) if isinstance(step, tuple)] == [
        ("a", "Running"),
        ("b", "Running"),
    ]


async def test_a_folder_is_read_with_all_folders_in_it(tmp_path: Path) -> None:
    written(tmp_path / "deep" / "er" / "pods.yml", pod("b"))
    written(tmp_path / "pods.json", pod("a"))
    written(tmp_path / "deep" / "nodes.yaml", NODE)
    written(tmp_path / "values.yaml", {"replicas": 3})
    (tmp_path / "chart.yaml").write_text("# a chart\n{{ template }}: [")
    (tmp_path / "notes.txt").write_text("not even looked at")
    (tmp_path / "empty.json").write_text("")
    (tmp_path / "broken.json.gz").write_bytes(b"\x1f\x8b")

    content = content_of(tmp_path)

    assert left_out(content) == [
        f"left out: 1 file that cannot be read ({tmp_path}/broken.json.gz: "
        "Compressed file ended before the end-of-stream marker was reached)",
        f"left out: 1 file that is neither JSON nor YAML ({tmp_path}/chart.yaml:2: JSON is malformed: expected '\"')",
        f"left out: 2 files without Kubernetes objects ({tmp_path}/empty.json, {tmp_path}/values.yaml)",
    ]
    assert await all_steps(content) == [
        *("list started", ("b", "Running"), ("a", "Running"), "synced"),
        *("list started", ("n1", "N1"), "synced"),
    ]


async def test_a_folder_that_cannot_be_entered_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written(tmp_path / "pods.json", pod("a"))
    written(tmp_path / "locked" / "pods.json", pod("b"))
    listed = os.scandir

    def refused(path: str) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    # Tests may run as root, who may enter every folder.
    monkeypatch.setattr(os, "scandir", refused)

    assert left_out(content_of(tmp_path)) == [
        f"left out: 1 file that cannot be read ({tmp_path}/locked: Permission denied)"
    ]


async def test_links_are_followed_to_files_and_not_in_circles(tmp_path: Path) -> None:
    written(tmp_path / "dump" / "..data" / "pods.json", pod("a"))
    written(tmp_path / "other" / "pods.json", pod("b"))
    for name, target in (
        ("pods.json", "..data/pods.json"),
        ("same", "..data"),
        ("circle", "."),
        ("lost.json", "nowhere"),
        ("outside", "../other"),
    ):
        (tmp_path / "dump" / name).symlink_to(target)

    content = content_of(tmp_path / "dump")

    assert await take(steps(content.list_watch("pods")), 3) == ["list started", ("a", "Running"), "synced"]
    why = f"neither a file nor a folder in {tmp_path}/dump"
    assert left_out(content) == [
        f"left out: 2 files that cannot be read ({tmp_path}/dump/outside: {why}, {tmp_path}/dump/lost.json: {why})"
    ]


async def test_an_archive_is_read_as_the_folder_that_it_was(tmp_path: Path) -> None:
    written(tmp_path / "bundle" / "pods.json", pod("a"))
    written(tmp_path / "bundle" / "nodes.yaml", NODE)
    path = tmp_path / "bundle.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        archive.add(tmp_path / "bundle", "bundle")

    assert await all_steps(content_of(path)) == [
        *("list started", ("a", "Running"), "synced"),
        *("list started", ("n1", "N1"), "synced"),
    ]


async def test_of_two_states_of_an_object_the_newer_counts(tmp_path: Path) -> None:
    written(tmp_path / "1.json", pod("a", "Running", "20"), pod("b", "Running", ""))
    written(tmp_path / "1.yaml", pod("a", "Running", "20"), pod("b", "Running", "5"), pod("c", "Running", "7"))
    written(tmp_path / "2.yaml", pod("a", "Pending", "19"), pod("b", "Pending", ""), pod("c", "Pending", "7"))

    assert await take(steps(content_of(tmp_path).list_watch("pods")), 5) == [
        *("list started", ("a", "Running"), ("b", "Pending"), ("c", "Pending"), "synced")
    ]


async def test_a_recorded_watch_ends_in_the_last_state(tmp_path: Path) -> None:
    events = [
        {"type": "ADDED", "object": pod("a", "Pending", "1")},
        {"type": "ADDED", "object": pod("b", "Pending", "2")},
        {"type": "MODIFIED", "object": pod("a", "Running", "3")},
        {"type": "DELETED", "object": pod("b", "Pending", "4")},
    ]
    path = tmp_path / "watch.json"
    path.write_text("\n".join(map(json.dumps, events)))

    assert await take(steps(content_of(path).list_watch("pods")), 3) == ["list started", ("a", "Running"), "synced"]


async def test_objects_of_other_kinds_are_ignored(tmp_path: Path) -> None:
    content = content_of(written(tmp_path / "map.json", CONFIG_MAP))

    assert left_out(content) == []
    assert await all_steps(content) == ["list started", "synced", "list started", "synced"]


async def test_objects_of_another_version_of_a_watched_kind_are_named(tmp_path: Path) -> None:
    path = written(
        tmp_path / "pods.json", {"apiVersion": "v1", "kind": "List", "items": [pod("b") | {"apiVersion": "v1beta3"}]}
    )

    assert left_out(content_of(path)) == [f"left out: 1 Pod of an API version that is not read ({path}:1: v1beta3)"]


def test_a_kind_of_the_same_name_in_another_group_is_another_kind(tmp_path: Path) -> None:
    path = written(tmp_path / "pods.yaml", pod("a"), pod("b") | {"apiVersion": "example.org/v1"})

    assert left_out(content_of(path)) == []


def test_five_of_many_are_named(tmp_path: Path) -> None:
    path = written(tmp_path / "pods.yaml", *(pod(f"p{number}", "Impossible") for number in range(12)))

    assert left_out(content_of(path)) == [
        "left out: 12 Pods that cannot be read ("
        + ", ".join(f"shop/p{number}: no such phase" for number in range(5))
        + " and 7 more)"
    ]


def test_names_from_files_do_not_move_the_cursor(tmp_path: Path) -> None:
    path = written(tmp_path / "pods.json", pod("\x1b[2J\n" + "x" * 1000, "Impossible"))

    (said,) = left_out(content_of(path))

    assert said.isprintable()
    assert len(said) < 300


def test_a_file_of_nothing_but_mistakes_is_not_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "pods.json"
    path.write_text(json.dumps(pod("a")) + "\n" + '{"a":\n' * 20_000)

    first, second = left_out(content_of(path))

    assert first == f"left out: 1 file that cannot be read ({path}: the rest, after 10000 mistakes)"
    assert second.startswith("left out: 10000 documents that are neither JSON nor YAML")


def test_a_file_that_is_missing(tmp_path: Path) -> None:
    assert error_of(tmp_path / "none.json") == f"cannot read {tmp_path}/none.json: No such file or directory"


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("cut.json", '{"kind": "List", "items": [{', "is neither JSON nor YAML: Input data was truncated"),
        ("odd.yaml", "a: [1\nb: 2\n", "is neither JSON nor YAML: did not find expected ',' or ']' (line 2)"),
        ("tab.yaml", "a:\n\t- b", "is neither JSON nor YAML: found character that cannot start any token (line 2)"),
        ("binary.json", "\x00\x01\x02", "is neither JSON nor YAML: unacceptable character #x0000"),
        ("self.yaml", "&a [*a]", "is neither JSON nor YAML: "),
        ("empty.yaml", "", "holds no Kubernetes object"),
        ("text.txt", "just words", "holds no Kubernetes object"),
        ("list.json", "[1, 2]", "holds no Kubernetes object"),
        ("helm.yaml", "replicas: 3\nimage: {tag: x}\n", "holds no Kubernetes object"),
        ("config", "apiVersion: v1\nkind: Config\nclusters: []\n", "holds no Kubernetes object"),
    ],
)
def test_a_file_that_is_of_no_use(tmp_path: Path, name: str, text: str, reason: str) -> None:
    (tmp_path / name).write_text(text)

    said = error_of(tmp_path / name)

    assert said.startswith(f"{tmp_path}/{name} {reason}")
    assert "\n" not in said


def test_a_folder_without_objects(tmp_path: Path) -> None:
    written(tmp_path / "values.yaml", {"replicas": 3})
    written(tmp_path / "errors" / "pods-errors.json", ["forbidden"])

    assert error_of(tmp_path) == f"no file in {tmp_path} holds a Kubernetes object (1 JSON or YAML files were read)"
