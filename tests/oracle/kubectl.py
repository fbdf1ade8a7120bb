"""The real kubectl."""

import asyncio
import json
import os
import shutil
import sys
from pathlib import Path

_LONGEST_RUN_S = 60


async def kubectl(kubeconfig: Path, *arguments: str) -> str:
    """The output of a run of kubectl; a non-zero exit code fails the test.

    It is the kubectl of the interpreter's environment, else the one in PATH, and keeps its caches next to the
    kubeconfig.
    """
    search = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    program = shutil.which("kubectl", path=search)
    assert program is not None, "there is no kubectl beside the interpreter or in PATH"
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        env={"PATH": search, "HOME": str(kubeconfig.parent), "KUBECONFIG": str(kubeconfig)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await asyncio.wait_for(process.communicate(), _LONGEST_RUN_S)
    assert process.returncode == 0, err.decode()
    return out.decode()


async def version(kubeconfig: Path) -> str:
    """The version of kubectl, such as `v1.37.1`."""
    found: str = json.loads(await kubectl(kubeconfig, "version", "--client", "-o", "json"))["clientVersion"][
        "gitVersion"
    ]
    return found
