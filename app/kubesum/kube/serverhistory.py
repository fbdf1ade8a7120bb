"""Whether the API server still has the history in which watches are resumed.

resourceVersions are revisions of one etcd. A server whose etcd was emptied, or restored from a backup, counts from an
earlier one: it sends nothing to a watch of a later version, and to one of a version that it has reached again only
what comes after it. Neither is an error (k8s.io/apiserver/pkg/storage/cacher, Watch), and the objects of before would
be served for ever. So the server is asked before a watch is resumed after a failure (kube.resumption), once for all
reflectors.

Another cluster has another uid of the namespace kube-system, as SIG Multicluster identifies clusters (KEP-2149); a
restored one has a resourceVersion below one that was seen.
"""

import asyncio
import logging
from typing import Final

from kubesum.kube.client import Upstream
from kubesum.kube.decoding import as_number, decoded
from kubesum.kube.objects.core import NamespaceIdentities
from kubesum.kube.statuserror import StatusError
from kubesum.vocabulary.errors import UpstreamError

log = logging.getLogger(__name__)

PATH: Final = "/api/v1/namespaces"
_SELECTED: Final = {"fieldSelector": "metadata.name=kube-system"}
_TIMEOUT_S: Final = 10.0


class ServerHistory:
    """The history of one API server, as far as it can be told from another one."""

    def __init__(self, upstream: Upstream) -> None:
        self.number = 0
        """Another one for each history: what was listed in the one before must be listed again."""
        self._upstream: Final = upstream
        self._uid = ""
        self._newest = 0
        self._asked_at: float | None = None
        self._is_known = False
        self._error: UpstreamError | None = None
        self._asking: Final = asyncio.Lock()

    def saw(self, version: str) -> None:
        """Notes a resourceVersion of the server."""
        self._newest = max(self._newest, as_number(version))

    async def check(self, since: float) -> bool:
        """Brings `number` up to date with the server as it is after `since`, a time of the event loop.

        False if that cannot be known: it forbids to list namespaces, or names no cluster or no number. Raises
        UpstreamError if it does not answer.
        """
        async with self._asking:
            if self._asked_at is None or self._asked_at < since:
                self._asked_at, self._error = asyncio.get_running_loop().time(), None
                try:
                    self._is_known = await self._ask()
                except UpstreamError as error:
                    self._error = error
            # Those who waited do not ask a server that did not answer a moment ago.
            if self._error is not None:
                raise self._error
            return self._is_known

    async def _ask(self) -> bool:
        try:
            body = await self._upstream.get(PATH, _SELECTED, _TIMEOUT_S)
        except StatusError as error:
            if error.code in (403, 404):
                return False
            raise
        listed = decoded(body, NamespaceIdentities, PATH)
        version = as_number(listed.metadata.resource_version)
        uid = next((one.metadata.uid for one in listed.items or ()), "")
        if uid != self._uid and uid and self._uid:
            self._begin("another cluster", version)
        elif 0 < version < self._newest:
            self._begin("an earlier resourceVersion", version)
        self._uid = uid or self._uid
        self._newest = max(self._newest, version)
        return version > 0 and uid != ""

    def _begin(self, reason: str, version: int) -> None:
        log.warning(
            "the API server has another history: listing all kinds again",
            extra={"reason": reason, "resource_version": version, "seen": self._newest},
        )
        self.number += 1
        self._newest = version
