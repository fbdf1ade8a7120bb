"""The commands of docs/operations.md, one block after the other, in front of a real kube-apiserver."""

import asyncio
import os
import re
import sys
from pathlib import Path

import pytest

from tests.cluster.installation import ROOT, Pod, available, eventually
from tests.oracle.kubectl import kubectl

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

BLOCKS = re.findall(r"^```sh\n(.*?)^```", (ROOT / "docs" / "operations.md").read_text(), re.MULTILINE | re.DOTALL)
LINES = [line for block in BLOCKS for line in block.splitlines()]
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
_LONGEST_S = 60


async def run(line: str, kubeconfig: Path, directory: Path) -> tuple[int, str]:
    """The exit code of a line of a shell, and what it prints, in a folder that holds the chart."""
    beside = str(Path(sys.executable).parent)
    process = await asyncio.create_subprocess_exec(
        *("sh", "-c", line),
        cwd=directory,
        env={
            "PATH": os.pathsep.join([beside, os.environ["PATH"]]),
            "HOME": str(directory),
            "KUBECONFIG": str(kubeconfig),
        },
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    out, _ = await asyncio.wait_for(process.communicate(), _LONGEST_S)
    assert process.returncode is not None
    return process.returncode, out.decode()


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A folder with the chart where the page has it."""
    (tmp_path / "helm").symlink_to(ROOT / "helm")
    return tmp_path


def index_of(beginning: str) -> int:
    """The position of the only line that begins so."""
    (found,) = [index for index, line in enumerate(LINES) if line.startswith(beginning)]
    return found


async def test_the_commands_of_the_page(played: Pod, directory: Path) -> None:
    config, printed = played.plane.kubeconfig, {}
    remedy, uninstall = index_of("kubectl delete apiservice"), index_of("helm uninstall")
    bundle = index_of("kubesum doctor --bundle")
    # What removes kubesum comes last, and the remedy after the removal whose consequence it mends.
    others = [
        index for index in range(len(LINES)) if index not in (remedy, bundle) and not 0 <= index - uninstall < 4
    ]
    for index in others:
        code, printed[index] = await run(LINES[index], config, directory)
        assert code == 0, f"{LINES[index]}\n{printed[index]}"
    code, out = await run(LINES[bundle], config, directory)

    assert re.fullmatch(
        r"\d+ pods on \d+ nodes",
        printed[index_of("kubectl get clustersummary cluster -o jsonpath='{.status.pods.total}")],
    )
    assert all(printed[index].endswith("yes\n") for index in others if "can-i" in LINES[index])
    assert printed[index_of("kubectl get apiservice v1alpha1")] == "all checks passed"
    assert "wrote kubesum-bundle-" in out
    assert await available(config) == "all checks passed"

    for line in (*LINES[uninstall : uninstall + 4], LINES[remedy]):
        code, out = await run(line, config, directory)
        assert code == 0, f"{line}\n{out}"
    left = await kubectl(config, "get", "apiservices,crd,clusterroles,clusterrolebindings", "-o", "name")
    assert [name for name in left.split() if "kubesum" in name] == []
    await blocked_until_the_remedy(played, directory)


async def blocked_until_the_remedy(played: Pod, directory: Path) -> None:
    """As the page says: where kubesum is gone and its registration is not, no namespace can be deleted."""
    config = played.plane.kubeconfig
    spec = (
        "apiVersion: apiregistration.k8s.io/v1\nkind: APIService\nmetadata: {name: v1alpha1.summary.kubesum.dev}\n"
        "spec: {group: summary.kubesum.dev, version: v1alpha1, groupPriorityMinimum: 1000, versionPriority: 10,"
        " service: {namespace: kubesum-system, name: kubesum}}\n"
    )
    (directory / "apiservice.yaml").write_text(spec)
    await kubectl(config, "apply", "-f", str(directory / "apiservice.yaml"))

    async def is_stale() -> bool:
        # kube-apiserver takes a new registration up in its own time.
        with played.plane.client() as client:
            found = client.get("/apis", accept=AGGREGATED)["items"]
        versions = [one["versions"] for one in found if one["metadata"]["name"] == "summary.kubesum.dev"]
        return versions == [[{"version": "v1alpha1", "freshness": "Stale"}]]

    await eventually(is_stale, 40)
    await kubectl(config, "create", "namespace", "doomed")
    await kubectl(config, "delete", "namespace", "doomed", "--wait=false")

    async def is_blocked() -> bool:
        path = "jsonpath={.status.conditions[?(@.type=='NamespaceDeletionDiscoveryFailure')].reason}"
        return await kubectl(config, "get", "namespace", "doomed", "-o", path) == "DiscoveryFailed"

    await eventually(is_blocked, 40)
    code, out = await run(LINES[index_of("kubectl delete apiservice")], config, directory)
    assert code == 0, out
    await kubectl(config, "wait", "--for=delete", "namespace/doomed", "--timeout=50s")
