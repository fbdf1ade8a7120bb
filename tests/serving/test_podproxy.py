"""pods/proxy of the simulated API server in front of the real kubesum, which sees an anonymous client."""

import ssl
from base64 import b64decode
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from kubesim.store.store import JsonObject
from tests.serving.runningserver import RunningServer, as_person, running_server

pytestmark = pytest.mark.asyncio(loop_scope="module")

PODS = "/api/v1/namespaces/kubesum-system/pods"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def server(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningServer]:
    async with running_server(tmp_path_factory.mktemp("serving")) as server:
        server.register()
        yield server


@pytest.fixture
def pod(server: RunningServer) -> JsonObject:
    """A pod of kubesum."""
    found: JsonObject = server.store.list("pods", "kubesum-system")[0].decoded()
    return found


async def test_the_pod_proxy_reaches_a_pod_without_credentials(server: RunningServer, pod: JsonObject) -> None:
    proxy = f"{PODS}/https:{pod['metadata']['name']}:10250/proxy"

    ready = await as_person(server, "admin", f"{proxy}/readyz?verbose")
    version = await as_person(server, "admin", f"{proxy}/version")
    metrics = await as_person(server, "admin", f"{proxy}/metrics")

    assert (ready.code, ready.headers["Content-Type"]) == (200, "text/plain; charset=utf-8")
    assert ready.body.splitlines()[0] == b"[+]ping ok"
    assert version.json["gitVersion"] == "v0.1.0"
    assert (metrics.code, metrics.message) == (403, 'forbidden: User "system:anonymous" cannot get path "/metrics"')


async def test_readyz_shows_the_serving_certificate_through_the_proxy(server: RunningServer, pod: JsonObject) -> None:
    proxy = f"{PODS}/https:{pod['metadata']['name']}:10250/proxy"
    served = ssl.PEM_cert_to_DER_cert((server.home / "serving.crt").read_text())

    verbose = await as_person(server, "admin", f"{proxy}/readyz?verbose")
    terse = await as_person(server, "admin", f"{proxy}/readyz")

    assert [b64decode(line) for line in verbose.headers.getall("X-Serving-Certificate")] == [served]
    assert "X-Serving-Certificate" not in terse.headers


@pytest.mark.parametrize(
    ("name", "code", "message"),
    [
        (
            "https:{name}:10251",
            503,
            "error trying to reach service: dial tcp {ip}:10251: connect: connection refused",
        ),
        ("{name}:10250", 503, "error trying to reach service: EOF"),
        ("https:nobody:10250", 404, 'pods "nobody" not found'),
        ("ftp:{name}:10250", 400, 'invalid pod request "ftp:{name}:10250"'),
    ],
)
async def test_a_missing_pod_or_port_is_an_error(
    server: RunningServer, pod: JsonObject, name: str, code: int, message: str
) -> None:
    words = {"name": pod["metadata"]["name"], "ip": pod["status"]["podIP"]}

    answer = await as_person(server, "admin", f"{PODS}/{name.format(**words)}/proxy/readyz")

    assert (answer.code, answer.message) == (code, message.format(**words))


async def test_the_pod_proxy_needs_a_right_of_its_own(server: RunningServer, pod: JsonObject) -> None:
    name = f"https:{pod['metadata']['name']}:10250"

    answer = await as_person(server, "viewer", f"{PODS}/{name}/proxy/readyz")

    assert (answer.code, answer.message) == (
        403,
        f'pods "{name}" is forbidden: User "viewer" cannot get resource "pods/proxy" in API group "" '
        'in the namespace "kubesum-system"',
    )
