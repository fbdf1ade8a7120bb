"""Bearer tokens among the subprotocols of a WebSocket, since a browser can set no header of its handshake.

k8s.io/apiserver/pkg/authentication/request/websocket/protocol.go.
"""

import binascii
from base64 import b64decode
from collections.abc import Iterable, Sequence
from typing import Final

from kubesum.edge.tls.certpool import InvalidCredentials

TOKEN_PREFIX: Final = "base64url.bearer.authorization.k8s.io."  # noqa: S105 - no token


def offered_without_token(subprotocols: Iterable[str]) -> list[str]:
    """The subprotocols that a client offers, without one that holds a token: that must not be sent back."""
    return [name for name in subprotocols if not name.startswith(TOKEN_PREFIX)]


def token_of(headers: Sequence[bytes]) -> str:
    """The token in the values of Sec-WebSocket-Protocol, empty if there is none; raises InvalidCredentials."""
    offered = [name.strip() for value in headers for name in value.decode("latin-1").split(",")]
    encoded = [name.removeprefix(TOKEN_PREFIX) for name in offered if name.startswith(TOKEN_PREFIX)]
    if len(encoded) > 1:
        raise InvalidCredentials("several tokens are offered as subprotocols")
    token = _decoded(encoded[0]) if encoded else ""
    if token and not any(offered_without_token(offered)):
        # One must be left for the response.
        raise InvalidCredentials("the token is offered without another subprotocol")
    return token


def _decoded(encoded: str) -> str:
    """A token from base64url without padding, as Go's RawURLEncoding reads it."""
    try:
        # Padding of its own would end the text early.
        return b64decode(encoded.replace("=", "?") + "=" * (-len(encoded) % 4), b"-_", validate=True).decode()
    except (binascii.Error, UnicodeDecodeError) as error:
        raise InvalidCredentials("the token that is offered as a subprotocol is not base64url of UTF-8") from error
