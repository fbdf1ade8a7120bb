"""Which requests are refused before anything is looked up: those that no page of this server sends.

A server on loopback is reachable by every page that the user's browser has open. A page whose own name resolves to
127.0.0.1 (DNS rebinding) sends that name as Host; a page of another origin is named by the browser in Sec-Fetch-Site
and Origin, which scripts cannot set (W3C, Fetch Metadata Request Headers).
"""

from typing import Final

from starlette.requests import Request

HOSTS: Final = ("127.0.0.1", "localhost")
_OWN: Final = ("same-origin", "none")
"""The values of Sec-Fetch-Site for a request of this server's own page, and of the user's."""


def objection(request: Request, port: int) -> tuple[int, str] | None:
    """The status code and the sentence with which a request is refused, None if it is not."""
    if request.method != "GET":
        return 405, f"{request.method} is not supported: this page only reads"
    hosts = [f"{host}:{port}" for host in HOSTS]
    if request.headers.getlist("host") not in [[host] for host in hosts]:
        return 421, f"the Host header is not one of {', '.join(hosts)}"
    if request.headers.get("origin", "") not in ("", *(f"http://{host}" for host in hosts)):
        return 403, "a page of another origin may not read this"
    # The page itself holds no data: a link to it may stand anywhere.
    is_link = request.url.path == "/" and request.headers.get("sec-fetch-mode") == "navigate"
    if request.headers.get("sec-fetch-site", "none") not in _OWN and not is_link:
        return 403, "a page of another origin may not read this"
    return None
