"""What each pod of kubesum answers, through the API server's pod proxy, and what its containers logged.

The API server sends no user on this path, so a pod treats the requests as anonymous: it answers /metrics only if the
chart's `metrics.enabled` is set, and refuses lists, which still shows how fast it does.
"""

import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from kubesum.doctor.bundle.reader import Reader
from kubesum.doctor.views import Pod
from kubesum.kube.client import TABLE
from kubesum.resources import RESOURCES, nodesummaries
from kubesum.vocabulary.resource import ROLLUP_GROUP, VERSION

LOG_LINES: Final = 3000
LOG_BYTES: Final = 3 << 20
"""Of one log, from its last lines: as much as the lines of access logs need, which may name long users."""
SAMPLES: Final = 3
_DISCOVERY: Final = (*sorted({one.api_version for one in RESOURCES}), f"{ROLLUP_GROUP}/{VERSION}")
_NODES: Final = f"/apis/{nodesummaries.RESOURCE.api_version}/{nodesummaries.RESOURCE.plural}"


async def collect_answers(reader: Reader, pods: Sequence[Pod], port: int) -> None:
    """Adds what each pod answers; one that does not answer at all is asked once."""
    for pod in pods:
        proxy = f"{_path(pod, 'https:')}:{port}/proxy"
        folder = _folder(pod)
        if not await reader.text(f"{folder}/readyz.txt", f"{proxy}/readyz", verbose=""):
            continue
        await reader.text(f"{folder}/livez.txt", f"{proxy}/livez", verbose="")
        await reader.object(f"{folder}/version.json", f"{proxy}/version")
        await reader.text(f"{folder}/metrics.txt", f"{proxy}/metrics")
        await reader.ask(f"{proxy}/apis/{_DISCOVERY[0]}")
        await reader.ask(f"{proxy}{_NODES}", TABLE, limit="1")


async def sample_requests(reader: Reader) -> None:
    """Asks for discovery and a Table some times, as users do: the API server spreads requests over the replicas.

    Discovery is added; of the Tables only their code, size and time are recorded.
    """
    for group_version in _DISCOVERY:
        await reader.object(f"discovery/{group_version.replace('/', '-')}.json", f"/apis/{group_version}")
    for resource in RESOURCES:
        for _ in range(SAMPLES):
            await reader.ask(f"/apis/{resource.api_version}/{resource.plural}", TABLE, limit="1")


async def collect_logs(reader: Reader, pods: Sequence[Pod]) -> None:
    """Adds the last lines of the logs of all containers and init containers, then those before their last restart."""
    for pod in pods:
        for container in (*pod.spec.containers, *pod.spec.init_containers):
            await _log(reader, pod, container.name)
    for pod in pods:
        for status in (*pod.status.container_statuses, *pod.status.init_container_statuses):
            if status.restart_count:
                await _log(reader, pod, status.name, previous="true")


async def _log(reader: Reader, pod: Pod, container: str, **more: str) -> None:
    name = f"{_folder(pod)}/{_plain(container)}{'-previous' if more else ''}.log"
    bounds = {"timestamps": "true", "tailLines": str(LOG_LINES), "limitBytes": str(LOG_BYTES)}
    await reader.text(name, f"{_path(pod)}/log", container=container, **bounds, **more)


def _path(pod: Pod, scheme: str = "") -> str:
    namespace, name = quote(pod.metadata.namespace, safe=""), quote(pod.metadata.name, safe="")
    return f"/api/v1/namespaces/{namespace}/pods/{scheme}{name}"


def _folder(pod: Pod) -> str:
    return f"pods/{_plain(pod.metadata.name)}"


def _plain(name: str) -> str:
    """A name as that of a file; the API server sends no others, but whoever poses as one may."""
    return re.sub(r"[^A-Za-z0-9.-]", "_", name).lstrip(".") or "_"
