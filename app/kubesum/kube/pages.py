"""Reads a list in pages, within bounded memory whatever one of its objects has.

A page that is too large is asked for again with fewer objects, down to a single one. If that is too large as well, it
counts as absent, and the list goes on after it: the token for that is in the begin of the page.
"""

from collections.abc import AsyncGenerator
from typing import Any, Final

from kubesum.kube.client import Upstream
from kubesum.kube.decoding import Decoder, Page
from kubesum.kube.deltas import WatchedResource
from kubesum.kube.failures import TooLarge

PAGE_OBJECTS: Final = 500
"""The page size of client-go/tools/pager."""
_FEWER: Final = 4
"""Pages of objects at etcd's limit of 1.5 MB fit after two further attempts, and one object is alone after five."""


async def pages(
    upstream: Upstream, watched: WatchedResource[Any], decoder: Decoder[Any], accept: str
) -> AsyncGenerator[Page, None]:
    """The pages of a list, which is complete after the last one; raises UpstreamError for one that is not read."""
    limit, params = PAGE_OBJECTS, dict(watched.selectors)
    while True:
        try:
            body = await upstream.get(watched.path, params | {"limit": str(limit)}, accept=accept)
        except TooLarge as error:
            if limit > 1:
                limit = max(1, limit // _FEWER)
                continue
            page = decoder.page_begin(error.head)
            if not page.continue_token and "continue" not in params:
                # It may be the only object, or a server that sends all of them whatever is asked for.
                raise
            limit = PAGE_OBJECTS
        else:
            page = decoder.page(body)
        yield page
        if not page.continue_token:
            return
        params["continue"] = page.continue_token
