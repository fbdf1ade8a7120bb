"""Log formats, one in JSON and one in text, a filter for repeated messages, and where the log goes.

Code that changes a state logs the transition once. No log line holds secrets or bodies of objects.
"""

import asyncio
import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Final

from cachetools import TTLCache

import kubesum
from kubesum.operations.logwriter import LogWriter
from kubesum.vocabulary.quoting import escaped, quoted

log = logging.getLogger(__name__)

_LONGEST_ERROR: Final = 256
ExceptionInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
_INTERVAL_S: Final = 60.0
_MAX_MESSAGES: Final = 256

_AMBIGUOUS: Final = frozenset(' "\\')
# uvicorn adds color_message: the message again, for a terminal.
_STANDARD: Final = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message"}


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
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_extras(record),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return escaped(json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=repr))


class TextFormatter(logging.Formatter):
    """One line of text: time of day, level, message and the `extra` values as name=value.

    A value that could be read as more than one is quoted, as by klog. A traceback follows on lines of its own.
    """

    def __init__(self) -> None:
        super().__init__("{asctime} {levelname:<7} {message}", "%H:%M:%S", "{")

    def formatException(self, ei: ExceptionInfo) -> str:
        """The lines of a traceback, without control characters of the error's text."""
        return "\n".join(map(escaped, super().formatException(ei).split("\n")))

    def formatMessage(self, record: logging.LogRecord) -> str:
        """The first line of the record."""
        line = escaped(super().formatMessage(record))
        return " ".join([line, *(f"{key}={_quoted(value)}" for key, value in _extras(record).items())])


def described(error: BaseException) -> dict[str, str]:
    """An unexpected error as values of a log line: what it is, and its place in kubesum's own code.

    Of a group of errors, as tasks raise, it is the first one.
    """
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = traceback.extract_tb(error.__traceback__)
    own = Path(kubesum.__file__).parent
    place = next((frame for frame in reversed(frames) if Path(frame.filename).is_relative_to(own)), None)
    place = place or (frames[-1] if frames else None)
    where = f"{Path(place.filename).name}:{place.lineno} in {place.name}" if place else ""
    return {"error": f"{type(error).__name__}: {error}"[:_LONGEST_ERROR], "place": where}


def log_crash(kind: type[BaseException], error: BaseException, where: TracebackType | None) -> None:
    """Logs an error that ends the process, as sys.excepthook: with its place, and its traceback."""
    if issubclass(kind, Exception):
        log.critical("crashed", exc_info=(kind, error, where))
    else:
        sys.__excepthook__(kind, error, where)


def log_defect(error: Exception, **where: object) -> None:
    """Logs an unexpected exception in one line with its place, and at the level debug with its traceback."""
    with_traceback = error if log.isEnabledFor(logging.DEBUG) else None
    log.error("internal error", extra={**where, **described(error)}, exc_info=with_traceback)


def log_loop_error(_loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Logs an exception that no task awaits, as the handler of an event loop (asyncio's set_exception_handler)."""
    error = context.get("exception")
    # Further lines of the message are representations of objects.
    message = context["message"].partition("\n")[0]
    if isinstance(error, Exception):
        log_defect(error, during=message)
    else:
        log.error("internal error", extra={"error": message})


def _quoted(value: object) -> str:
    text = str(value)
    is_one = text.isprintable() and text and _AMBIGUOUS.isdisjoint(text)
    return text if is_one else quoted(text)


def set_up_logging(formatter: logging.Formatter, level: int = logging.INFO) -> None:
    """Sends the log of the whole process to stderr and replaces all handlers set before.

    Below INFO is for kubesum's own modules: libraries would log headers, with tokens, and what is sent.
    """
    handler = LogWriter(sys.stderr.fileno())
    handler.setFormatter(formatter)
    logging.basicConfig(handlers=[handler], level=max(level, logging.INFO), force=True)
    logging.getLogger("kubesum").setLevel(level)
    # It logs each error that it raises too; kubesum logs or prints those itself.
    logging.getLogger("kubernetes_asyncio").setLevel(logging.CRITICAL)
    logging.getLogger("uvicorn.error").addFilter(_is_no_cancellation)


def _is_no_cancellation(record: logging.LogRecord) -> bool:
    # uvicorn logs a response that is cancelled at shutdown, such as a watch after Ctrl-C, as an application error.
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)


def _extras(record: logging.LogRecord) -> dict[str, object]:
    values = {key: value for key, value in vars(record).items() if key not in _STANDARD}
    error = record.exc_info[1] if record.exc_info else None
    return values if error is None else described(error) | values
