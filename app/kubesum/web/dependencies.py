"""Parameters of FastAPI handlers.

Parts of the path are dependencies as well: a plain parameter makes FastAPI build a pydantic model, and for that it
imports the whole of pydantic.v1.
"""

from collections.abc import Callable, Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request

from kubesum.api.requests.requestinfo import RequestInfo
from kubesum.edge.http.requestcontext import request_context
from kubesum.web.state import ServerState


async def server_state(request: Request) -> ServerState:
    """The state of the server that this application belongs to."""
    state: ServerState = request.app.state.server
    return state


async def request_info(request: Request) -> RequestInfo:
    """The attributes of the request, as the handler chain has read them."""
    return request_context(request.scope).request_info


def path_parameter(name: str) -> Callable[[Request], Coroutine[Any, Any, str]]:
    """The dependency that gives one part of the path."""

    async def parameter(request: Request) -> str:
        value: str = request.path_params[name]
        return value

    return parameter


Server = Annotated[ServerState, Depends(server_state)]
Info = Annotated[RequestInfo, Depends(request_info)]
Name = Annotated[str, Depends(path_parameter("name"))]
Group = Annotated[str, Depends(path_parameter("group"))]
Version = Annotated[str, Depends(path_parameter("version"))]
