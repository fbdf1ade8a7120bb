"""What the soak test takes for growth."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.soak.growth import Sample, growths, slope
from tests.soak.link import LOOPBACK, Link


def sample(number: int, **changes: float) -> Sample:
    """One of many samples, five seconds apart."""
    values = {"anonymous_mib": 200.0, "tasks": 60, "descriptors": 50, "latency_ms": 1.0} | changes
    return Sample(
        number / 12, values["anonymous_mib"], int(values["tasks"]), int(values["descriptors"]), values["latency_ms"]
    )


def test_the_slope_is_that_of_a_line() -> None:
    assert slope([0, 1, 2, 3], [5, 7, 9, 11]) == 2


def test_outliers_have_no_influence() -> None:
    assert slope([0, 1, 2, 3, 4], [0, 0, 900, 0, 0]) == 0


def test_one_time_has_no_slope() -> None:
    with pytest.raises(ValueError, match="two different times"):
        slope([1, 1], [2, 3])


def test_a_steady_process_does_not_grow() -> None:
    samples = [sample(number, anonymous_mib=200 + number % 3, tasks=60 + number % 2) for number in range(84)]

    assert [growth.name for growth in growths(samples) if growth.is_excessive] == []


@pytest.mark.parametrize(
    ("series", "a_minute"), [("anonymous_mib", 0.3), ("tasks", 1.0), ("descriptors", 1.0), ("latency_ms", 2.0)]
)
def test_a_leak_is_growth(series: str, a_minute: float) -> None:
    samples = [sample(number, **{series: 100 + a_minute * number / 12}) for number in range(84)]

    assert len([growth for growth in growths(samples) if growth.is_excessive]) == 1


@pytest.mark.parametrize(("leak", "found"), [(0.0, []), (0.3, ["anonymous memory, MiB"])])
def test_memory_that_is_used_for_moments_neither_is_growth_nor_hides_it(leak: float, found: list[str]) -> None:
    moments = random.Random(1)
    samples = [
        sample(number, anonymous_mib=200 + leak * number / 12 + moments.choice([0, 0, 2, 5, 15]))
        for number in range(84)
    ]

    assert [growth.name for growth in growths(samples) if growth.is_excessive] == found


ENDED = (ConnectionError, asyncio.IncompleteReadError)


class Echo(asyncio.Protocol):
    """Sends back what it gets."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(data)


async def ends_when(link: Link, end: Callable[[], None]) -> None:
    """A connection over the link passes on until `end` is called."""
    reader, writer = await asyncio.open_connection(LOOPBACK, link.port)
    writer.write(b"hello")
    assert await reader.readexactly(5) == b"hello"
    end()
    with pytest.raises(ENDED):
        await reader.readexactly(1)
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


@pytest.mark.asyncio
async def test_a_link_passes_on_until_it_is_cut_or_down() -> None:
    server = await asyncio.get_running_loop().create_server(Echo, LOOPBACK, 0)
    link = Link(server.sockets[0].getsockname()[1])
    await link.up()

    await ends_when(link, link.cut)
    link.down()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(LOOPBACK, link.port)
    await link.up()
    await ends_when(link, link.down)

    await link.ended()
    server.close()
