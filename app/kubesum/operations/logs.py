"""Log lines: one format for machines, one for people, and what keeps a repeated error from filling the log.

Whoever changes a state logs the transition, once, without secrets and without object bodies.
"""

import asyncio
import logging
import sys
from datetime import UTC, datetime
from typing import Final

import msgspec
from cachetools import TTLCache

_REPEATED_EVERY_S: Final = 60.0
_REPEATED_REASONS: Final = 256

_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class LogReduction:
    """Tells what was said lately: a flood of one trouble is one line a minute in the log."""

    def __init__(self) -> None:
        self._told: TTLCache[str, None] = TTLCache(_REPEATED_REASONS, _REPEATED_EVERY_S)

    def should_log(self, reason: str) -> bool:
        """Whether nobody asked this of the same reason in the last minute."""
        if reason in self._told:
            return False
        self._told[reason] = None
        return True


class JsonFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the `extra` of the call."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as JSON; what JSON cannot hold is written as its repr."""
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
    """One line for a person: time of day, level, message, and the `extra` of the call as name=value."""

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname:<7} {message}", "%H:%M:%S", "{")

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The first line of the record."""
        return " ".join(
            [super().formatMessage(record), *(f"{key}={value}" for key, value in _extras(record).items())]
        )


def set_up_logging(formatter: logging.Formatter, level: int = logging.INFO) -> None:
    """Sends the log of the whole process to stderr, in place of wherever it went before."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=level, force=True)
    # It logs each error that it also raises; we say those ourselves, with what they mean.
    logging.getLogger("kubernetes_asyncio").setLevel(logging.CRITICAL)
    logging.getLogger("uvicorn.error").addFilter(_is_no_end)


def _is_no_end(record: logging.LogRecord) -> bool:
    # uvicorn takes an answer for broken that ends with the process, such as a watch when somebody presses Ctrl-C.
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)


def _extras(record: logging.LogRecord) -> dict[str, object]:
    return {key: value for key, value in vars(record).items() if key not in _STANDARD}
