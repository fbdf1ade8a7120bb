"""Definitions in files: `kubesum local --rollups`, definitions in dumps, and `kubesum rollup check`."""

import json
import re
import signal
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import yaml

from tests.commands.running import Output, failed, ready, started
from tests.unit.kubesim.runningcluster import node, pod

NODE: dict[str, Any] = {"apiVersion": "v1", "kind": "Node", **node("node-1")}
PODS = [{"apiVersion": "v1", "kind": "Pod", **pod(name, "team")} for name in ("a", "b")]
NAMESPACE = {
    "apiVersion": "v1",
    "kind": "Namespace",
    "metadata": {"name": "team", "uid": "team", "labels": {"team": "payments"}},
}
DEFINITION: dict[str, Any] = {
    "apiVersion": "kubesum.dev/v1alpha1",
    "kind": "RollupDefinition",
    "metadata": {"name": "teamusages.rollup.kubesum.dev"},
    "spec": {
        "names": {"kind": "TeamUsage", "plural": "teamusages", "shortNames": ["tu"]},
        "source": "Pods",
        "groupBy": [{"name": "team", "namespaceLabel": "team", "default": "unassigned"}],
        "measures": [
            {"name": "pods", "type": "Count", "when": "pod.active"},
            {"name": "cpuRequests", "type": "Sum", "resource": {"from": "requests", "name": "cpu"}},
        ],
    },
}


def bad() -> dict[str, Any]:
    """A second definition, whose filter does not compile."""
    found = deepcopy(DEFINITION)
    found["metadata"]["name"] = "others.rollup.kubesum.dev"
    found["spec"]["names"] = {"kind": "Other", "plural": "others"}
    found["spec"]["filter"] = "pod.colour == 'red'"
    return found


def dump(path: Path, *more: dict[str, Any]) -> Path:
    """A file with two pods of a team."""
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [NAMESPACE, NODE, *PODS, *more]}))
    return path


async def test_definitions_beside_a_dump_are_kinds(tmp_path: Path) -> None:
    rollups = tmp_path / "rollups.yaml"
    rollups.write_text(yaml.safe_dump_all([DEFINITION, bad()]))

    async with ready(
        tmp_path, "local", "--from", str(dump(tmp_path / "dump.json")), "--rollups", str(rollups)
    ) as local:
        rows = await local.kubectl("get", "tu")
        one = await local.kubectl("get", "teamusage", "payments", "-o", "json")
        selected = await local.kubectl("get", "tu", "-o", "name", "--field-selector", "key.team=payments")
        labelled = await local.kubectl("get", "rollups", "-o", "name", "-l", "key.kubesum.dev/team!=payments")
        explained = await local.kubectl("explain", "teamusages.status.cpuRequests")
        warned = (await local.command.stopped(signal.SIGINT)).err

    assert rows.words == [["NAME", "PODS", "CPU-REQUESTS"], ["payments", "2", "1"]]
    assert json.loads(one.out)["key"] == {"team": "payments"}
    assert json.loads(one.out)["status"] == {"pods": 2, "cpuRequests": "1"}
    assert selected.names == ["teamusage.rollup.kubesum.dev/payments"]
    assert labelled.out == ""
    assert "Sum of cpu of requests over the pods." in explained.out
    assert "not served: others.rollup.kubesum.dev: spec.filter: the expression does not compile" in warned


async def test_definitions_in_a_dump_are_kinds(tmp_path: Path) -> None:
    async with ready(tmp_path, "local", "--from", str(dump(tmp_path / "dump.json", DEFINITION))) as local:
        assert (await local.kubectl("get", "tu", "--no-headers")).words == [["payments", "2", "1"]]


async def test_check_says_what_is_wrong_and_what_mends_it(tmp_path: Path) -> None:
    rollups = tmp_path / "rollups.yaml"
    rollups.write_text(yaml.safe_dump_all([DEFINITION, bad()]))

    output = await failed(tmp_path, "rollup", "check", str(rollups))

    assert output.code == 1
    first, second = output.out.splitlines()
    assert first.startswith(
        "others.rollup.kubesum.dev: spec.filter: the expression does not compile: 'pod.colour' does not exist; "
    )
    assert second == "teamusages.rollup.kubesum.dev: good; it makes the kind TeamUsage"
    assert output.err == "kubesum: 1 of 2 definitions would not be served, see above\n"


async def test_check_prints_no_control_characters_of_a_definition(tmp_path: Path) -> None:
    rollups = tmp_path / "rollups.yaml"
    columns = [{"name": "\x1b[2J", "key": "team"}]
    team = {"name": "team", "label": "absent", "default": "\x1b[31m"}
    rollups.write_text(
        yaml.safe_dump({**DEFINITION, "spec": {**DEFINITION["spec"], "groupBy": [team], "columns": columns}})
    )

    output = await failed(tmp_path, "rollup", "check", str(rollups), "--from", str(dump(tmp_path / "dump.json")))

    assert output.code == 0
    assert "?[31m" in output.out
    assert "\x1b" not in output.out


async def test_check_prints_the_first_rows_of_a_dump(tmp_path: Path) -> None:
    rollups = tmp_path / "rollups.yaml"
    rollups.write_text(yaml.safe_dump(DEFINITION))

    output = await failed(tmp_path, "rollup", "check", str(rollups), "--from", str(dump(tmp_path / "dump.json")))

    assert output.code == 0
    assert output.out == (
        "teamusages.rollup.kubesum.dev: good; kubectl get teamusages would print\n"
        "NAME       PODS   CPU-REQUESTS\n"
        "payments   2      1\n"
    )


async def test_a_file_without_definitions_is_an_error(tmp_path: Path) -> None:
    path = dump(tmp_path / "dump.json")

    assert await failed(tmp_path, "rollup", "check", str(path)) == Output(
        1, "", f"kubesum: {path} holds no RollupDefinition of kubesum.dev/v1alpha1\n"
    )


async def test_an_annotation_that_is_named_is_a_key(tmp_path: Path) -> None:
    by_annotation = deepcopy(DEFINITION)
    by_annotation["spec"]["groupBy"] = [{"name": "cost", "annotation": "example.org/cost", "default": "none"}]
    rollups = tmp_path / "rollups.yaml"
    rollups.write_text(yaml.safe_dump(by_annotation))
    annotated = deepcopy(PODS[0])
    annotated["metadata"]["annotations"] = {"example.org/cost": "blue", "example.org/other": "x"}
    path = tmp_path / "dump.json"
    path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": [NAMESPACE, NODE, annotated, PODS[1]]}))
    named = ("--rollup-annotations", "example.org/cost")

    async with ready(tmp_path, "local", "--from", str(path), "--rollups", str(rollups), *named) as local:
        rows = await local.kubectl("get", "tu", "--no-headers")
    checked = await failed(tmp_path, "rollup", "check", str(rollups))
    good = await failed(tmp_path, "rollup", "check", str(rollups), "--from", str(path), *named)

    assert sorted(rows.names) == ["blue", "none"]
    assert (checked.code, good.code) == (1, 0)
    assert "name it in --rollup-annotations" in checked.out
    assert "blue" in good.out


async def test_a_reader_that_ends_early_is_no_error(tmp_path: Path) -> None:
    rollups = tmp_path / "rollups.yaml"
    definitions = []
    for number in range(2_000):
        one = bad()
        one["metadata"]["name"] = f"others{number}.rollup.kubesum.dev"
        definitions.append(one)
    rollups.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": definitions}))

    line = f"{sys.executable} -m kubesum rollup check {rollups} | head -n 1"
    async with started(tmp_path, "sh", "-c", line) as command:
        output = await command.ended()

    assert output.out.startswith("others0.rollup.kubesum.dev: ")
    assert output.err == ""


async def test_check_says_that_expressions_are_too_slow(tmp_path: Path) -> None:
    """The server says so once it has evaluated them for some objects, and serves them no longer."""
    numbers = f"[{','.join('0' * 90)}]"
    slow = deepcopy(DEFINITION)
    equal = " && ".join(["a + b == 0"] * 20)
    inner = f"{numbers}.all(b, {equal})"
    slow["spec"]["filter"] = f"{numbers}.all(a, {inner}) && pod.name != ''"
    rollups = tmp_path / "rollups.yaml"
    rollups.write_text(yaml.safe_dump_all([slow, {**bad(), "spec": {**bad()["spec"], "filter": "pod.active"}}]))
    more = [{"apiVersion": "v1", "kind": "Pod", **pod(f"p{number}", "team")} for number in range(100)]
    path = dump(tmp_path / "dump.json", *more)

    output = await failed(tmp_path, "rollup", "check", str(rollups), "--from", str(path))

    assert output.code == 1
    assert output.out.splitlines()[-1] == (
        "teamusages.rollup.kubesum.dev: spec: its expressions take more than 1000 microseconds for one object; make "
        "them simpler"
    )
    assert "others.rollup.kubesum.dev: good; kubectl get others would print" in output.out
    assert "kubectl get teamusages" not in output.out
    assert output.err == "kubesum: 1 of 2 definitions would not be served, see above\n"


async def test_check_prints_no_line_of_a_definition(tmp_path: Path) -> None:
    """A name or a value with a line break had the rest of it printed as a line of its own."""
    forged = "x\nteamusages.rollup.kubesum.dev: good; it makes the kind TeamUsage\x1b[2J\x9b"
    spec = DEFINITION["spec"]
    specs: list[dict[str, Any]] = [
        {**spec, forged: 1},
        {**spec, "filter": f"pod.{forged}"},
        {**spec, "source": forged},
        {**spec, "groupBy": [{"name": "a", "label": forged}]},
        {**spec, "names": {"kind": "A", "plural": "as", forged: 1}},
        {**spec, "columns": [{"name": "a", forged: "team"}]},
        {**spec, "limits": {forged: 1}},
    ]
    definitions = [
        {**DEFINITION, "metadata": {"name": name}, "spec": spec}
        for name, spec in [(forged, spec), *((f"d{number}", one) for number, one in enumerate(specs))]
    ]
    rollups = tmp_path / "rollups.yaml"
    rollups.write_text(yaml.safe_dump_all(definitions))

    output = await failed(tmp_path, "rollup", "check", str(rollups))

    lines = output.out.removesuffix("\n").split("\n")
    assert output.code == 1
    assert all(line.isprintable() for line in lines)
    assert {re.split(r"[:\\]", line)[0] for line in lines} == {"x", *(f"d{number}" for number in range(len(specs)))}
