"""What the server of the page answers, to its own page and to everyone else on the machine."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from yarl import URL

from tests.commands.running import Ready, failed, ready
from tests.page.address import LISTS, Address, printed_address

pytestmark = pytest.mark.asyncio(loop_scope="module")

STILL = ("--nodes", "8", "--pods", "80", "--seed", "3", "--churn", "0")
VIEWS = "/views.json"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Ready]:
    """A demo whose cluster does not change."""
    async with ready(tmp_path_factory.mktemp("demo"), "demo", *STILL) as demo:
        yield demo


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def address(demo: Ready) -> Address:
    """The address that the demo has printed, whose token is not used yet."""
    return await printed_address(demo)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def cookie(address: Address) -> str:
    """The cookie of the one session."""
    return await address.cookie()


async def test_the_token_becomes_a_cookie_that_no_script_and_no_other_site_can_use(
    demo: Ready, tmp_path: Path
) -> None:
    async with ready(tmp_path, "dashboard", "--no-browser", "--kubeconfig", str(demo.kubeconfig)) as page:
        address = Address(page.line.removeprefix("dashboard: "))
        answer = await address.answer(f"/?token={address.token}")

    value, *attributes = answer.headers["Set-Cookie"].split("; ")
    name, _, secret = value.partition("=")
    assert name == f"kubesum-{URL(address.origin).port}"
    assert len(secret) >= 40
    assert sorted(attributes) == ["HttpOnly", "Path=/", "SameSite=strict"]


async def test_the_token_is_accepted_once(address: Address, cookie: str) -> None:
    again = await address.answer(f"/?token={address.token}")

    assert "Set-Cookie" not in again.headers
    assert (await address.answer(VIEWS, Cookie=cookie)).code == 200


@pytest.mark.parametrize("path", [VIEWS, f"{LISTS}/nodesummaries", f"{LISTS}/nodesummaries?watch=true", "/apis"])
@pytest.mark.parametrize("other", ["", "kubesum-1=x", "{name}=", "{name}=wrong"])
async def test_another_user_of_the_machine_reads_nothing(
    address: Address, cookie: str, path: str, other: str
) -> None:
    name = cookie.partition("=")[0]

    answer = await address.answer(path, Cookie=other.format(name=name))

    assert answer.code == 401
    assert json.loads(answer.text)["message"] == (
        "this browser has no session: open the address that kubesum printed, or start it again for a new one"
    )


async def test_a_wrong_token_sets_no_cookie(address: Address) -> None:
    assert "Set-Cookie" not in (await address.answer("/?token=wrong")).headers


@pytest.mark.parametrize("path", ["/", "/static/main.js", VIEWS, f"{LISTS}/nodesummaries"])
@pytest.mark.parametrize("host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "[::1]:{port}"])
async def test_a_name_that_resolves_to_loopback_is_refused(
    address: Address, cookie: str, path: str, host: str
) -> None:
    """DNS rebinding: the browser believes that the page and this server are one origin."""
    forged = host.format(port=URL(address.origin).port)

    assert (await address.answer(path, Host=forged, Cookie=cookie)).code == 421


async def test_localhost_is_a_name_of_the_server(address: Address, cookie: str) -> None:
    host = f"localhost:{URL(address.origin).port}"

    assert (await address.answer(VIEWS, Host=host, Cookie=cookie)).code == 200


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_a_page_of_another_origin_is_refused_even_with_the_cookie(
    address: Address, cookie: str, site: str
) -> None:
    """Another port of 127.0.0.1 is the same site, so that SameSite does not keep the cookie from it."""
    fetched = await address.answer(f"{LISTS}/nodesummaries", Cookie=cookie, Sec_Fetch_Site=site)
    embedded = await address.answer("/static/main.js", Cookie=cookie, Sec_Fetch_Site=site, Sec_Fetch_Mode="no-cors")
    older_browser = await address.answer(VIEWS, Cookie=cookie, Origin="http://127.0.0.1:1")

    assert (fetched.code, embedded.code, older_browser.code) == (403, 403, 403)
    assert "Access-Control-Allow-Origin" not in fetched.headers


async def test_a_link_on_another_page_opens_the_page(address: Address) -> None:
    answer = await address.answer("/?view=nodes", Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate")

    assert (answer.code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"])
@pytest.mark.parametrize("path", ["/", VIEWS, f"{LISTS}/nodesummaries"])
async def test_only_get_is_supported(address: Address, cookie: str, method: str, path: str) -> None:
    assert (await address.answer(path, method, Cookie=cookie)).code == 405


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/secrets",
        "/api/v1/nodes",
        "/apis/apps/v1/deployments",
        "/apis/summary.kubesum.dev.evil/v1alpha1/nodesummaries",
        "/apis/summary.kubesum.dev/../apps/v1/deployments",
        "/apis/summary.kubesum.dev/%2e%2e/apps/v1/deployments",
        "/apis/summary.kubesum.dev/v1alpha1/..%2f..%2f..%2fapi%2fv1%2fsecrets",
        "/apis/summary.kubesum.dev//v1alpha1",
        "//apis/summary.kubesum.dev/v1alpha1/nodesummaries",
        "/apis/rollup.kubesum.dev.evil/v1alpha1/teamusages",
        "/apis/rollup.kubesum.dev/../apps/v1/deployments",
        "/apis/kubesum.dev/v1alpha1/rollupdefinitions",
        "/apis/kubesum.dev/v1alpha1/rollupdefinitions/",
        "/apis/kubesum.dev/v1alpha1/rollupdefinitions/a/status",
        "/apis/kubesum.dev/v1alpha1/rollupdefinitions/%2e%2e",
        "/version",
        "/metrics",
        "/static/../session.py",
        "/static/%2e%2e/session.py",
        "/nodes",
        f"{LISTS}/nodesummaries?dryRun=All",
        f"{LISTS}/nodesummaries?watch=true&watch=false",
    ],
)
async def test_nothing_but_the_api_groups_is_forwarded(address: Address, cookie: str, path: str) -> None:
    async with (
        aiohttp.ClientSession() as session,
        session.get(URL(f"{address.origin}{path}", encoded=True), headers={"Cookie": cookie}) as response,
    ):
        assert response.status == 404


async def test_a_list_is_what_the_api_server_answers(address: Address, cookie: str) -> None:
    answer = await address.answer(f"{LISTS}/nodesummaries?limit=3", Cookie=cookie)

    document = json.loads(answer.text)
    assert (document["kind"], len(document["items"])) == ("NodeSummaryList", 3)
    assert document["metadata"]["remainingItemCount"] == 5


async def test_an_error_is_a_sentence_that_says_what_to_do(demo: Ready, tmp_path: Path) -> None:
    page = ("dashboard", "--no-browser", "--kubeconfig", str(demo.kubeconfig), "--context", "tenant")
    async with ready(tmp_path, *page) as tenant:
        address = Address(tenant.line.removeprefix("dashboard: "))
        answer = await address.answer(f"{LISTS}/nodesummaries", Cookie=await address.cookie())

    document = json.loads(answer.text)
    assert (answer.code, document["reason"]) == (403, "Forbidden")
    assert document["message"] == "not allowed to list nodesummaries: the ClusterRole kubesum:cluster-view grants it"


@pytest.mark.parametrize("path", ["/", "/static/main.js", "/static/vendor/preact.mjs", VIEWS, "/nowhere"])
async def test_every_answer_forbids_other_origins_and_caches(address: Address, cookie: str, path: str) -> None:
    headers = (await address.answer(path, Cookie=cookie)).headers

    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy.pop("script-src").startswith("'self' 'sha256-")
    assert policy == {
        "default-src": "'none'",
        "style-src": "'self'",
        "img-src": "'self'",
        "connect-src": "'self'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    assert headers["Cache-Control"] == "no-store"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


async def test_a_command_says_why_there_is_no_page(tmp_path: Path) -> None:
    output = await failed(tmp_path, "dashboard", "--no-browser", "--kubeconfig", str(tmp_path / "none"))

    assert output.code == 1
    assert len(output.err.splitlines()) == 1
