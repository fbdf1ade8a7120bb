"""Bearer tokens among the subprotocols of a WebSocket, as browsers show them, which cannot set headers.

k8s.io/apiserver/pkg/authentication/request/websocket/protocol.go
"""

from base64 import urlsafe_b64decode
from collections.abc import Iterable, Mapping
from typing import Final

_PREFIX: Final = "base64url.bearer.authorization.k8s.io."
_HEADER: Final = "sec-websocket-protocol"


def authorization(headers: Mapping[str, str]) -> str:
    """The Authorization header that the subprotocols of a request stand for, empty for none."""
    encoded = [name.removeprefix(_PREFIX) for name in _names([headers.get(_HEADER, "")]) if name.startswith(_PREFIX)]
    if not encoded:
        return ""
    try:
        return f"Bearer {urlsafe_b64decode(encoded[0] + '=' * (-len(encoded[0]) % 4)).decode()}"
    except ValueError:
        return "Bearer invalid"


def without_tokens(values: Iterable[str]) -> str:
    """The subprotocols without those that are tokens."""
    return ", ".join(name for name in _names(values) if not name.startswith(_PREFIX))


def _names(values: Iterable[str]) -> list[str]:
    return [name.strip() for value in values for name in value.split(",")]
