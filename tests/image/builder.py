"""Carries out a Dockerfile without a container engine: its own commands, in an empty directory for a root.

The base image is a new virtual environment in place of /usr/local. Each stage has the same directory while it
is current, so that paths written in one stage hold in the next, as in an image. Packages come from what
`make setup` has left in caches, never from the network. Commands must name files by paths relative to their
working directory, since nothing keeps them from the machine's own root.
"""

import fnmatch
import json
import os
import re
import shlex
import shutil
import string
import subprocess
import sys
import venv
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]


class Build:
    """One build: the stage that is current, and in the end the image."""

    def __init__(self, context: Path, directory: Path, arguments: Mapping[str, str]) -> None:
        """`context` holds the Dockerfile; the stages are made in `directory`; `arguments` are build arguments."""
        self.base = ""
        self.labels: dict[str, str] = {}
        self.user = ""
        self.entrypoint: list[str] = []
        self.command: list[str] = []
        self.environment: dict[str, str] = {}
        self._context, self._directory, self._given = context, directory, arguments
        self._root = directory / "root"
        self._stage = ""
        self._workdir = "/"
        self._arguments: dict[str, str] = {}
        for name, argument in instructions((context / "Dockerfile").read_text()):
            self._steps[name](self, argument)

    def here(self, path: str) -> Path:
        """Where a path of the image is on this machine."""
        return self._root / os.path.join(self._workdir, path).lstrip("/")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Runs a command as in a container; all that it prints goes into one output."""
        return subprocess.run(
            command,
            env=self.environment,
            cwd=self.here("."),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )

    def _from(self, argument: str) -> None:
        if self._stage:
            shutil.move(self._root, self._directory / self._stage)
        self.base, _, self._stage = string.Template(argument).substitute(self._arguments).partition(" AS ")
        self._workdir, self.environment = "/", base_environment(self._root)
        local, unused = self._root / "usr" / "local", self._directory / "base"
        if not unused.exists():
            venv.create(local, with_pip=True)
            shutil.copytree(local, unused, symlinks=True)
        else:
            shutil.copytree(unused, local, symlinks=True)

    def _arg(self, argument: str) -> None:
        name, _, default = argument.partition("=")
        self._arguments[name] = self._given.get(name, default or self._arguments.get(name, ""))

    def _env(self, argument: str) -> None:
        for name, value in pairs(argument, self.environment).items():
            self.environment[name] = re.sub(r"(^|:)/opt/", rf"\g<1>{self._root}/opt/", value)

    def _label(self, argument: str) -> None:
        self.labels |= pairs(argument, self._arguments)

    def _into(self, argument: str) -> None:
        self._workdir = argument
        self.here(".").mkdir(parents=True, exist_ok=True)

    def _copy(self, argument: str) -> None:
        *sources, target = shlex.split(argument)
        if sources[0].startswith("--from="):
            stage = self._directory / sources[0].removeprefix("--from=")
            shutil.copytree(stage / sources[1].lstrip("/"), self.here(target), symlinks=True)
            return
        for source in sources:
            assert not is_ignored(self._context, source), f"COPY {source}: .dockerignore leaves it out"
            found = self._context / source
            if found.is_dir():
                shutil.copytree(found, self.here(target), ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(found, self.here(target))

    def _run(self, argument: str) -> None:
        result = self.run("sh", "-e", "-c", argument)
        assert result.returncode == 0, f"RUN {argument}\n{result.stdout}"

    def _user(self, argument: str) -> None:
        self.user = argument

    def _entrypoint(self, argument: str) -> None:
        self.entrypoint = json.loads(argument)

    def _cmd(self, argument: str) -> None:
        self.command = json.loads(argument)

    _steps: Mapping[str, Callable[["Build", str], None]] = {
        "FROM": _from,
        "ARG": _arg,
        "ENV": _env,
        "LABEL": _label,
        "WORKDIR": _into,
        "COPY": _copy,
        "RUN": _run,
        "USER": _user,
        "ENTRYPOINT": _entrypoint,
        "CMD": _cmd,
    }


def instructions(dockerfile: str) -> Iterator[tuple[str, str]]:
    """(instruction, argument) of each one, its lines joined."""
    lines = "\n".join(line for line in dockerfile.splitlines() if not line.startswith("#"))
    for line in re.sub(r"\\\n\s*", "", lines).splitlines():
        if line.strip():
            name, _, argument = line.partition(" ")
            yield name, argument.strip()


def pairs(argument: str, variables: Mapping[str, str]) -> dict[str, str]:
    """NAME=VALUE pairs, with variables put in."""
    assigned = (word.partition("=") for word in shlex.split(argument))
    return {name: string.Template(value).substitute(variables) for name, _, value in assigned}


def is_ignored(context: Path, path: str) -> bool:
    """Whether .dockerignore leaves a path out: the last pattern that fits decides."""
    ignored = False
    for pattern in (context / ".dockerignore").read_text().split():
        if fnmatch.fnmatch(path, pattern.removeprefix("!").removeprefix("**/")):
            ignored = not pattern.startswith("!")
    return ignored


def base_environment(root: Path) -> dict[str, str]:
    """What a base image sets, and where packages are found without a network."""
    uv = Path(sys.executable).parent / "uv"
    cache = subprocess.run([uv, "cache", "dir"], capture_output=True, text=True, check=True).stdout.strip()
    return {
        "PATH": f"{root}/usr/local/bin:/usr/bin:/bin",
        "HOME": str(root),
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(REPOSITORY / ".cache"),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "UV_OFFLINE": "1",
        "UV_CACHE_DIR": cache,
    }
