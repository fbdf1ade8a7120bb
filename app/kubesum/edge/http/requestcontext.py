"""What accompanies an ASGI request: its connection, and what the handler chain finds out about it.

A request has one `RequestContext`, at one place in its scope. The protocol makes it; the handler chain sets
`request_info` and `authorize` before it calls a handler. The user is left out on purpose, so that the response of a
handler cannot depend on the user.
"""

from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, Final

from kubesum.api.requests.requestinfo import RequestInfo
from kubesum.edge.tls.certpool import Chain

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
"""An ASGI application; asgi.readthedocs.io/en/stable/specs/main.html."""

_KEY: Final = "context"


@dataclass(slots=True)
class RequestContext:
    """The context of one request."""

    client_chain: Chain
    """The certificates that the client presented."""
    serving_chain: Chain
    """The certificates that the server presented."""
    abort: Callable[[], None]
    """Closes the connection at once, without the TLS shutdown that a client may never answer."""
    is_closing: Callable[[], bool]
    """Whether nothing more can be sent."""
    request_info: RequestInfo = field(init=False)
    authorize: Callable[[], Awaitable[None]] = field(init=False)
    """Authorizes the request once more; raises Forbidden or ServiceUnavailable, see `Authorizer.authorize`."""
    long_running: Application | None = None
    """Set by a handler whose response may take any time: the handler chain sends it when the handler has returned."""


def attach(state: dict[str, Any], context: RequestContext) -> None:
    """Puts the context of a request into the state of its scope."""
    state[_KEY] = context


def request_context(scope: Scope) -> RequestContext:
    """The context of a request."""
    context: RequestContext = scope["state"][_KEY]
    return context
