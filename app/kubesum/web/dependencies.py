"""Parameters of FastAPI handlers."""

from typing import Annotated

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


Server = Annotated[ServerState, Depends(server_state)]
Info = Annotated[RequestInfo, Depends(request_info)]
