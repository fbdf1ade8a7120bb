"""The event loop of these tests: uvloop as in the server, and for tests on sockets also that of asyncio."""

import asyncio
from collections.abc import Callable

import pytest
import uvloop


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    factories: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {"uvloop": uvloop.new_event_loop}
    if "wire" in getattr(item, "fixturenames", ()):
        factories["asyncio"] = asyncio.SelectorEventLoop
    return factories
