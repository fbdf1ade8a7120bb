"""The plugin for krew: what its manifest names is what is there, and its script runs the package."""

import hashlib
import os
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml

from kubesum import __version__

ARCHIVE = f"kubectl-kubesum-v{__version__}.tar.gz"


@pytest.fixture
def plugin(dist: Path, tmp_path: Path) -> Path:
    """The plugin as krew puts it on the PATH: a link into where the archive was unpacked."""
    with tarfile.open(dist / ARCHIVE) as archive:
        archive.extractall(tmp_path / "store", filter="data")
    link = tmp_path / "kubectl-kubesum"
    link.symlink_to(tmp_path / "store" / "kubectl-kubesum")
    return link


def test_the_manifest_names_the_archive_and_its_hash(dist: Path) -> None:
    manifest = yaml.safe_load((dist / "kubesum.yaml").read_text())
    [platform] = manifest["spec"]["platforms"]

    assert manifest["spec"]["version"] == f"v{__version__}"
    assert manifest["spec"]["homepage"] == "https://git.example/tools/kubesum"
    assert platform["uri"] == f"https://git.example/tools/kubesum/releases/download/v{__version__}/{ARCHIVE}"
    assert platform["sha256"] == hashlib.sha256((dist / ARCHIVE).read_bytes()).hexdigest()


def test_the_archive_holds_the_script_the_locked_versions_and_the_licence(dist: Path) -> None:
    with tarfile.open(dist / ARCHIVE) as archive:
        modes = {member.name: oct(member.mode) for member in archive}

    assert modes == {"kubectl-kubesum": "0o755", "constraints.txt": "0o644", "LICENSE": "0o644"}


def test_the_locked_versions_include_those_of_top_and_of_kubesum_itself(plugin: Path) -> None:
    lines = (plugin.resolve().parent / "constraints.txt").read_text().splitlines()

    assert f"kubesum=={__version__}" in lines
    assert [line for line in lines if line.startswith("textual==")] != []
    assert [line for line in lines if "==" not in line] == []


def test_without_uv_it_says_what_it_needs(plugin: Path) -> None:
    env = {"PATH": os.defpath}
    ended = subprocess.run([plugin, "nodes"], env=env, capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith("kubectl kubesum needs uv: https://docs.astral.sh/uv/")


def test_it_runs_the_locked_package_and_hands_all_arguments_on(plugin: Path, tmp_path: Path) -> None:
    program = tmp_path / "uvx"
    program.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    program.chmod(0o755)

    env = {"PATH": os.pathsep.join([str(tmp_path), os.defpath])}
    ran = subprocess.run([plugin, "--once", "a b"], env=env, capture_output=True, text=True, check=True)

    assert ran.stdout.splitlines() == [
        "--constraints",
        str(tmp_path / "store" / "constraints.txt"),
        "--from",
        "kubesum[top]",
        "kubectl-kubesum",
        "--once",
        "a b",
    ]
