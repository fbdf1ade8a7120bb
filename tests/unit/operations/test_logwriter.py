"""The log on a pipe: whole lines in order, and none that would have to wait."""

import fcntl
import json
import logging
import os
from collections.abc import Iterator

import pytest

from kubesum.operations.logs import JsonFormatter
from kubesum.operations.logwriter import LogWriter

TWO_PAGES = 2 * 4096


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, TWO_PAGES)
    yield reading, writing
    os.close(reading)
    os.close(writing)


def write(writer: LogWriter, message: str) -> None:
    writer.handle(logging.makeLogRecord({"msg": message}))


def messages(read: bytes) -> list[str]:
    return [json.loads(line)["message"] for line in read.splitlines()]


def test_a_line_is_finished_before_the_next_one_begins(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    writer = LogWriter(writing)
    writer.setFormatter(JsonFormatter())

    write(writer, "x" * 20_000)
    write(writer, "dropped")
    parts = [os.read(reading, TWO_PAGES)]
    write(writer, "dropped too")
    parts.append(os.read(reading, TWO_PAGES))
    write(writer, "written")
    parts.append(os.read(reading, TWO_PAGES))
    write(writer, "and this")
    parts.append(os.read(reading, TWO_PAGES))

    assert messages(b"".join(parts)) == ["x" * 20_000, "log lines dropped", "written", "and this"]
    assert b'"lines":2' in b"".join(parts)


def test_arguments_that_do_not_fit_the_message_are_no_error_of_the_caller(
    pipe: tuple[int, int], capsys: pytest.CaptureFixture[str]
) -> None:
    writer = LogWriter(pipe[1])
    writer.setFormatter(JsonFormatter())

    writer.handle(logging.makeLogRecord({"msg": "no place", "args": ("for this",)}))

    assert "not all arguments converted" in capsys.readouterr().err
