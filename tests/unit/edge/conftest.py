"""The event loop of the edge's tests: the one that serves, and for whatever uses sockets also that of Python."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"uvloop": uvloop.new_event_loop}
    if "wire" in getattr(item, "fixturenames", ()):
        factories["asyncio"] = asyncio.SelectorEventLoop
    return factories
