"""`kubesum local --from`: objects in files, and files without objects."""

import json
import signal
import sys
import tarfile
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.clients.listwatch import connected
from tests.commands.running import Output, failed, kubesum, ready, started
from tests.unit.kubesim.runningcluster import node, pod

NODE: dict[str, Any] = {"apiVersion": "v1", "kind": "Node", **node("node-1")}
POD: dict[str, Any] = {"apiVersion": "v1", "kind": "Pod", **pod("a", "team")}
OTHER_POD = {"apiVersion": "v1", "kind": "Pod", **pod("b", "team", phase="Succeeded")}


def listed(*items: dict[str, Any]) -> str:
    """What `kubectl get -o json` prints."""
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items, "metadata": {"resourceVersion": ""}})


async def test_the_kubectl_of_the_project_is_named_if_the_path_has_none(tmp_path: Path) -> None:
    dump = tmp_path / "cluster.json"
    dump.write_text(listed(NODE, POD))
    program = Path(sys.executable).with_name("kubesum")

    async with started(tmp_path, str(program), "local", "--from", str(dump), PATH=str(tmp_path)) as local:
        line = await local.ready_line()

    assert line.startswith(f"ready: {program.with_name('kubectl')} --kubeconfig ")


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


async def test_what_is_left_out_is_counted_and_named_once(tmp_path: Path) -> None:
    folder = tmp_path / "bundle"
    (folder / "deeper").mkdir(parents=True)
    (folder / "nodes.yaml").write_text(f"{yaml.safe_dump(NODE)}---\n{{{{ template }}}}\n")
    (folder / "deeper" / "pods.json").write_text(listed(POD, {"apiVersion": "v1", "kind": "Pod", "metadata": 7}))
    (folder / "values.yaml").write_text("replicas: 3\n")
    (folder / "notes.txt").write_text("of no interest")

    async with kubesum(tmp_path, "local", "--from", str(folder)) as local:
        await local.ready_line()
        rest = await local.stopped(signal.SIGINT)

    line = len(yaml.safe_dump(NODE).splitlines()) + 2
    assert rest == Output(
        0,
        "",
        f"kubesum: left out: 1 file without Kubernetes objects ({folder}/values.yaml)\n"
        f"kubesum: left out: 1 document that is neither JSON nor YAML ({folder}/nodes.yaml:{line}: "
        "JSON is malformed: expected '\"')\n"
        f"kubesum: left out: 1 Pod that cannot be read ({folder}/deeper/pods.json:1: "
        "metadata: '7' instead of a map)\n",
    )


async def test_objects_one_after_the_other_in_json(tmp_path: Path) -> None:
    """`kubectl get nodes -o json`, `kubectl get pods -A -o json`, into one file: `trailing characters`."""
    dump = tmp_path / "cluster.json"
    dump.write_text(f"{json.dumps(NODE, indent=4)}\n{listed(POD, OTHER_POD)}\n")

    async with ready(tmp_path, "local", "--from", str(dump)) as local:
        nodes = await local.kubectl("get", "nosum", "--no-headers")
        pods = await local.kubectl("get", "posum", "-A", "--no-headers")

    assert [words[:5] for words in nodes.words] == [["node-1", "Ready", "<none>", "1/110", "500m"]]
    assert [words[1] for words in pods.words] == ["a", "b"]


async def test_a_support_bundle_as_it_is_sent(tmp_path: Path) -> None:
    """`unacceptable character #x001f` was all that was said of it."""
    bundle = tmp_path / "support-bundle"
    for path, kind, objects in (
        ("nodes.json", None, [NODE]),
        ("pods/team.json", "PodList", [POD, OTHER_POD]),
        ("namespaces.json", None, [{"metadata": {"name": "team"}}]),
    ):
        items = [{name: part for name, part in one.items() if name not in ("apiVersion", "kind")} for one in objects]
        file = bundle / "cluster-resources" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"items": items} | ({"apiVersion": "v1", "kind": kind} if kind else {})))
    (bundle / "cluster-resources" / "pods-errors.json").write_text('["forbidden"]')
    (bundle / "pod.log").write_text("not looked at")
    packed = tmp_path / "support-bundle.tar.gz"
    with tarfile.open(packed, "w:gz") as archive:
        archive.add(bundle, "support-bundle")

    async with ready(tmp_path, "local", "--from", str(packed)) as local:
        nodes = await local.kubectl("get", "nosum", "--no-headers")
        namespaces = await local.kubectl("get", "nssum", "-A", "--no-headers")
        rest = await local.command.stopped(signal.SIGINT)

    assert [words[:4] for words in nodes.words] == [["node-1", "Ready", "<none>", "1/110"]]
    assert [words[0] for words in namespaces.words] == ["team"]
    assert rest == Output(0, "", "")


MUST_GATHER = {
    "cluster-scoped-resources/core/nodes/node-1.yaml": [NODE],
    "namespaces/team/team.yaml": [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "team"}}],
    "namespaces/team/core/pods.yaml": [{"apiVersion": "v1", "kind": "PodList", "items": [POD, OTHER_POD]}],
    "namespaces/team/core/events.yaml": [
        {"apiVersion": "v1", "kind": "EventList", "items": [{"metadata": {"name": "e"}, "reason": "="}]}
    ],
    "namespaces/team/pods/a/a.yaml": [POD],
}


async def test_a_must_gather_has_its_pods_twice(tmp_path: Path) -> None:
    for path, objects in MUST_GATHER.items():
        file = tmp_path / "must-gather" / "quay-io-image-sha256" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("".join(f"---\n{yaml.safe_dump(one)}" for one in objects))
    (tmp_path / "must-gather" / "event-filter.html").write_text("<html>")

    async with ready(tmp_path, "local", "--from", str(tmp_path / "must-gather")) as local:
        nodes = await local.kubectl("get", "nosum", "--no-headers")
        pods = await local.kubectl("get", "posum", "-A", "--no-headers")
        rest = await local.command.stopped(signal.SIGINT)

    assert [words[:5] for words in nodes.words] == [["node-1", "Ready", "<none>", "1/110", "500m"]]
    assert [words[1] for words in pods.words] == ["a", "b"]
    assert rest == Output(0, "", "")


def aliases() -> str:
    """700 bytes that stand for hundreds of millions of values."""
    levels = "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]\n" for n in range(1, 9))
    return f"a0: &a0 [x, x, x, x, x, x, x, x, x]\n{levels}"


def zeros(mebibytes: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    return b"".join([*(packer.compress(bytes(1 << 20)) for _ in range(mebibytes)), packer.flush()])


HOSTILE = {
    "aliases.yaml": (
        aliases().encode(),
        "{path} is neither JSON nor YAML: the document has too many aliases (line 4)",
    ),
    "zeros.json.gz": (zeros(520), "cannot read {path}: it is larger than 512 MiB: unpack it, and name the folder"),
    "deep.json": (b"[" * 1_000_000, "{path} is neither JSON nor YAML: maximum recursion depth exceeded"),
    "deep.yaml": (b"- " * 1_000_000, "{path} is neither JSON nor YAML: it is nested deeper than 500 levels (line 1)"),
    "deep.json.gz": (b"[{" * 400_000 + b"}]" * 400_000, "{path} is neither JSON nor YAML: "),
    "cut.tar.gz": (b"\x1f\x8b\x08", "cannot read {path}: Compressed file ended before the end-of-stream marker"),
    "no.tar": (b"\0" * 100, "{path} holds no Kubernetes object"),
    "comma.json": (b"[" + b"1," * 10_000_000, "{path} is neither JSON nor YAML: a list of millions of values, which"),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_is_refused_in_a_sentence(tmp_path: Path, name: str) -> None:
    content, sentence = HOSTILE[name]
    (tmp_path / name).write_bytes(content)

    said = await failed(tmp_path, "local", "--from", str(tmp_path / name))

    assert (said.code, said.out) == (1, "")
    assert said.err.startswith(f"kubesum: {sentence.format(path=tmp_path / name)}")
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("empty.json", b"", "{path} holds no Kubernetes object"),
        ("other.json", b'{"replicas": 3}', "{path} holds no Kubernetes object"),
        (
            "cut.json",
            b'{"kind": "List", "items": [{',
            "{path} is neither JSON nor YAML: Input data was truncated (line 1)",
        ),
        (
            "binary",
            bytes(range(256)),
            "{path} is neither JSON nor YAML: "
            "unacceptable character #x0000: control characters are not allowed (line 1)",
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
