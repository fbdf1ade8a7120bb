"""Log formats, one in JSON and one in text, a filter for repeated messages, and where the log goes.

Code that changes a state logs the transition once. No log line holds secrets or bodies of objects.
"""

import asyncio
import logging
import sys
from datetime import UTC, datetime
from typing import Final

import msgspec
from cachetools import TTLCache

from kubesum.operations.logwriter import LogWriter

_INTERVAL_S: Final = 60.0
_MAX_MESSAGES: Final = 256

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LogReduction:
    """Lets each message pass once a minute; k8s.io/component-base/logs/logreduction.

    It holds the last 256 messages, so that varying ones, such as those with addresses, cannot fill the memory.
    """

    def __init__(self) -> None:
        self._logged: TTLCache[str, None] = TTLCache(_MAX_MESSAGES, _INTERVAL_S)

    def should_log(self, message: str) -> bool:
        """Whether this is the first call with the message within a minute."""
        if message in self._logged:
            return False
        self._logged[message] = None
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message and the `extra` values."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; values that JSON cannot hold are written as their repr."""
        line = {
            "time": datetime.fromtimestamp(record.created, UTC),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extras(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return msgspec.json.encode(line, enc_hook=repr).decode()


class TextFormatter(logging.Formatter):
    """One line of text: time of day, level, message and the `extra` values as name=value."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname:<7} {message}", "%H:%M:%S", "{")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The first line of the record."""
        return " ".join(
            [super().formatMessage(record), *(f"{key}={_escaped(value)}" for key, value in _extras(record).items())]
        )


def _escaped(value: object) -> str:
    """A value without control characters, with which a client could write lines of its own, or to a terminal."""
    text = str(value)
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in text)


def set_up_logging(formatter: logging.Formatter, level: int = logging.INFO) -> None:
    """Sends the log of the whole process to stderr and replaces all handlers set before."""
    handler = LogWriter(sys.stderr.fileno())
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # It logs each error that it raises too; kubesum logs or prints those itself.
    logging.getLogger("kubernetes_asyncio").setLevel(logging.CRITICAL)
    logging.getLogger("uvicorn.error").addFilter(_is_no_cancellation)


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    # uvicorn logs a response that is cancelled at shutdown, such as a watch after Ctrl-C, as an application error.
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}
