"""The event loop of the commands that use the network."""

import asyncio
import gc
from collections.abc import Coroutine
from typing import Any

import uvloop

Main = Coroutine[Any, Any, None]
"""What a command runs until it ends."""


def run(main: Main) -> None:
    """Runs `main` on uvloop until it ends; raises what it raises."""
    # Modules stay loaded: garbage collections that walked them would stop the event loop for 0.1 s.
    gc.freeze()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main)
