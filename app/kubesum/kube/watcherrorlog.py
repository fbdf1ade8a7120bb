"""What is logged of a source: when it gets into trouble, and when it is back, once each."""

import logging
from typing import Final

from kubesum.kube.deltas import WatchError

log = logging.getLogger(__name__)


class WatchErrorLog:
    """The log of one source, by the plural of its kind."""

    def __init__(self, resource: str) -> None:
        self._resource: Final = resource
        self._reason = ""
        self._has_worked = False

    def trouble(self, trouble: WatchError) -> None:
        """Tells of a trouble, unless it is the same as before."""
        if str(trouble.error) == self._reason:
            return
        self._reason = str(trouble.error)
        # Kinds that were never allowed are named by whoever runs this.
        level = logging.INFO if trouble.refused and not self._has_worked else logging.WARNING
        log.log(level, "source is in trouble", extra={"resource": self._resource, "reason": self._reason})

    def back(self) -> None:
        """Notes that the source works; tells so after a trouble."""
        self._has_worked = True
        if self._reason:
            log.info("source is back", extra={"resource": self._resource})
            self._reason = ""
