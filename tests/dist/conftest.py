"""What `make dist` builds, once for all tests here."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="session")
def dist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with everything that is published besides the image."""
    beside = Path(sys.executable).parent
    if shutil.which("helm", path=os.pathsep.join((str(beside), os.environ["PATH"]))) is None:
        pytest.skip("install Helm 4 to build the chart: `make setup` brings one for x86-64 Linux alone")
    folder = tmp_path_factory.mktemp("dist")
    places = ("IMAGE=registry.example/tools/kubesum", "REPOSITORY=https://git.example/tools/kubesum")
    command = ["make", "--silent", "dist", f"BIN={beside}", f"DIST={folder}", *places]
    # What a make around the tests says of itself is not for this one.
    env = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    made = subprocess.run(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    assert made.returncode == 0, made.stdout
    return folder
