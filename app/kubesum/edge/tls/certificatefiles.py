"""A serving certificate in files, such as a mounted Secret, reloaded when the files change.

Files are compared by content, since a mounted Secret changes by the swap of a symbolic link. A pair that cannot be
used, such as a half-written one, is rejected, and the current one stays in use.
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

RELOAD_INTERVAL_S: Final = 2.0


class CertificateFiles:
    """Serves the pair in two PEM files."""

    is_loaded: Final = True
    """Whether there is a certificate; without one the constructor raises."""

    def __init__(self, certificate: Path, key: Path, now: Callable[[], float]) -> None:
        """`now` is in seconds since 1970. Raises UsageError for files that cannot be used."""
        self._certificate: Final = certificate
        self._key: Final = key
        self._now: Final = now
        self._log_reduction: Final = LogReduction()
        found = self._read()
        try:
            self.tls: Final = ServerTls(found)
            self.tls.set_certificate(found, now())
        except ValueError as error:
            raise UsageError(f"{certificate} and {key} cannot be served: {error}") from error

    async def run(self) -> None:
        """Reloads the files until cancelled."""
        while True:
            await asyncio.sleep(RELOAD_INTERVAL_S)
            self.reload()

    def reload(self) -> None:
        """Puts the pair in the files to use, if it is another one and can be used.

        A pair that is rejected is tried again the next time: a certificate may begin to be valid in a minute.
        """
        try:
            found = self._read()
            if found == self.tls.pair:
                return
            self.tls.set_certificate(found, self._now())
        except (UsageError, ValueError) as error:
            self._log_rejection(str(error))
            return
        CERTIFICATE_RELOADS.labels("success").inc()
        log.info("serving certificate replaced", extra={"file": str(self._certificate)})

    def _log_rejection(self, reason: str) -> None:
        CERTIFICATE_RELOADS.labels("error").inc()
        if self._log_reduction.should_log(reason):
            log.warning(
                "new certificate rejected, keeping the current one",
                extra={"file": str(self._certificate), "reason": reason},
            )

    def _read(self) -> KeyPair:
        try:
            return KeyPair(self._certificate.read_bytes(), self._key.read_bytes())
        except OSError as error:
            raise UsageError(f"{error.filename} cannot be read: {error.strerror}") from error
