"""The JSON and text formats of the log, and the reduction of repeated messages."""

import asyncio
import json
import logging
import re
import sys

import pytest

from kubesum.operations.logs import JsonFormatter, LogReduction, TextFormatter, log_loop_error
from kubesum.vocabulary.quantity import uncached_nanos


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.getLogger("kubesum.kube.reflector").makeRecord(
        "kubesum.kube.reflector", logging.WARNING, "reflector.py", 1, message, (), None, extra=extra
    )
    made.created = 1767323045.5
    return made


def test_the_json_format_is_one_object_a_line() -> None:
    line = JsonFormatter().format(record("relisting", resource="pods", reason="Expired"))

    assert json.loads(line) == {
        "time": "2026-01-02T03:04:05.500000Z",
        "level": "warning",
        "logger": "kubesum.kube.reflector",
        "message": "relisting",
        "resource": "pods",
        "reason": "Expired",
    }
    assert "\n" not in line


def test_a_value_that_json_cannot_hold_is_logged_as_its_repr() -> None:
    line = JsonFormatter().format(record("odd", value=object))

    assert json.loads(line)["value"] == "<class 'object'>"


def test_the_text_format_ends_with_the_extra_values() -> None:
    line = TextFormatter().format(record("relisting", resource="pods", reason="Expired"))

    assert line.endswith("WARNING relisting resource=pods reason=Expired")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("the API server is away", '"the API server is away"'),
        ("", '""'),
        ("a=b", "a=b"),
        ('a"b', r'"a\"b"'),
        ("a\\nb", r'"a\\nb"'),
        ("a\nb", r'"a\nb"'),
        ("\x1b[2J\x7f\x9b\u202e", r'"\x1b[2J\x7f\u009b\u202e"'),
        ("\udcff", r'"\udcff"'),
        (7, "7"),
    ],
)
def test_a_value_cannot_be_read_as_more_than_one(value: object, text: str) -> None:
    assert TextFormatter().format(record("odd", value=value)).endswith(f" odd value={text}")


def test_what_uvicorn_adds_for_terminals_is_left_out() -> None:
    line = JsonFormatter().format(record("Started server process [1]", color_message="Started [\x1b[36m%d\x1b[0m]"))

    assert json.loads(line).keys() == {"time", "level", "logger", "message"}


@pytest.mark.asyncio
async def test_an_error_that_no_task_awaits_has_one_line_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    """asyncio logs a message of several lines, and a traceback."""
    loop, called = asyncio.get_running_loop(), asyncio.Event()
    loop.set_exception_handler(log_loop_error)
    loop.call_soon(uncached_nanos, "much")
    loop.call_soon(called.set)
    await called.wait()

    (line,) = map(TextFormatter().format, caplog.records)
    assert "\n" not in line
    assert re.fullmatch(
        r'\d\d:\d\d:\d\d ERROR   internal error during="Exception in callback [^"]*" error="\w+Error: [^"]*" '
        r'place="quantity.py:\d+ in uncached_nanos"',
        line,
    )


def test_no_line_holds_control_characters() -> None:
    """Those beyond ASCII too, which a terminal may obey, and what is no Unicode."""
    given = "a\n\x1b[2J\x7f\x9b\u2028\u202e\udcff\U000e0001"

    line = JsonFormatter().format(record(given, value=given))
    assert line.isprintable()
    assert json.loads(line)["message"] == json.loads(line)["value"] == given
    assert TextFormatter().format(record(given)).isprintable()


def fail() -> None:
    raise ValueError("a\x1b[2J\x9b\r")


def test_a_traceback_holds_no_control_characters() -> None:
    failed = record("crashed")
    try:
        fail()
    except ValueError:
        failed.exc_info = sys.exc_info()

    first, *others = TextFormatter().format(failed).split("\n")
    assert re.search(r' error="ValueError: a\\x1b\[2J\\u009b\\r" place="test_logs\.py:\d+ in fail"$', first)
    assert others[-1] == r"ValueError: a\u001b[2J\u009b\u000d"


def test_printable_characters_of_all_scripts_stay() -> None:
    assert '"value":"José 日本 😀"' in JsonFormatter().format(record("a", value="José 日本 😀"))


def test_a_repeated_message_is_logged_once_a_minute() -> None:
    reduction = LogReduction()

    assert [reduction.should_log(message) for message in ("a", "b", "a", "b", "c")] == [
        True,
        True,
        False,
        False,
        True,
    ]
