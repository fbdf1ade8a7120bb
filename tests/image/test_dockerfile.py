"""The image: what its Dockerfile does is done, and what comes of it runs."""

import pytest

from kubesum import __version__
from tests.image.builder import REPOSITORY, Build, instructions, is_ignored

DOCKERFILE = (REPOSITORY / "Dockerfile").read_text()


# The first test builds, which takes long where other tests run too.
pytestmark = pytest.mark.timeout(300)


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Build:
    return Build(REPOSITORY, tmp_path_factory.mktemp("image"), {"VERSION": "9.9.9", "REVISION": "0123abc"})


def test_the_entry_point_runs(image: Build) -> None:
    shown = image.run(*image.entrypoint, "--version")

    assert (shown.returncode, shown.stdout) == (0, f"kubesum {__version__}\n")


def test_the_command_starts_the_server(image: Build) -> None:
    shown = image.run(*image.entrypoint, *image.command, "--help")

    assert shown.returncode == 0
    assert shown.stdout.startswith("usage: kubesum serve ")
    assert "--secure-port" in shown.stdout


def test_only_what_runs_is_in_it(image: Build) -> None:
    [packages] = image.here("/opt/kubesum/.venv/lib").glob("python3.*/site-packages")
    names = {path.name.partition("-")[0] for path in packages.glob("*.dist-info")}

    assert {"kubesum", "uvicorn", "kubernetes_asyncio", "cel_expr_python"} <= names
    assert not names & {"pytest", "hatchling", "uv", "kubernetes_validate", "mypy"}
    assert [path.name for path in image.here("/opt/kubesum").iterdir()] == [".venv"]


def test_its_licence_comes_with_it(image: Build) -> None:
    [licence] = image.here("/opt/kubesum/.venv/lib").glob("**/kubesum-*.dist-info/licenses/LICENSE")

    assert licence.read_text() == (REPOSITORY / "LICENSE").read_text()


def test_no_bytecode_has_to_be_written(image: Build) -> None:
    [module] = image.here("/opt/kubesum/.venv/lib").glob("python3.*/site-packages/kubesum/cli.py")

    assert [path.name.split(".")[0] for path in (module.parent / "__pycache__").glob("cli.*.pyc")] == ["cli"]
    assert image.environment["PYTHONDONTWRITEBYTECODE"] == "1"


def test_it_runs_as_nobody_in_particular(image: Build) -> None:
    assert image.user == "65532:65532"


def test_it_says_what_it_is(image: Build) -> None:
    assert image.labels == {
        "org.opencontainers.image.title": "kubesum",
        "org.opencontainers.image.description": (
            "Summaries of nodes, namespaces, workloads, pods and images, served as Kubernetes objects."
        ),
        "org.opencontainers.image.licenses": "Apache-2.0",
        "org.opencontainers.image.version": "9.9.9",
        "org.opencontainers.image.revision": "0123abc",
        "org.opencontainers.image.base.name": f"docker.io/library/{image.base}",
    }


def test_the_base_is_pinned_to_a_version(image: Build) -> None:
    name, _, tag = image.base.partition(":")

    assert name == "python"
    assert tag.split("-")[0].count(".") == 2


def test_nothing_is_installed_that_no_hash_vouches_for() -> None:
    installing = [
        command.strip()
        for name, argument in instructions(DOCKERFILE)
        if name == "RUN"
        for command in argument.split("&&")
        if command.strip().startswith(("pip", "uv", "apt", "curl"))
    ]

    assert len(installing) == 3
    assert "--require-hashes" in installing[0]
    assert all(command.startswith("uv sync --locked ") for command in installing[1:])


@pytest.mark.parametrize(
    ("path", "ignored"),
    [
        ("app/kubesum", False),
        ("app/kubesim", True),
        ("uv.lock", False),
        (".git", True),
        (".venv", True),
        ("tests", True),
        ("__pycache__", True),
    ],
)
def test_the_context_holds_what_is_copied_and_no_more(path: str, ignored: bool) -> None:
    assert is_ignored(REPOSITORY, path) == ignored
