"""One line for each change of what fails in /readyz."""

import logging

import pytest

from kubesum.web.readinesslog import ReadinessLog


def test_only_changes_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    log = ReadinessLog()
    states = [
        "informer-sync first-rows",
        "informer-sync first-rows",
        "first-rows",
        "",
        "",
        "certificate",
        "",
        "shutdown",
    ]

    with caplog.at_level(logging.INFO):
        for failing in states:
            names = ("informer-sync", "first-rows", "certificate", "shutdown")
            log.note({name: name not in failing.split() for name in names})

    lines = [(one.levelname, one.message, vars(one).get("failing", "")) for one in caplog.records]
    assert lines == [
        ("INFO", "not ready", "informer-sync,first-rows"),
        ("INFO", "not ready", "first-rows"),
        ("INFO", "ready", ""),
        ("WARNING", "no longer ready", "certificate"),
        ("INFO", "ready", ""),
        ("INFO", "not ready", "shutdown"),
    ]
