"""Logs which checks of /readyz fail, when that changes; the access log would name each probe."""

import logging
from collections.abc import Mapping, Sequence
from typing import Final

log = logging.getLogger(__name__)

SHUTDOWN: Final = "shutdown"


class ReadinessLog:
    """The log of the probes of one server."""

    def __init__(self) -> None:
        self._failing: Sequence[str] | None = None

    def note(self, checks: Mapping[str, bool]) -> None:
        """Logs the failing ones of `checks`, unless they failed the last time too; a warning if it was ready."""
        failing = [name for name, passes in checks.items() if not passes]
        was_ready = self._failing == []
        if failing == self._failing:
            return
        self._failing = failing
        if not failing:
            log.info("ready")
        elif was_ready and SHUTDOWN not in failing:
            log.warning("no longer ready", extra={"failing": ",".join(failing)})
        else:
            log.info("not ready", extra={"failing": ",".join(failing)})
