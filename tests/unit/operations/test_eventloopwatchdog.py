"""What holds the event loop is logged while it is held."""

import logging
import threading
from itertools import pairwise

import pytest

from kubesum.operations import eventloopwatchdog
from kubesum.operations.eventloopwatchdog import EventLoopWatchdog

LOGGER = logging.getLogger(eventloopwatchdog.__name__)


class Releasing(logging.Handler):
    """Keeps the records, and ends what holds the event loop with the last of so many."""

    def __init__(self, records: int = 1) -> None:
        super().__init__()
        self._most = records
        self.records: list[logging.LogRecord] = []
        self.released = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        if len(self.records) >= self._most:
            self.released.set()


def hold_the_event_loop(until: threading.Event) -> None:
    assert until.wait(60)


def test_a_block_is_logged_with_its_stack_and_its_end() -> None:
    handler = Releasing()
    LOGGER.addHandler(handler)
    watchdog = EventLoopWatchdog()
    try:
        with watchdog.running():
            watchdog.beat()
            hold_the_event_loop(handler.released)
            watchdog.beat()
            watchdog.beat()
    finally:
        LOGGER.removeHandler(handler)

    assert [record.getMessage() for record in handler.records] == ["event loop is blocked", "event loop runs again"]
    blocked, again = (vars(record) for record in handler.records)
    calls = [call.partition(" in ")[2] for call in blocked["stack"].split(", ")]
    # The innermost first: those of the library that wait, and what called them.
    assert calls[2:4] == ["hold_the_event_loop", "test_a_block_is_logged_with_its_stack_and_its_end"]
    assert len(calls) <= eventloopwatchdog.MAX_FRAMES
    assert eventloopwatchdog.BLOCKED_S <= blocked["seconds"] <= again["seconds"]
    assert "event loop watchdog" not in [thread.name for thread in threading.enumerate()]


def test_a_long_block_is_logged_once_in_each_interval(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the second line on it was logged twice a second."""
    monkeypatch.setattr(eventloopwatchdog, "CHECK_INTERVAL_S", 0.05)
    monkeypatch.setattr(eventloopwatchdog, "BLOCKED_S", 0.1)
    monkeypatch.setattr(eventloopwatchdog, "LOG_INTERVAL_S", 0.5)
    handler = Releasing(3)
    LOGGER.addHandler(handler)
    watchdog = EventLoopWatchdog()
    try:
        with watchdog.running():
            hold_the_event_loop(handler.released)
            watchdog.beat()
    finally:
        LOGGER.removeHandler(handler)

    *blocked, again = handler.records
    after = [vars(record)["seconds"] for record in blocked]
    assert len(after) == 3
    # They are rounded.
    assert all(later - earlier > 0.35 for earlier, later in pairwise(after))
    assert again.getMessage() == "event loop runs again"
