"""The chart installed in a real cluster by the real helm, and its pod played by a process.

There is no node and no proxy: the process listens where the Service's pods would be reached, on the Service's own
address, which is one of loopback. Otherwise it runs as the Deployment says, with the token of its ServiceAccount
where a kubelet would mount it.
"""

import asyncio
import itertools
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.cluster.controlplane import HOW_TO, ControlPlane, binaries, control_plane, controllers
from tests.cluster.stage import enact, unowned
from tests.computation import JsonObject
from tests.oracle.kubectl import kubectl
from tests.oracle.testpods import cases, nodes

ROOT = Path(__file__).parents[2]
NAMESPACE = "kubesum-system"
RELEASE = "kubesum"
API_SERVICE = "v1alpha1.summary.kubesum.dev"
CHART = ROOT / "helm" / "kubesum"
QUICKLY = ("--set", "shutdownDelaySeconds=1")

CLUSTER = "KUBESUM_CLUSTER"
IMAGE = "KUBESUM_IMAGE"
HOW_TO_ELSEWHERE = (
    f"set {CLUSTER} to the kubeconfig of a cluster, such as one of kind or k3d, and {IMAGE} to an image that it has, "
    "REPOSITORY:TAG, to install there instead"
)

NEEDS_ROOT = "the installation is tested as root: a process takes the place of a pod, its mounts and its port"

_ACCOUNT = "/run/secrets/kubernetes.io/serviceaccount"
# In a mount namespace of its own, so that the machine has no service account afterwards.
_MOUNTED = f"""
set -e
mount -t tmpfs tmpfs /run
mkdir -p {_ACCOUNT}
mount --bind "$0" {_ACCOUNT}
exec "$@"
"""
_LONGEST_START_S = 60
_LONGEST_STOP_S = 30


def can_play_pods() -> bool:
    """Whether a process can take the place of a pod here."""
    return os.geteuid() == 0 and shutil.which("unshare") is not None


@contextmanager
def bare_control_plane(directory: Path) -> Iterator[ControlPlane]:
    """A control plane with its controllers, nodes and pods, and nothing of kubesum; skips where there is none."""
    assets = binaries()
    if assets is None:
        pytest.skip(f"{HOW_TO}; or {HOW_TO_ELSEWHERE}")
    if not can_play_pods():
        pytest.skip(NEEDS_ROOT)
    with control_plane(assets, directory) as plane, controllers(assets, plane):
        with plane.client() as client:
            enact(client, nodes(), unowned(cases(datetime.now(UTC))))
        yield plane


async def helm(kubeconfig: Path, *arguments: str) -> str:
    """What helm prints; raises AssertionError if it fails."""
    program = shutil.which("helm", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]))
    assert program is not None, "helm is missing: make setup"
    process = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        env={"PATH": os.environ["PATH"], "HOME": str(kubeconfig.parent), "KUBECONFIG": str(kubeconfig)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return out.decode()


async def install(kubeconfig: Path, *more: str) -> None:
    """Installs the chart as its documentation says."""
    where = ("--namespace", NAMESPACE, "--create-namespace")
    await helm(kubeconfig, "install", RELEASE, str(CHART), *where, *QUICKLY, *more)


async def uninstall(kubeconfig: Path) -> None:
    """Takes it away again."""
    await helm(kubeconfig, "uninstall", RELEASE, "--namespace", NAMESPACE, "--wait")


@dataclass(frozen=True)
class Pod:
    """A process in the place of the Deployment's pods; `address` is its host and port."""

    plane: ControlPlane
    process: asyncio.subprocess.Process
    address: str
    log: Path

    async def stop(self) -> int:
        """Ends it as a kubelet does; the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(_LONGEST_STOP_S):
            return await self.process.wait()

    def is_ready(self) -> bool:
        """What a kubelet's probe finds."""
        command = ["curl", "--insecure", "--silent", "--fail", f"https://{self.address}/readyz"]
        return subprocess.run(command, stdout=subprocess.DEVNULL, check=False).returncode == 0


@asynccontextmanager
async def pod(plane: ControlPlane) -> AsyncIterator[Pod]:
    """One pod of the installed Deployment, ready, and an endpoint that says so."""
    started = await start_pod(plane, announced_host(plane), 443)
    try:
        await ready(started)
        yield started
    finally:
        await started.stop()


def announced_host(plane: ControlPlane) -> str:
    """The Service's own address, of which the API server now thinks that it leads to a pod."""
    with plane.client() as client:
        service = client.get(f"/api/v1/namespaces/{NAMESPACE}/services/{RELEASE}")
    announce(plane, service)
    return str(service["spec"]["clusterIP"])


async def start_pod(plane: ControlPlane, host: str, port: int) -> Pod:
    """A pod of the Deployment that listens on an address of loopback."""
    with plane.client() as client:
        deployment = client.get(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{RELEASE}")
    template = deployment["spec"]["template"]["spec"]
    mount_token(plane, template["serviceAccountName"])
    return await _started(plane, template["containers"][0], host, port)


async def _started(plane: ControlPlane, container: JsonObject, host: str, port: int) -> Pod:
    log = plane.directory / "kubesum.log"
    arguments: Sequence[str] = (*container["args"], "--bind-address", host, "--secure-port", str(port))
    env: Mapping[str, str] = {
        **{variable["name"]: variable["value"] for variable in container.get("env", ())},
        "PATH": os.environ["PATH"],
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "KUBERNETES_SERVICE_PORT": str(plane.port),
    }
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *("unshare", "--mount", "sh", "-c", _MOUNTED, str(plane.directory / "serviceaccount")),
            *(sys.executable, "-m", "kubesum", *arguments),
            cwd=ROOT,
            env=env,
            stdout=output,
            stderr=output,
        )
    return Pod(plane, process, f"{host}:{port}", log)


async def ready(pod: Pod) -> None:
    """Returns once its probe succeeds."""
    async with asyncio.timeout(_LONGEST_START_S):
        while not await asyncio.to_thread(pod.is_ready):
            assert pod.process.returncode is None, pod.log.read_text()[-3000:]
            await asyncio.sleep(0.1)


def mount_token(plane: ControlPlane, account: str) -> None:
    """Puts a new token of a ServiceAccount where the process finds it."""
    directory = plane.directory / "serviceaccount"
    directory.mkdir(exist_ok=True)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {"name": account}}
    path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{account}/token"
    with plane.client() as client:
        answer = client.send("POST", path, {**request, "spec": {"expirationSeconds": 3600}})
    (directory / "token").write_text(answer.json()["status"]["token"])
    (directory / "namespace").write_text(NAMESPACE)
    shutil.copy(plane.ca, directory / "ca.crt")


def announce(plane: ControlPlane, service: JsonObject) -> None:
    """Says that the Service has a pod. Its address is one for documentation: nobody calls it."""
    slice_ = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{RELEASE}-played",
            "labels": {"kubernetes.io/service-name": service["metadata"]["name"]},
            # Goes with the Service, as one of the controller does.
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Service", "name": RELEASE, "uid": service["metadata"]["uid"]}
            ],
        },
        "addressType": "IPv4",
        "endpoints": [{"addresses": ["192.0.2.1"], "conditions": {"ready": True}}],
        "ports": [{"name": service["spec"]["ports"][0]["name"], "port": 10250, "protocol": "TCP"}],
    }
    with plane.client() as client:
        client.send("POST", f"/apis/discovery.k8s.io/v1/namespaces/{NAMESPACE}/endpointslices", slice_)


async def available(kubeconfig: Path) -> str:
    """What the API server says of our APIService once it is available and discovered."""
    await kubectl(kubeconfig, "wait", f"apiservice/{API_SERVICE}", "--for=condition=Available", "--timeout=55s")

    async def is_discovered() -> bool:
        # kube-apiserver's discovery manager asks after the availability controller, in its own time. What is found
        # here must not be what later commands find in kubectl's cache.
        cache = f"--cache-dir={kubeconfig.parent / 'discovery'}"
        return bool(await kubectl(kubeconfig, "api-resources", "--categories=summaries", "-o", "name", cache))

    await eventually(is_discovered, 30)
    return await kubectl(
        kubeconfig, "get", "apiservice", API_SERVICE, "-o", "jsonpath={.status.conditions[0].message}"
    )


async def refused(kubeconfig: Path, *arguments: str) -> str:
    """What kubectl prints to somebody who cannot have that."""
    try:
        printed = await kubectl(kubeconfig, *arguments)
    except AssertionError as error:
        return str(error).partition("\nassert ")[0]
    raise AssertionError(f"allowed: {printed}")


async def eventually(holds: Callable[[], Awaitable[bool]], within_s: float) -> None:
    """Returns once it holds, which nothing announces."""
    async with asyncio.timeout(within_s):
        for _ in itertools.count():
            if await holds():
                return
            await asyncio.sleep(0.3)


class Lines:
    """What a kubectl that watches prints."""

    def __init__(self, output: asyncio.StreamReader) -> None:
        self._output = output

    async def until(self, *words: str) -> None:
        """Returns once a line has all of these words."""
        async with asyncio.timeout(20):
            while not set(words) <= set((line := await self._output.readline()).decode().split()):
                assert line, "kubectl has ended"

    async def read(self, count: int) -> list[str]:
        """So many further lines."""
        async with asyncio.timeout(20):
            return [(await self._output.readline()).decode() for _ in range(count)]

    async def ended(self) -> None:
        """Returns once its watch has ended."""
        async with asyncio.timeout(20):
            while await self._output.readline():
                continue


@asynccontextmanager
async def watching(kubeconfig: Path, *arguments: str) -> AsyncIterator[Lines]:
    """A `kubectl get --watch` that runs."""
    process = await asyncio.create_subprocess_exec(
        *(str(Path(sys.executable).with_name("kubectl")), "get", *arguments, "--watch"),
        env={"PATH": os.environ["PATH"], "HOME": str(kubeconfig.parent), "KUBECONFIG": str(kubeconfig)},
        stdout=asyncio.subprocess.PIPE,
    )
    assert process.stdout is not None
    try:
        yield Lines(process.stdout)
    finally:
        # It may end by itself: with its watch.
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
