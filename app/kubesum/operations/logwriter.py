"""Writes the log to a descriptor, and never waits for its reader.

A pipe is full when its reader is stopped, such as a container runtime whose disk is full. A write would then hold the
event loop for ever, and with it probes and signals. So lines that do not fit are dropped and counted, and the next
line that fits follows one that says how many are missing.
"""

import logging
import os
import select
from typing import Final

from kubesum.operations.metrics import LOG_LINES_DROPPED

_CHUNK_BYTES: Final = select.PIPE_BUF
"""So many bytes a pipe takes without waiting, when it is ready for any."""


class LogWriter(logging.Handler):
    """Writes each record as a line, if there is room for it now."""

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor: Final = descriptor
        self._poll: Final = select.poll()
        self._poll.register(descriptor, select.POLLOUT)
        self._unfinished = b""  # the rest of a line whose beginning is written
        self._dropped = 0  # since the last line that was written

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a record, or drops it."""
        try:
            line = self._line(record)
        except (TypeError, ValueError):
            # As every handler of the library: arguments that do not fit the message.
            self.handleError(record)
            return
        self._unfinished = self._rest(self._unfinished)
        if self._dropped and self._begin(self._line(_gap(self._dropped))):
            self._dropped = 0
        if self._dropped or not self._begin(line):
            self._dropped += 1
            LOG_LINES_DROPPED.inc()

    def _line(self, record: logging.LogRecord) -> bytes:
        return self.format(record).encode(errors="backslashreplace") + b"\n"

    def _begin(self, line: bytes) -> bool:
        """Writes as much of a line as there is room for; false if that is nothing."""
        if self._unfinished:
            return False
        rest = self._rest(line)
        if len(rest) == len(line):
            return False
        self._unfinished = rest
        return True

    def _rest(self, data: bytes) -> bytes:
        """What is left of some bytes after as many are written as there is room for."""
        while data and self._poll.poll(0):
            try:
                data = data[os.write(self._descriptor, data[:_CHUNK_BYTES]) :]
            except OSError:
                # Its reader has ended, or the disk is full.
                return data
        return data


def _gap(lines: int) -> logging.LogRecord:
    return logging.makeLogRecord(
        {"name": __name__, "levelname": "WARNING", "msg": "log lines dropped", "lines": lines}
    )
