"""What handlers ask for: the chain from a request to the collection that it is about."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from kubesum.api.lists.listing import Lists
from kubesum.api.representations.status import UNKNOWN_PATH
from kubesum.api.requests.requestinfo import RequestInfo
from kubesum.api.watch.watching import Watches
from kubesum.rollups.catalogue import Catalogue
from kubesum.rollups.store import Store
from kubesum.vocabulary.errors import NotFound

Readiness = Callable[[], Mapping[str, bool]]
"""The checks of /readyz by name, and whether each of them passes now."""


@dataclass(frozen=True, slots=True)
class Service:
    """What requests are answered from; `now` tells seconds since 1970."""

    catalogue: Callable[[], Catalogue]
    readiness: Readiness
    has_namespace: Callable[[str], bool]
    now: Callable[[], float]
    lists: Lists
    watches: Watches


async def service(request: Request) -> Service:
    """The service that this application was made for."""
    found: Service = request.app.state.service
    return found


async def request_info(request: Request) -> RequestInfo:
    """What is asked for; the entrance has put it into the scope."""
    found: RequestInfo = request.scope["state"]["request_info"]
    return found


Serving = Annotated[Service, Depends(service)]
Asked = Annotated[RequestInfo, Depends(request_info)]


def of_collection(request: Request) -> tuple[RequestInfo, Store, Service]:
    """What is asked for, the collection that it is about, and the service; raises NotFound.

    For handlers of what is asked for most.
    """
    asked: RequestInfo = request.scope["state"]["request_info"]
    serving: Service = request.app.state.service
    return asked, collection_of(asked, serving.catalogue()), serving


def collection_of(asked: RequestInfo, catalogue: Catalogue) -> Store:
    """The collection that a request is about; raises NotFound for a path at which none is served."""
    found = catalogue.find(asked.group, asked.version, asked.resource)
    if found is None or asked.subresource:
        raise NotFound(UNKNOWN_PATH)
    if asked.namespace and not found.resource.namespaced:
        raise NotFound(UNKNOWN_PATH)
    # Without a namespace a name does not say which object of a namespaced kind is meant.
    if asked.name and found.resource.namespaced and not asked.namespace:
        raise NotFound(UNKNOWN_PATH)
    return found
