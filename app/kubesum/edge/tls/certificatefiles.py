"""A serving certificate that somebody else keeps in files: a Secret that is mounted, or cert-manager's.

Files are compared by content, since a mounted Secret changes by the swap of a link, and a pair that is only half
written fits together later. What nobody could use is left aside, and what was shown before is shown on.
"""

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final

from kubesum.edge.tls.certificates import KeyPair
from kubesum.edge.tls.servertls import ServerTls
from kubesum.operations.logs import LogReduction
from kubesum.operations.metrics import CERTIFICATE_RELOADS
from kubesum.vocabulary.errors import UsageError

log = logging.getLogger(__name__)

EVERY_S: Final = 2.0


class CertificateFiles:
    """The pair in two PEM files."""

    is_loaded: Final = True
    """Whether there is something to show: always, or the process had not begun."""

    def __init__(self, certificate: Path, key: Path, now: Callable[[], float]) -> None:
        """`now` tells seconds since 1970. Raises UsageError for files that are of no use at the start."""
        self._certificate: Final = certificate
        self._key: Final = key
        self._now: Final = now
        self._log_reduction: Final = LogReduction()
        found = self._read()
        try:
            self.tls: Final = ServerTls(found)
            self.tls.show(found, now())
        except ValueError as error:
            raise UsageError(f"{certificate} and {key} cannot be served: {error}") from error

    async def run(self) -> None:
        """Shows what the files hold, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_S)
            self.look()

    def look(self) -> None:
        """Shows what the files hold now, if that is something else than what is shown, and of use.

        What is of no use now may be later: a certificate that begins in a minute.
        """
        try:
            found = self._read()
            if found == self.tls.pair:
                return
            self.tls.show(found, self._now())
        except (UsageError, ValueError) as error:
            self._refuse(str(error))
            return
        CERTIFICATE_RELOADS.labels("success").inc()
        log.info("another serving certificate is shown", extra={"file": str(self._certificate)})

    def _refuse(self, reason: str) -> None:
        CERTIFICATE_RELOADS.labels("error").inc()
        if self._log_reduction.should_log(reason):
            log.warning("the serving certificate is kept", extra={"file": str(self._certificate), "reason": reason})

    def _read(self) -> KeyPair:
        try:
            return KeyPair(self._certificate.read_bytes(), self._key.read_bytes())
        except OSError as error:
            raise UsageError(f"{error.filename} cannot be read: {error.strerror}") from error
