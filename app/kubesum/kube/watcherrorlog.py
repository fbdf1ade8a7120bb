"""Logs when listing or watching a resource begins to fail and when it works again: once each, not every retry."""

import logging
from typing import Final

from kubesum.kube.deltas import WatchError

log = logging.getLogger(__name__)


class WatchErrorLog:
    """The log of one watched or polled resource, named by its plural."""

    def __init__(self, resource: str) -> None:
        self._resource: Final = resource
        self._reason = ""
        self._has_worked = False

    def failed(self, error: WatchError) -> None:
        """Logs an error, unless it has the same text as the last one."""
        if str(error.error) == self._reason:
            return
        self._reason = str(error.error)
        # A resource that never could be read, such as metrics without metrics-server, needs no warning.
        level = logging.INFO if error.refused and not self._has_worked else logging.WARNING
        log.log(level, "list or watch failed", extra={"resource": self._resource, "reason": self._reason})

    def succeeded(self) -> None:
        """Logs the first success after an error."""
        self._has_worked = True
        if self._reason:
            log.info("list or watch recovered", extra={"resource": self._resource})
            self._reason = ""
