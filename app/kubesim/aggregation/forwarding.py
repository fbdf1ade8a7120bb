"""The headers of requests that the aggregator forwards: the user's identity and the origin of the request.

Header names are in Go's canonical form, as kube-aggregator sends them. Sources:
k8s.io/client-go/transport/round_trippers.go (SetAuthProxyHeaders, headerKeyEscape),
k8s.io/apimachinery/pkg/util/proxy/transport.go, net/textproto.CanonicalMIMEHeaderKey.
"""

from collections.abc import Iterable
from typing import Final
from urllib.parse import parse_qsl, urlencode
from uuid import uuid4

from multidict import CIMultiDict

from kubesim.access import websockettokens
from kubesim.access.authentication import User

Headers = CIMultiDict[str]
"""Header lines in order; a name may have several."""

_HOP_BY_HOP: Final = frozenset(
    {
        "connection",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    }
)
_NOT_FORWARDED: Final = _HOP_BY_HOP | {"authorization", "content-length", "host"}
_SET_BY_PROXIES: Final = ("x-remote-", "x-forwarded-", "impersonate-")
_TOKEN_CHARACTERS: Final = frozenset("!#$&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def request_headers(raw: Iterable[tuple[bytes, bytes]], user: User, client: str, path: str) -> Headers:
    """The headers of a client's request as they are forwarded; `client` is its address.

    Identity headers of the client are removed.
    """
    inbound = Headers((name.decode("latin-1"), value.decode("utf-8", "replace")) for name, value in raw)
    kept = (
        (canonical(name), value)
        for name, value in inbound.items()
        if name.lower() not in _NOT_FORWARDED and not name.lower().startswith(_SET_BY_PROXIES)
    )
    headers = Headers(kept)
    if subprotocols := headers.popall("Sec-Websocket-Protocol", ()):
        headers.extend({"Sec-Websocket-Protocol": websockettokens.without_tokens(subprotocols)})
    headers.setdefault("Audit-Id", str(uuid4()))
    headers["X-Forwarded-For"] = ", ".join((*inbound.getall("X-Forwarded-For", []), client))
    headers.extend(origin(inbound.get("Host", ""), path))
    headers.extend(identity(user))
    return headers


def origin(host: str, path: str) -> Headers:
    """The headers with the host and path that the request was made to."""
    return Headers({"X-Forwarded-Host": host, "X-Forwarded-Proto": "https", "X-Forwarded-Uri": path})


def identity(user: User) -> Headers:
    """The headers with the user: a line for each group and for each value of each extra key."""
    headers = Headers({"X-Remote-User": user.name})
    headers.extend(("X-Remote-Group", group) for group in user.groups)
    if user.uid:
        headers["X-Remote-Uid"] = user.uid
    for key, values in user.extra.items():
        headers.extend((canonical(f"X-Remote-Extra-{_escaped(key)}"), value) for value in values)
    return headers


def query(text: str) -> str:
    """A query string in the encoding of Go's url.Values, sorted by name."""
    return urlencode(sorted(parse_qsl(text, keep_blank_values=True), key=lambda pair: pair[0]))


def response_headers(raw: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers of a response without those of the connection."""
    return [(name.lower(), value) for name, value in raw if name.decode("latin-1").lower() not in _HOP_BY_HOP]


def canonical(name: str) -> str:
    """A header name with the first letter of each word in upper case, all others in lower case."""
    return "-".join(word[:1].upper() + word[1:].lower() for word in name.split("-"))


def _escaped(key: str) -> str:
    return "".join(chr(byte) if chr(byte) in _TOKEN_CHARACTERS else f"%{byte:02X}" for byte in key.encode("utf-8"))
