"""`kubesum local --from`: objects in files, and files without objects."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.clients.listwatch import connected
from tests.commands.running import Output, failed, kubesum, ready
from tests.unit.kubesim.runningcluster import node, pod

NODE = {"apiVersion": "v1", "kind": "Node", **node("node-1")}
POD = {"apiVersion": "v1", "kind": "Pod", **pod("a", "team")}
OTHER_POD = {"apiVersion": "v1", "kind": "Pod", **pod("b", "team", phase="Succeeded")}


def listed(*items: dict[str, Any]) -> str:
    """What `kubectl get -o json` prints."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items, "metadata": {"resourceVersion": ""}})


async def test_a_list_in_json(tmp_path: Path) -> None:
    dump = tmp_path / "cluster.json"
    dump.write_text(listed(NODE, POD, OTHER_POD))

    async with ready(tmp_path, "local", "--from", str(dump)) as local:
        assert local.line == f"ready: kubectl --kubeconfig {local.kubeconfig} get nosum"
        nodes = await local.kubectl("get", "nosum", "--no-headers")
        pods = await local.kubectl("get", "posum", "-A", "--no-headers")

    assert [words[:8] for words in nodes.words] == [
        ["node-1", "Ready", "<none>", "1/110", "500m", "12", "256Mi", "3"]
    ]
    assert [words[:4] for words in pods.words] == [["team", "a", "1/1", "Running"], ["team", "b", "1/1", "Succeeded"]]


async def test_ctrl_c_with_open_watches_prints_nothing(tmp_path: Path) -> None:
    """Each open watch printed a traceback."""
    dump = tmp_path / "cluster.json"
    dump.write_text(listed(NODE))

    async with ready(tmp_path, "local", "--from", str(dump)) as local, connected(local.kubeconfig) as session:
        watch = {"watch": "true", "timeoutSeconds": "60"}
        async with session.get("/apis/summary.kubesum.dev/v1alpha1/nodesummaries", params=watch) as answer:
            await answer.content.readline()
            rest = await local.command.stopped(signal.SIGINT)

    assert rest == Output(0, "", "")


async def test_documents_in_yaml(tmp_path: Path) -> None:
    dump = tmp_path / "cluster.yaml"
    dump.write_text(yaml.safe_dump_all([NODE, POD]))

    async with ready(tmp_path, "local", "--from", str(dump)) as local:
        assert (await local.kubectl("get", "nosum", "-o", "name")).names == ["nodesummary.summary.kubesum.dev/node-1"]
        assert (await local.kubectl("get", "nssum", "-A", "-o", "name")).names == [
            "namespacesummary.summary.kubesum.dev/team"
        ]


async def test_one_object_makes_empty_lists_of_the_rest(tmp_path: Path) -> None:
    dump = tmp_path / "node.json"
    dump.write_text(json.dumps(NODE))

    async with ready(tmp_path, "local", "--from", str(dump)) as local:
        assert (await local.kubectl("get", "nosum", "-o", "name")).names == ["nodesummary.summary.kubesum.dev/node-1"]
        assert await local.kubectl("get", "posum", "-A") == Output(0, "", "No resources found\n")


async def test_the_dump_of_an_empty_cluster_has_no_rows(tmp_path: Path) -> None:
    dump = tmp_path / "cluster.json"
    dump.write_text(listed())

    async with ready(tmp_path, "local", "--from", str(dump)) as local:
        assert await local.kubectl("get", "nosum") == Output(0, "", "No resources found\n")


async def test_foreign_files_and_bad_objects_are_named_once(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    (folder / "deeper").mkdir(parents=True)
    (folder / "nodes.yaml").write_text(yaml.safe_dump(NODE))
    (folder / "deeper" / "pods.json").write_text(listed(POD, {"apiVersion": "v1", "kind": "Pod", "metadata": 7}))
    (folder / "values.yaml").write_text("replicas: 3\n")
    (folder / "notes.txt").write_text("of no interest")

    async with kubesum(tmp_path, "local", "--from", str(folder)) as local:
        await local.ready_line()
        rest = await local.stopped(signal.SIGINT)

    assert rest == Output(
        0,
        "",
        f"kubesum: ignored files without Kubernetes objects: 1, such as {folder}/values.yaml\nkubesum: ignored "
        "malformed objects: 1\n",
    )


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.json", b"", "{path} holds no Kubernetes object"),
        ("other.json", b'{"replicas": 3}', "{path} holds no Kubernetes object"),
        ("cut.json", b'{"kind": "List", "items": [{', "{path} is neither JSON nor YAML: Input data was truncated"),
        (
            "binary",
            bytes(range(256)),
            "{path} is neither JSON nor YAML: unacceptable character #x0000: control characters are not allowed",
        ),
    ],
)
async def test_a_file_without_objects_is_an_error_of_one_line(
    tmp_path: Path, name: str, content: bytes, sentence: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)

    said = await failed(tmp_path, "local", "--from", str(path))

    assert said == Output(1, "", f"kubesum: {sentence.format(path=path)}\n")


async def test_a_missing_file_is_an_error_of_one_line(tmp_path: Path) -> None:
    said = await failed(tmp_path, "local", "--from", str(tmp_path / "none.json"))

    assert said == Output(1, "", f"kubesum: cannot read {tmp_path}/none.json: No such file or directory\n")


async def test_a_directory_without_objects_is_an_error_of_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "chart"
    folder.mkdir()
    (folder / "values.yaml").write_text("replicas: 3\n")

    said = await failed(tmp_path, "local", "--from", str(folder))

    assert said == Output(
        1, "", f"kubesum: no file in {folder} holds a Kubernetes object (1 JSON or YAML files were read)\n"
    )


@pytest.mark.parametrize(
    ("kubelets", "cpu"), [(["v1.35.4", "v1.36.2+k3s1"], "4"), (["v1.36.2", "v1.37.0"], "3"), ([""], "3"), ([], "3")]
)
async def test_a_resize_counts_as_for_the_scheduler_beside_the_newest_kubelet(
    tmp_path: Path, kubelets: list[str], cpu: str
) -> None:
    """[C3] Up to 1.36 the largest amounts of each container add up, whether pods or nodes come first."""
    nodes = [
        {"apiVersion": "v1", "kind": "Node", **node(f"n{number}")}
        | {"status": {"nodeInfo": {"kubeletVersion": version}}}
        for number, version in enumerate(kubelets)
    ]
    desired = {"a": "1", "b": "2"}
    actual = {"a": "2", "b": "1"}
    spec = [{"name": name, "resources": {"requests": {"cpu": cpu}}} for name, cpu in desired.items()]
    status = [
        {"name": name, "allocatedResources": {"cpu": cpu}, "resources": {"requests": {"cpu": cpu}}}
        for name, cpu in actual.items()
    ]
    resizing = {**POD, "spec": {"containers": spec}, "status": {"phase": "Running", "containerStatuses": status}}
    dump = tmp_path / "cluster.json"
    dump.write_text(listed(resizing, *nodes))

    async with ready(tmp_path, "local", "--from", str(dump)) as local:
        pods = await local.kubectl("get", "posum", "-A", "-o", "jsonpath={.items[*].status.requests.cpu}")

    assert pods == Output(0, cpu, "")
