"""The wheel, installed where nothing else is: what people get from an index."""

import os
import shlex
import signal
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from kubesum import __version__

ROOT = Path(__file__).parents[2]
BESIDE = Path(sys.executable).parent

NODES = """\
apiVersion: v1
kind: List
items:
  - apiVersion: v1
    kind: Node
    metadata: {name: worker-a, uid: 5f3c}
    status: {allocatable: {cpu: "4", memory: 8Gi, pods: "110"}}
"""


@pytest.fixture(scope="session")
def wheel(dist: Path) -> Path:
    [found] = dist.glob("*.whl")
    return found


@pytest.fixture(scope="session")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of an environment with the wheel and its locked dependencies, from what `make setup` has cached."""
    environment = tmp_path_factory.mktemp("installed") / "venv"
    locked = ("--locked", "--no-default-groups", "--no-install-project", "--python", sys.executable)
    uv("sync", *locked, environment=environment)
    uv("pip", "install", "--no-deps", wheel, environment=environment)
    # The lock satisfies what the wheel asks for.
    uv("pip", "check", environment=environment)
    return environment / "bin"


def uv(*arguments: str | Path, environment: Path) -> None:
    where = {"VIRTUAL_ENV": str(environment), "UV_PROJECT_ENVIRONMENT": str(environment)}
    subprocess.run(
        [BESIDE / "uv", "--offline", "--quiet", *arguments], cwd=ROOT, env={**os.environ, **where}, check=True
    )


def apart(home: Path) -> dict[str, str]:
    """The environment of a process that knows nothing of this repository."""
    return {"PATH": os.defpath, "HOME": str(home), "TMPDIR": str(home)}


def printed(*command: str | Path, home: Path) -> str:
    """What a command prints."""
    ended = subprocess.run(
        command, cwd=home, env=apart(home), stdout=subprocess.PIPE, text=True, check=True, timeout=30
    )
    return ended.stdout


@contextmanager
def ready(*command: str | Path, home: Path) -> Iterator[str]:
    """The line that a command prints when it is ready; it ends on the way out, as by Ctrl-C."""
    with subprocess.Popen(command, cwd=home, env=apart(home), stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline()
        finally:
            process.send_signal(signal.SIGINT)


def test_two_packages_are_in_it_and_nothing_else(wheel: Path) -> None:
    folders = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}

    assert folders == {"kubesum", "kubesim", f"kubesum-{__version__}.dist-info"}


def test_its_types_and_its_licence_come_with_it(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())

    assert {"kubesum/py.typed", f"kubesum-{__version__}.dist-info/licenses/LICENSE"} <= names


def test_the_sdist_holds_what_the_wheel_is_built_from(dist: Path) -> None:
    with tarfile.open(dist / f"kubesum-{__version__}.tar.gz") as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"pyproject.toml", "LICENSE", "app/kubesum/__init__.py", "app/kubesim/__init__.py"} <= names
    assert [name for name in names if name.startswith((".venv", ".cache", "dist/"))] == []


def test_it_says_its_version(installed: Path, tmp_path: Path) -> None:
    assert printed(installed / "kubesum", "--version", home=tmp_path) == f"kubesum {__version__}\n"


def test_the_plugin_is_beside_it(installed: Path, tmp_path: Path) -> None:
    assert printed(installed / "kubectl-kubesum", "--help", home=tmp_path).startswith("usage: ")


def test_the_demo_is_in_it(installed: Path, tmp_path: Path) -> None:
    assert "--nodes" in printed(installed / "kubesum", "demo", "--help", home=tmp_path)


def test_it_answers_from_a_file(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "nodes.yaml").write_text(NODES)

    with ready(installed / "kubesum", "local", "--from", "nodes.yaml", home=tmp_path) as line:
        words = shlex.split(line)
        kubeconfig = words[words.index("--kubeconfig") + 1]
        shown = printed(BESIDE / "kubectl", "--kubeconfig", kubeconfig, "get", "nosum", "-o", "name", home=tmp_path)

    assert shown == "nodesummary.summary.kubesum.dev/worker-a\n"
