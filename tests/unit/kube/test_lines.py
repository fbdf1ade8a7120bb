"""Lines out of chunks, and an object that is too large for any memory."""

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
import pytest

from kubesum.kube.decoding import Decoder
from kubesum.kube.lines import HEAD_BYTES, MAX_LINE_BYTES, LongLine, complete_lines, metadata_in
from tests.unit.kube.reflectorsteps import PODS

MIB = 1024 * 1024
BEGIN = (
    b'{"type":"MODIFIED","object":{"kind":"Pod","metadata":{"name":"large","namespace":"shop",'
    b'"resourceVersion":"7","annotations":{"example.org/a":"'
)


async def chunked(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def lines_of(*parts: bytes) -> list[list[bytes | LongLine]]:
    return [list(lines) async for lines in complete_lines(chunked(parts)) if lines]


async def test_lines_that_span_chunks_are_joined() -> None:
    parts = (b"", b"on", b"e\ntwo\nth", b"r", b"ee\n", b"unfinished")

    assert await lines_of(*parts) == [[b"one", b"two"], [b"three"]]


async def test_of_a_line_that_is_too_long_the_begin_is_kept() -> None:
    lines = await lines_of(b"one\n" + BEGIN, *[b"x" * MIB] * 200, b'"}}\ntwo\n')

    (one,), (long, two) = lines
    assert (one, two) == (b"one", b"two")
    assert isinstance(long, LongLine)
    assert len(long.head) == HEAD_BYTES
    assert long.head.startswith(BEGIN)


async def test_a_line_that_begins_with_single_bytes_has_its_begin_too() -> None:
    ((long,),) = await lines_of(*[b"%d" % (n % 10) for n in range(HEAD_BYTES + 9)], *[b"x" * MIB] * 65, b"\n")

    assert isinstance(long, LongLine)
    assert long.head == b"".join(b"%d" % (n % 10) for n in range(HEAD_BYTES))


def test_an_object_of_any_size_takes_bounded_memory() -> None:
    async def read() -> None:
        async for _ in complete_lines(chunked(bytes(64 * 1024) for _ in range(200 * 16))):
            pass

    tracemalloc.start()
    asyncio.run(read())
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert MAX_LINE_BYTES < peak < MAX_LINE_BYTES + 4 * MIB


def test_what_is_too_large_is_absent_and_named_once(caplog: pytest.LogCaptureFixture) -> None:
    decoder = Decoder(PODS)
    other = json.dumps({"type": "ADDED", "object": {"metadata": {"name": "b", "resourceVersion": "8"}}}).encode()
    page = msgspec.Raw(BEGIN.partition(b'"object":')[2] + b"x" * MAX_LINE_BYTES + b'"}}}')

    events = decoder.events([LongLine(BEGIN + b"xxx"), other], "5")
    again = decoder.objects([page])

    assert [(key, facts is None) for key, facts in events.changes] == [(("shop", "large"), True), (("", "b"), False)]
    assert events.version == "8"
    assert again == [(("shop", "large"), None)]
    (record,) = caplog.records
    assert vars(record)["object"] == "shop/large"
    assert vars(record)["reason"] == "it has more than 67108864 bytes"


@pytest.mark.parametrize(
    ("head", "found"),
    [
        (
            b'{"metadata":{"name":"a","labels":{"b":"c"},"uid":"1"},"spec":{"x":1',
            {"name": "a", "labels": {"b": "c"}, "uid": "1"},
        ),
        (b'{"metadata":{"name":"a","annotations":{"b":"xxx', {"name": "a"}),
        (b'{"metadata":{"name":"a', {}),
        (b'{"metadata":{', {}),
        (b'{"spec":{"x":"', {}),
        (b"", {}),
        (b"\xff\xfe", {}),
    ],
)
def test_the_begin_of_an_object_says_whose_it_is(head: bytes, found: dict[str, Any]) -> None:
    assert metadata_in(head) == found


@pytest.mark.parametrize("name", [b"7", b"null", b"[]"])
def test_a_name_that_is_none_is_no_name(name: bytes) -> None:
    head = BEGIN.replace(b'"large"', name)

    assert Decoder(PODS).events([LongLine(head)], "5").changes == [(("", ""), None)]
