"""What people see of an installation who are not its administrators, and while the cluster changes."""

import asyncio
import ssl
from datetime import UTC, datetime

import aiohttp
import pytest

from kubesum.edge.tls import certificates
from tests.cluster.installation import NAMESPACE, Pod, eventually, refused, watching
from tests.cluster.stage import enact_pod, remove, report
from tests.oracle.kubectl import kubectl
from tests.oracle.podbuilder import Draft, container, requirements, running, waiting

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(180)]

V = "/apis/summary.kubesum.dev/v1alpha1"


async def direct(pod: Pod, path: str, user: str = "", token: str = "") -> tuple[int, str]:
    """Code and message of a request that does not come through the API server."""
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    if user:
        pair = certificates.client(pod.plane.authority, user)
        tls.load_cert_chain(*pair.write(pod.plane.directory, f"direct-{user}"))
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session,
        session.get(f"https://{pod.address}{path}", headers=headers) as answer,
    ):
        return answer.status, (await answer.json()).get("message", "")


async def test_a_pod_is_watched_and_waited_for(played: Pod) -> None:
    admin = played.plane.kubeconfig
    now = datetime.now(UTC)
    asked = requirements({"cpu": "150m"})
    up = Draft("watched", "steady-1", "Running", [container("app", running(now), desired=asked)]).pod()
    down = container("app", waiting("CrashLoopBackOff"), desired=asked, restartCount=1)
    crashed = Draft("watched", "steady-1", "Running", [down]).pod()

    async with watching(admin, "posum", "-n", "blue") as lines:
        with played.plane.client() as client:
            enact_pod(client, up)
            await lines.until("watched", "Running")
            waits = asyncio.create_task(
                kubectl(
                    admin,
                    *("wait", "posum/watched", "-n", "blue", "--timeout=20s"),
                    "--for=jsonpath={.status.reason}=CrashLoopBackOff",
                )
            )
            report(client, crashed)
            await lines.until("watched", "CrashLoopBackOff")
            assert await waits == "podsummary.summary.kubesum.dev/watched condition met\n"
            remove(client, crashed)
            await kubectl(admin, "wait", "posum/watched", "-n", "blue", "--for=delete", "--timeout=20s")


async def test_a_user_without_rights_is_refused_in_the_usual_words(played: Pod) -> None:
    jane = played.plane.kubeconfig_of("jane")

    assert await refused(jane, "get", "nosum") == (
        'Error from server (Forbidden): nodesummaries.summary.kubesum.dev is forbidden: User "jane" cannot list '
        'resource "nodesummaries" in API group "summary.kubesum.dev" at the cluster scope\n'
    )


async def test_whoever_comes_past_the_api_server_is_judged_alike(played: Pod) -> None:
    admin = played.plane.kubeconfig
    told = 'nodesummaries.summary.kubesum.dev is forbidden: User "{}" cannot list resource "nodesummaries" in API group "summary.kubesum.dev" at the cluster scope'  # noqa: E501
    token = await kubectl(admin, "create", "token", "kubesum", "-n", NAMESPACE)
    path = f"{V}/nodesummaries"

    assert await direct(played, path) == (403, told.format("system:anonymous"))
    assert await direct(played, path, user="jane") == (403, told.format("jane"))
    account = f"system:serviceaccount:{NAMESPACE}:kubesum"
    assert await direct(played, path, token=token.strip()) == (403, told.format(account))
    assert await direct(played, path, token="stolen") == (401, "Unauthorized")


async def test_who_may_view_a_namespace_sees_its_summaries_and_no_others(played: Pod) -> None:
    admin = played.plane.kubeconfig
    tenant = played.plane.kubeconfig_of("tenant")
    await kubectl(
        admin,
        "create",
        "rolebinding",
        "tenant",
        "-n",
        "blue",
        "--clusterrole=view",
        "--user=tenant",
    )

    async def sees() -> bool:
        try:
            return "blue" in await kubectl(tenant, "get", "nssum", "-n", "blue")
        except AssertionError:
            return False

    # The role is added up from the chart's by a controller.
    await eventually(sees, 20)
    assert "Forbidden" in await refused(tenant, "get", "nssum", "-A")
    assert "Forbidden" in await refused(tenant, "get", "nosum")
    assert "Forbidden" in await refused(tenant, "get", "clsum", "cluster")


async def test_cluster_summaries_can_be_granted(played: Pod) -> None:
    admin = played.plane.kubeconfig
    await kubectl(
        admin,
        "create",
        "clusterrolebinding",
        "ops",
        "--clusterrole=kubesum:cluster-view",
        "--user=ops",
    )
    ops = played.plane.kubeconfig_of("ops")

    assert "cluster" in await kubectl(ops, "get", "clsum")
    assert "Forbidden" in await refused(ops, "get", "posum", "-A")


async def test_our_group_is_current_in_discovery(played: Pod) -> None:
    aggregated = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    with played.plane.client() as client:
        groups = {
            item["metadata"]["name"]: item["versions"][0]
            for item in client.send("GET", "/apis", accept=aggregated).json()["items"]
        }

    assert groups["summary.kubesum.dev"]["freshness"] == "Current"
    assert len(groups["summary.kubesum.dev"]["resources"]) == 7
