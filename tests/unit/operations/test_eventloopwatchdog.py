"""What holds the event loop is logged while it is held."""

import asyncio
import logging
import threading

from kubesum.operations import eventlooplag, eventloopwatchdog
from kubesum.operations.eventlooplag import measure_event_loop_lag

LOGGER = logging.getLogger(eventloopwatchdog.__name__)


class Released(logging.Handler):
    """Keeps the records, and ends what blocks the event loop with each that says that it is blocked."""

    def __init__(self) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self.blocked = threading.Event()

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        if record.levelno == logging.ERROR:
            self.blocked.set()

    def messages(self) -> list[str]:
        return [record.getMessage() for record in self.records]


def hold_the_event_loop(until: threading.Event) -> None:
    assert until.wait(60)


async def _run(handler: Released) -> None:
    measuring = asyncio.create_task(measure_event_loop_lag())
    await asyncio.sleep(2 * eventlooplag.INTERVAL_S)
    hold_the_event_loop(handler.blocked)
    await asyncio.sleep(2 * eventlooplag.INTERVAL_S)
    measuring.cancel()
    await asyncio.wait((measuring,))


def test_a_block_is_logged_with_its_stack_and_its_end() -> None:
    handler = Released()
    LOGGER.addHandler(handler)
    try:
        asyncio.run(_run(handler))
    finally:
        LOGGER.removeHandler(handler)

    assert handler.messages() == ["event loop is blocked", "event loop runs again"]
    blocked, again = (vars(record) for record in handler.records)
    calls = [call.partition(" in ")[2] for call in blocked["stack"].split(", ")]
    # The innermost first: the library's wait, what called it, and at last what started the event loop.
    assert calls[:5] == ["wait", "wait", "hold_the_event_loop", "_run", "_run"]
    assert len(calls) <= eventloopwatchdog.MAX_FRAMES
    assert eventloopwatchdog.BLOCKED_S <= blocked["seconds"] <= again["seconds"]
    assert "event loop watchdog" not in [thread.name for thread in threading.enumerate()]
