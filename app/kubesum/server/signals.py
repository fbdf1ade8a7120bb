"""SIGINT, SIGTERM and SIGHUP: the first requests a graceful shutdown, the second one ends the process at once.

Without a handler, the end of a terminal (SIGHUP) would end the process at once, and leave its temporary files behind.
"""

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any

from kubesum.vocabulary.errors import KubesumError


async def until_stopped(main: Coroutine[Any, Any, None], shutdown: asyncio.Event | None = None) -> None:
    """Runs `main` until it ends or one of the signals arrives, which cancels it and is no error.

    With `shutdown`, the first signal sets that event and `main` ends by itself; the next one cancels it.
    A KubesumError is raised as itself, also out of a group of tasks.
    """
    task = asyncio.ensure_future(main)
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()

    def stop() -> None:
        if shutdown is not None and not shutdown.is_set():
            shutdown.set()
            return
        stopped.set()
        task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if number is signal.SIGHUP and signal.getsignal(number) is signal.SIG_IGN:
            # nohup: to go on without the terminal is what was asked for.
            continue
        loop.add_signal_handler(number, stop)
    try:
        await task
    except asyncio.CancelledError:
        if not stopped.is_set():
            raise
    except BaseExceptionGroup as group:
        raise actionable(group) or group from None


def actionable(group: BaseExceptionGroup[BaseException]) -> KubesumError | None:
    """The first KubesumError in a group, None if the group holds any other error."""
    known, unknown = group.split(KubesumError)
    if known is None or unknown is not None:
        return None
    error: BaseException = known
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error if isinstance(error, KubesumError) else None
