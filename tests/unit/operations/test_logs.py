"""Log lines, for machines and for people."""

import json
import logging

from kubesum.operations.logs import JsonFormatter, TextFormatter


def record(message: str, **extra: object) -> logging.LogRecord:
    made = logging.getLogger("kubesum.kube.reflector").makeRecord(
        "kubesum.kube.reflector", logging.WARNING, "reflector.py", 1, message, (), None, extra=extra
    )
    made.created = 1767323045.5
    return made


def test_a_line_for_machines_is_one_json_object() -> None:
    line = JsonFormatter().format(record("list again", resource="pods", reason="Expired"))

    assert json.loads(line) == {
        "time": "2026-01-02T03:04:05.500000Z",
        "level": "warning",
        "logger": "kubesum.kube.reflector",
        "message": "list again",
        "resource": "pods",
        "reason": "Expired",
    }
    assert "\n" not in line


def test_what_json_cannot_hold_is_still_logged() -> None:
    line = JsonFormatter().format(record("odd", value=object))

    assert json.loads(line)["value"] == "<class 'object'>"


def test_a_line_for_people_ends_with_what_it_is_about() -> None:
    line = TextFormatter().format(record("list again", resource="pods", reason="Expired"))

    assert line.endswith("WARNING list again resource=pods reason=Expired")
