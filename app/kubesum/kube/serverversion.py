"""The version of the API server, for resources whose facts depend on it.

An upgrade ends all watches of a server, so the version is read before the first list and then whenever a watch is
opened anew, but at most once a minute. Behind a load balancer the answer may be that of another replica than the
watch's; a watch lasts ten minutes at most, so that the answer of the last one is taken up in the end.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final, Generic

import msgspec

from kubesum.kube.client import Upstream
from kubesum.kube.decoding import MALFORMED
from kubesum.kube.deltas import Facts, WatchedResource
from kubesum.kube.statuserror import StatusError
from kubesum.vocabulary.errors import UpstreamError

log = logging.getLogger(__name__)

UNKNOWN: Final = ""
"""The version of a server that does not say which it is."""
VERSION_PATH: Final = "/version"
MIN_INTERVAL_S: Final = 60.0

_TIMEOUT_S: Final = 10.0


class _Info(msgspec.Struct, frozen=True):
    """k8s.io/apimachinery/pkg/version.Info; providers append to the minor version, as in `37+`."""

    major: str
    minor: str


class VersionedResource(Generic[Facts]):
    """A watched resource whose transform depends on the version of the server."""

    def __init__(
        self,
        upstream: Upstream,
        of_version: Callable[[str], WatchedResource[Facts]],
        min_interval_s: float = MIN_INTERVAL_S,
    ) -> None:
        """`of_version` takes `major.minor` or UNKNOWN; it gives the same object wherever the facts are the same."""
        self._upstream: Final = upstream
        self._of_version: Final = of_version
        self._min_interval_s: Final = min_interval_s
        self._read_at: float | None = None
        self._is_refused = False
        self.current = of_version(UNKNOWN)
        """The resource for the version that was read last."""

    async def refresh(self) -> None:
        """Reads the version, unless it was read a moment ago; raises UpstreamError where none was read so far."""
        now = asyncio.get_running_loop().time()
        if self._read_at is not None and now - self._read_at < self._min_interval_s:
            return
        try:
            version = await self._version()
        except UpstreamError:
            if self._read_at is None:
                raise
            return
        self._read_at = now
        found = self._of_version(version)
        if found is not self.current:
            log.info("server version", extra={"resource": found.resource, "version": version})
        self.current = found

    async def _version(self) -> str:
        try:
            body = await self._upstream.get(VERSION_PATH, {}, _TIMEOUT_S)
        except StatusError as error:
            # A server that is overloaded, or rejects credentials that are being renewed, says it later.
            if error.code >= 500 or error.code in (401, 429):
                raise
            self._report_refusal(error)
            return UNKNOWN
        self._is_refused = False
        try:
            info = msgspec.json.decode(body, type=_Info)
        except MALFORMED:
            return UNKNOWN
        return f"{info.major}.{info.minor}"

    def _report_refusal(self, error: StatusError) -> None:
        """Logs that the server does not say its version, once until it does."""
        if not self._is_refused:
            log.warning("server version unknown", extra={"resource": self.current.resource, "reason": str(error)})
        self._is_refused = True
