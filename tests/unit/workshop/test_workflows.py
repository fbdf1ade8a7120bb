"""The workflows call what exists, pin what they use, and may do no more than they say."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.y*ml"))

each_workflow = pytest.mark.parametrize("workflow", WORKFLOWS, ids=lambda path: path.name)


def jobs(workflow: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(workflow.read_text())["jobs"]
    return found


def steps(workflow: Path) -> list[dict[str, Any]]:
    return [step for job in jobs(workflow).values() for step in job.get("steps", ())]


def test_there_is_one_for_changes_one_for_clusters_and_one_for_releases() -> None:
    assert [path.name for path in WORKFLOWS] == ["ci.yaml", "cluster.yaml", "release.yaml"]


def test_whatever_is_made_the_makefile_can_make() -> None:
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(), re.MULTILINE))
    scripts = [step["run"] for workflow in WORKFLOWS for step in steps(workflow) if "run" in step]
    made = {target for script in scripts for target in re.findall(r"\bmake(?: --\S+)* ([a-z]+)", script)}

    assert {"check", "test", "verify", "chart", "image", "cluster", "dist", "tag", "notes"} <= made
    assert made - targets == set()


def test_every_program_of_the_repository_that_is_run_is_there() -> None:
    scripts = [step["run"] for workflow in WORKFLOWS for step in steps(workflow) if "run" in step]
    called = {ROOT / path for script in scripts for path in re.findall(r"\.ci/\S+", script)}

    assert called == {ROOT / ".ci" / "control-plane"}
    assert all(path.stat().st_mode & 0o111 for path in called)


@each_workflow
def test_every_action_is_pinned_to_a_commit_and_its_version_is_told(workflow: Path) -> None:
    used = re.findall(r"^ *(?:- )?uses: (.*)", workflow.read_text(), re.MULTILINE)
    of_others = [one for one in used if not one.startswith("./")]

    assert of_others != []
    assert [one for one in of_others if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)] == []


def test_an_action_has_one_version_everywhere() -> None:
    used = {match for path in WORKFLOWS for match in re.findall(r"uses: ([\w./-]+)@(\S+)", path.read_text())}

    assert sorted(name for name, _ in used) == sorted({name for name, _ in used})


@each_workflow
def test_a_workflow_grants_nothing_and_each_job_what_it_needs(workflow: Path) -> None:
    assert yaml.safe_load(workflow.read_text())["permissions"] == {}
    assert [name for name, job in jobs(workflow).items() if "permissions" not in job] == []


def test_only_a_release_may_write() -> None:
    writing = {
        (workflow.name, name, what)
        for workflow in WORKFLOWS
        for name, job in jobs(workflow).items()
        for what, right in job["permissions"].items()
        if right == "write"
    }

    assert writing == {
        ("release.yaml", "image", "packages"),
        ("release.yaml", "chart", "packages"),
        ("release.yaml", "pypi", "id-token"),
        ("release.yaml", "github", "contents"),
    }


@each_workflow
def test_no_job_runs_for_hours(workflow: Path) -> None:
    # A job that calls a workflow has the limits of the jobs in it.
    limits = {name: job.get("timeout-minutes", 360) for name, job in jobs(workflow).items() if "uses" not in job}

    assert {name: limit for name, limit in limits.items() if limit > 60} == {}


@each_workflow
def test_a_checkout_leaves_no_token_behind(workflow: Path) -> None:
    checkouts = [step for step in steps(workflow) if step.get("uses", "").startswith("actions/checkout@")]

    assert [step for step in checkouts if step.get("with", {}).get("persist-credentials") is not False] == []


@pytest.mark.parametrize("name", ["ci.yaml", "cluster.yaml"])
def test_the_gate_waits_for_every_other_job(name: str) -> None:
    found = jobs(ROOT / ".github" / "workflows" / name)

    assert set(found["gate"]["needs"]) == set(found) - {"gate"}
    assert found["gate"]["if"] == "always()"
