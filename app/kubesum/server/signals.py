"""SIGINT and SIGTERM: graceful termination first, an immediate end second."""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

from kubesum.vocabulary.errors import KubesumError


async def until_stopped(main: Coroutine[Any, Any, None], leave: asyncio.Event | None = None) -> None:
    """Runs `main` until it ends or SIGINT or SIGTERM arrives, which ends it at once and is no error.

    With `leave`, the first signal sets that, and `main` ends by itself; the next one ends it at once.
    An error that a person can act on is raised as itself, also out of a group of tasks.
    """
    task = asyncio.ensure_future(main)
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop() -> None:
        if leave is not None and not leave.is_set():
            leave.set()
            return
        stopped.set()
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not stopped.is_set():
            raise
    except BaseExceptionGroup as group:
        raise actionable(group) or group from None


def actionable(group: BaseExceptionGroup[BaseException]) -> KubesumError | None:
    """The error in a group that a person can act on, None if something else went wrong."""
    known, unknown = group.split(KubesumError)
    if known is None or unknown is not None:
        return None
    error: BaseException = known
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, KubesumError) else None
