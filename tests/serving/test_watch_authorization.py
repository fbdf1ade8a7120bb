"""A watch ends with its rights: server and cluster on one clock that leaps."""

import asyncio
import json
from pathlib import Path

import aiohttp
from aiohttp import web
from yarl import URL

from kubesum.commands.demo.manifests import SERVICE_HOST
from tests.leaping import leaping
from tests.serving.relay import Relay, Spec
from tests.serving.runningserver import RunningServer, V, running_server

PODS = f"{V}/namespaces/payments/podsummaries"


class Watch:
    """A watch of the user tenant."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self.code = answer.status
        self._content = answer.content
        self.began = now()

    async def end(self) -> float:
        """Reads to the end of the complete response; returns after how many seconds it came."""
        async for line in self._content:
            assert json.loads(line)["type"] in ("ADDED", "MODIFIED", "DELETED", "BOOKMARK")
        return now() - self.began


def now() -> float:
    return asyncio.get_running_loop().time()


async def watching(session: aiohttp.ClientSession, server: RunningServer) -> Watch:
    url = URL(f"https://127.0.0.1:{server.port}{PODS}?watch=true&timeoutSeconds=1200", encoded=True)
    answer = await session.get(url, server_hostname=SERVICE_HOST, timeout=aiohttp.ClientTimeout(total=None))
    return Watch(answer)


def test_a_watch_ends_in_order_a_minute_after_its_rights(tmp_path: Path) -> None:
    async def main() -> None:
        async with running_server(tmp_path) as server, server.session(server.pki.people["tenant"]) as session:
            watch = await watching(session, server)
            assert watch.code == 200
            await asyncio.sleep(200)
            for binding in server.store.list("rolebindings"):
                server.store.delete("rolebindings", *binding.key)
            assert 200 < await watch.end() <= 241

    leaping(main())


def test_a_watch_lasts_five_minutes_without_reviews(tmp_path: Path) -> None:
    """[decisions 11]"""
    is_up = asyncio.Event()
    is_up.set()

    async def override(_kind: str, _spec: Spec) -> web.StreamResponse | None:
        return None if is_up.is_set() else web.Response(status=500)

    async def main() -> None:
        async with (
            running_server(tmp_path, relay=Relay(override)) as server,
            server.session(server.pki.people["tenant"]) as session,
        ):
            watch = await watching(session, server)
            ending = asyncio.create_task(watch.end())
            await asyncio.sleep(90)
            is_up.clear()
            await asyncio.sleep(240)
            assert not ending.done()
            is_up.set()
            await asyncio.sleep(90)
            is_up.clear()
            assert 660 <= await ending <= 725

    leaping(main())
