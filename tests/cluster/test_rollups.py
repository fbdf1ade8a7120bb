"""A definition in a real cluster, from `kubectl apply` to `kubectl delete`, behind a real kube-apiserver."""

import json
import ssl
from collections.abc import Awaitable, Callable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from kubesum.edge.tls import certificates
from tests.cluster.installation import Pod, eventually, ready, refused, start_pod, watching
from tests.computation import JsonObject
from tests.oracle.kubectl import kubectl
from tests.serving.runningserver import free_port
from tests.unit.rollupdefinitions.samples import SAMPLE, named

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(500)]

NAME = SAMPLE["metadata"]["name"]
DISCOVERED_WITHIN_S = 150
"""kube-apiserver reads the discovery and the OpenAPI documents of an extension server once a minute, or later."""
ROOT = "/apis/rollup.kubesum.dev/v1alpha1"
ROW = "payments.none"


class Admin:
    """An administrator with kubectl."""

    def __init__(self, pod: Pod) -> None:
        self.kubeconfig = pod.plane.kubeconfig

    async def kubectl(self, *arguments: str) -> str:
        return await kubectl(self.kubeconfig, *arguments)

    async def apply(self, *definitions: JsonObject) -> None:
        path = self.kubeconfig.parent / "definitions.json"
        path.write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": definitions}))
        await self.kubectl("apply", "-f", str(path))

    async def status(self) -> Any:
        return json.loads(await self.kubectl("get", "rollupdefinition", NAME, "-o", "json"))["status"]

    async def words(self, *arguments: str) -> Sequence[Sequence[str]]:
        return [line.split() for line in (await self.kubectl("get", *arguments)).splitlines()]

    async def raw(self, path: str) -> Any:
        return json.loads(await self.kubectl("get", "--raw", path))


async def discovered(holds: Callable[[], Awaitable[bool]]) -> None:
    """Returns once it holds, which needs kube-apiserver to look again."""

    async def without_error() -> bool:
        try:
            return await holds()
        except AssertionError:
            return False

    await eventually(without_error, DISCOVERED_WITHIN_S)


def resources(found: JsonObject) -> list[str]:
    return [one["name"] for one in found["resources"]]


async def test_a_definition_is_a_kind_until_it_is_deleted(played: Pod, tmp_path: Path) -> None:
    admin, jane = Admin(played), played.plane.kubeconfig_of("jane")
    await admin.kubectl("label", "namespace", "blue", "team=payments")
    await admin.kubectl("label", "pods", "-n", "blue", "--all", "app.kubernetes.io/part-of=shop")

    await admin.apply(SAMPLE)
    await admin.kubectl("wait", f"rollupdefinition/{NAME}", "--for=condition=Established", "--timeout=3s")
    status = await admin.status()
    assert status["observedGeneration"] == 1
    assert {one["type"]: one["status"] for one in status["conditions"]} == {
        "Accepted": "True",
        "NamesAccepted": "True",
        "Established": "True",
        "Truncated": "False",
    }

    await discovered(lambda: got(admin, "teamusages"))
    table = await admin.words("teamusages")
    wide = await admin.words("tu", "-o", "wide", "--sort-by=.status.pods")
    assert table[0] == ["NAME", "PODS", "CPU-REQ"]
    assert ROW in [line[0] for line in table]
    assert wide[0] == ["NAME", "PODS", "CPU-REQ", "OVERCOMMIT"]
    assert [one[0] for one in await admin.words("tu", "--no-headers", "--field-selector", "key.team=payments")] == [
        ROW
    ]
    by_label = await admin.words("tu", "--no-headers", "-l", "key.kubesum.dev/team=payments")
    assert [one[0] for one in by_label] == [ROW]
    row = json.loads(await admin.kubectl("get", "teamusage", ROW, "-o", "json"))
    assert (row["kind"], row["key"]) == ("TeamUsage", {"team": "payments", "pool": "none"})
    await discovered(lambda: explained(admin, "overcommit"))

    assert "teamusages.rollup.kubesum.dev is forbidden" in await refused(jane, "get", "teamusages")
    await admin.kubectl("create", "clusterrolebinding", "jane", "--clusterrole=kubesum:rollups", "--user=jane")
    assert ROW in await kubectl(jane, "get", "teamusages")

    changed = deepcopy(SAMPLE)
    changed["spec"]["groupBy"] = changed["spec"]["groupBy"][:1]
    changed["spec"]["measures"].append({"name": "ready", "type": "Count", "when": "pod.ready"})
    changed["spec"]["columns"].append({"name": "Ready", "measure": "ready"})
    async with watching(admin.kubeconfig, "tu") as lines:
        await lines.until(ROW)
        await admin.apply(changed)
        await lines.ended()
    assert (await admin.words("tu"))[0] == ["NAME", "PODS", "CPU-REQ", "READY"]
    assert "payments" in [line[0] for line in await admin.words("tu")]
    assert (await admin.status())["observedGeneration"] == 2
    await discovered(lambda: explained(admin, "ready"))

    async with watching(admin.kubeconfig, "tu") as lines:
        await lines.until("payments")
        await admin.kubectl("delete", "rollupdefinition", NAME)
        await lines.ended()
    assert "NotFound" in await refused(admin.kubeconfig, "get", "--raw", f"{ROOT}/teamusages")
    assert resources(await admin.raw(ROOT)) == []

    async def is_forgotten() -> bool:
        return "teamusages" not in await admin.kubectl("api-resources", "-o", "name", f"--cache-dir={tmp_path}")

    await discovered(is_forgotten)
    await admin.kubectl("create", "namespace", "short-lived")
    await admin.kubectl("delete", "namespace", "short-lived", "--timeout=60s")
    assert await admin.words("nosum", "--no-headers")


async def got(admin: Admin, plural: str) -> bool:
    return bool(await admin.words(plural, f"--cache-dir={admin.kubeconfig.parent / 'fresh'}"))


async def explained(admin: Admin, field: str) -> bool:
    text = await admin.kubectl("explain", "teamusages.status")
    return field in text


async def test_two_replicas_write_each_status_once_and_send_the_same_documents(played: Pod) -> None:
    """Twenty definitions at once: each is modified once between its creation and its deletion."""
    admin = Admin(played)
    names = [f"many{number}s" for number in range(20)]
    other = await start_pod(played.plane, "127.0.0.1", free_port())
    try:
        await ready(other)
        watch = ("rollupdefinitions", "--watch-only", "--output-watch-events", "--no-headers")
        async with watching(admin.kubeconfig, *watch) as lines:
            await admin.apply(*(named(name, name.removesuffix("s").capitalize()) for name in names))
            conditions = "--for=condition=Established"
            every = [f"rollupdefinition/{name}.rollup.kubesum.dev" for name in names]
            await admin.kubectl("wait", *every, conditions, "--timeout=10s")
            documents = [[await document(pod, path) for path in DOCUMENTS] for pod in (played, other)]
            await admin.kubectl("delete", *every)
            events = [line.split()[:2] for line in await lines.read(3 * len(names))]
    finally:
        await other.stop()

    assert documents[0] == documents[1]
    assert {event: sum(one[0] == event for one in events) for event in ("ADDED", "MODIFIED", "DELETED")} == {
        "ADDED": 20,
        "MODIFIED": 20,
        "DELETED": 20,
    }


DOCUMENTS = ("/openapi/v2", f"/openapi/v3{ROOT}", "/apis")


async def document(pod: Pod, path: str) -> bytes:
    """The bytes of a document of one replica, as the front proxy's user reads them."""
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    pair = certificates.client(pod.plane.authority, "kubernetes-admin", ("system:masters",))
    tls.load_cert_chain(*pair.write(pod.plane.directory, "document-reader"))
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls)) as session,
        session.get(f"https://{pod.address}{path}") as answer,
    ):
        assert answer.status == 200
        return await answer.read()


async def test_a_definition_that_the_server_refuses_says_why(played: Pod) -> None:
    admin = Admin(played)
    bad = deepcopy(SAMPLE)
    bad["metadata"]["name"] = "wrongs.rollup.kubesum.dev"
    bad["spec"]["names"] = {"kind": "Wrong", "plural": "wrongs"}
    bad["spec"]["filter"] = "pod.colour == 'red'"

    await admin.apply(bad)
    await admin.kubectl(
        "wait", "rollupdefinition/wrongs.rollup.kubesum.dev", "--for=condition=Accepted=False", "--timeout=3s"
    )
    [line] = await admin.words("rollupdefinitions", "wrongs.rollup.kubesum.dev", "--no-headers")
    await admin.kubectl("delete", "rollupdefinition", "wrongs.rollup.kubesum.dev")

    assert line[:5] == ["wrongs.rollup.kubesum.dev", "Wrong", "Pods", "0", "False"]


async def test_a_new_kind_is_known_at_once_after_the_apiservice_is_touched(played: Pod) -> None:
    """As docs/rollups.md says: kube-apiserver reads the discovery of an APIService that changes."""
    admin, one = Admin(played), named("touched", "Touched")
    await admin.apply(one)
    await admin.kubectl("wait", f"rollupdefinition/{one['metadata']['name']}", "--for=condition=Established")
    touch = ("apiservice", "v1alpha1.rollup.kubesum.dev", "kubesum.dev/read=1", "--overwrite")
    await admin.kubectl("annotate", *touch)

    async def is_known() -> bool:
        try:
            return bool(await admin.kubectl("get", "touched"))
        except AssertionError:
            return False

    await eventually(is_known, 10)
    await admin.kubectl("delete", "rollupdefinition", one["metadata"]["name"])
