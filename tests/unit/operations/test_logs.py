"""The JSON and text formats of the log, and the reduction of repeated messages."""

import json
import logging

from kubesum.operations.logs import JsonFormatter, LogReduction, TextFormatter


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


def test_a_repeated_message_is_logged_once_a_minute() -> None:
    reduction = LogReduction()

    assert [reduction.should_log(message) for message in ("a", "b", "a", "b", "c")] == [
        True,
        True,
        False,
        False,
        True,
    ]
