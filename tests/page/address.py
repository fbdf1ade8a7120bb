"""The address of a running page, and requests to it that no browser would send."""

import shlex
from dataclasses import dataclass
from urllib.parse import parse_qs, urlsplit

import aiohttp

from tests.commands.running import Ready

LISTS = "/apis/summary.kubesum.dev/v1alpha1"


@dataclass(frozen=True, slots=True)
class Answer:
    """A response: its code, its headers, and its body as text."""

    code: int
    headers: dict[str, str]
    text: str


@dataclass(frozen=True, slots=True)
class Address:
    """The address that a command has printed."""

    url: str

    @property
    def origin(self) -> str:
        """The address without the token."""
        split = urlsplit(self.url)
        return f"{split.scheme}://{split.netloc}"

    @property
    def token(self) -> str:
        """The one-time token."""
        return parse_qs(urlsplit(self.url).query)["token"][0]

    async def cookie(self) -> str:
        """The cookie that the token is exchanged for."""
        answer = await self.answer(f"/?token={self.token}")
        return answer.headers["Set-Cookie"].partition(";")[0]

    async def answer(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """The response to a request; the underscores in names of headers are dashes."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        async with (
            aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.request(method, f"{self.origin}{path}", headers=named, allow_redirects=False) as response,
        ):
            return Answer(response.status, dict(response.headers), await response.text())


async def printed_address(ready: Ready) -> Address:
    """The address among the lines that follow the first one of a command."""
    while True:
        words = shlex.split(await ready.command.ready_line())
        if words[0] == "dashboard:":
            return Address(words[1])
