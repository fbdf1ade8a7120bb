"""Whether the watch of one kind is resumed, or the kind listed again.

A watch that failed is resumed only while the server is proved to have the history in which its resourceVersion was
issued (kube.serverhistory). What proves nothing leads to a list, which needs no proof: a server that does not answer
the question must not keep kinds from being followed.

An etcd that was restored from a backup and has passed the versions of before looks like the one that it replaced. For
that, all API servers are stopped and started again, which takes longer than a watch may be without a line before it
is no longer resumed. That costs no list which would not be necessary anyway: a server that has just started refuses
versions older than itself with 410 (k8s.io/apiserver/pkg/storage/cacher, getAllEventsSinceLocked).
"""

import asyncio
from typing import Final

from kubesum.kube.failures import Unreachable
from kubesum.kube.serverhistory import ServerHistory
from kubesum.vocabulary.errors import UpstreamError


class Resumption:
    """What decides it for one kind; without a history, as for computed kinds, every watch is resumed."""

    def __init__(self, history: ServerHistory | None, within_s: float) -> None:
        """`within_s`: a watch is resumed so many seconds after its last line at most."""
        self._history: Final = history
        self._within_s: Final = within_s
        self._number = 0
        self._confirmed_at = 0.0
        # The first attempt asks as well: what comes later is compared with that.
        self._failed_at: float | None = 0.0

    def saw(self, version: str) -> None:
        """Notes a resourceVersion that the server sent."""
        if self._history is not None:
            self._history.saw(version)

    def confirmed(self) -> None:
        """A line of a watch has arrived, or a list is complete."""
        self._confirmed_at = asyncio.get_running_loop().time()

    def failed(self) -> None:
        """An attempt has failed: the next one may find another server."""
        self._failed_at = asyncio.get_running_loop().time()

    async def relist_reason(self, has_version: bool) -> str:
        """Why what was listed must be listed again; empty where the watch may go on, or where there is none.

        Raises UpstreamError while it is not known and may still be.
        """
        if self._history is None:
            return ""
        if is_old := has_version and asyncio.get_running_loop().time() > self._confirmed_at + self._within_s:
            has_version = False
        is_known = self._failed_at is None or await self._asked(self._history, self._failed_at, has_version)
        number, self._number = self._number, self._history.number
        if number != self._number:
            return "replaced"
        return "outage" if is_old else "" if is_known else "unknown"

    async def _asked(self, history: ServerHistory, since: float, has_version: bool) -> bool:
        """Whether the server says which history it has; raises what it answers if a watch waits for that."""
        try:
            is_known = await history.check(since)
        except UpstreamError as error:
            if has_version or isinstance(error, Unreachable):
                raise
            is_known = False
        # As long as it is not known, each attempt asks.
        self._failed_at = None if is_known else asyncio.get_running_loop().time()
        return is_known
