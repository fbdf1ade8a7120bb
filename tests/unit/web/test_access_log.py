"""The line of a request: which requests have one, what it says, and that it holds nothing else."""

import json
import logging
from typing import Any

import pytest

from kubesum.operations.logs import JsonFormatter, TextFormatter
from kubesum.operations.metrics import REQUESTS_NOT_LOGGED
from kubesum.vocabulary.defaults import ACCESS_LOG_ALL, ACCESS_LOG_ERRORS, ACCESS_LOG_OFF
from kubesum.web.accesslog import BURST, LINES_PER_S, MAX_AUDIT_ID, MAX_VALUE, AccessLog, exchange
from kubesum.web.handlerchain import HandlerChain
from tests.leaping import leaping
from tests.unit.web.test_handlerchain import PROXY, Handler, allowed
from tests.wire import Answer, serving_wire

V = "/apis/summary.kubesum.dev/v1alpha1"
ID = "8a5dc3c4-4c3b-4f0c-9a0e-6ad9b0bb8b3f"


def chain(which: str) -> HandlerChain:
    """A handler chain with an access log."""
    made = Handler(allowed).chain()
    made._access_log = AccessLog(which)
    return made


def asked(
    caplog: pytest.LogCaptureFixture,
    path: str,
    headers: str = "",
    which: str = ACCESS_LOG_ALL,
    *,
    by_proxy: bool = True,
) -> tuple[Answer, list[dict[str, Any]]]:
    """The response to a request, and the lines of the access log."""

    answers: list[Answer | None] = []

    async def main() -> None:
        async with serving_wire(served=chain(which)) as wire, wire.client(PROXY if by_proxy else None) as connection:
            request = f"GET {path} HTTP/1.1\r\nHost: a\r\n{headers}\r\n"
            answers.append(await connection.exchange(request.encode()))

    with caplog.at_level(logging.INFO):
        leaping(main())
    (answer,) = answers
    assert answer is not None
    records = [record for record in caplog.records if record.message == "request"]
    lines = [json.loads(JsonFormatter().format(record)) for record in records]
    assert all("\n" not in TextFormatter().format(record) for record in records)
    caplog.clear()
    return answer, lines


JANE = "X-Remote-User: jane\r\nX-Remote-Group: a\r\nX-Remote-Group: b\r\n"


def test_a_line_tells_who_asked_for_what_and_what_became_of_it(caplog: pytest.LogCaptureFixture) -> None:
    headers = f"{JANE}Audit-ID: {ID}\r\nX-Forwarded-For: 10.1.2.3\r\nAuthorization: Bearer secret\r\n"
    _, (line,) = asked(caplog, f"{V}/namespaces/blue/podsummaries/web?pretty=hidden", headers)

    assert line.pop("latency_ms") >= 0
    assert {key: line[key] for key in line if key not in {"time", "level", "logger", "message"}} == {
        "audit_id": ID,
        "user": "jane",
        "groups": 3,
        "verb": "get",
        "resource": "podsummaries.summary.kubesum.dev",
        "namespace": "blue",
        "object": "web",
        "code": 200,
        "bytes": 2,
        "source": "127.0.0.1",
        "forwarded_for": "10.1.2.3",
    }
    assert "secret" not in json.dumps(line)
    assert "hidden" not in json.dumps(line)


def test_a_request_for_no_resource_has_its_path(caplog: pytest.LogCaptureFixture) -> None:
    _, (line,) = asked(caplog, "/readyz?verbose", JANE)

    assert (line["verb"], line["path"], line["code"]) == ("get", "/readyz", 200)


def test_a_request_that_cannot_be_read_has_a_line_too(caplog: pytest.LogCaptureFixture) -> None:
    _, (line,) = asked(caplog, f"{V}//podsummaries", JANE)

    assert (line["path"], line["code"]) == (f"{V}//podsummaries", 404)
    assert "user" not in line


def test_what_clients_choose_is_bounded_and_escaped(caplog: pytest.LogCaptureFixture) -> None:
    _, (line,) = asked(caplog, f"{V}/podsummaries", f"X-Remote-User: {'j' * 5000}\r\n")
    assert len(line["user"]) == MAX_VALUE + 1

    record = logging.makeLogRecord(
        {"msg": "request", "user": "jane\n12:00:00 INFO forged\x1b[2J", "levelname": "INFO"}
    )
    assert TextFormatter().format(record).endswith(r'request user="jane\n12:00:00 INFO forged\x1b[2J"')


@pytest.mark.parametrize(
    ("which", "path", "logged"),
    [
        (ACCESS_LOG_OFF, f"{V}/broken", 0),
        (ACCESS_LOG_ERRORS, f"{V}/broken", 1),
        (ACCESS_LOG_ERRORS, f"{V}/podsummaries", 0),
        (ACCESS_LOG_ERRORS, f"{V}//podsummaries", 0),
        (ACCESS_LOG_ERRORS, f"{V}/slow", 1),
        (ACCESS_LOG_ERRORS, "/readyz/broken", 0),
        (ACCESS_LOG_ERRORS, "/readyz/slow", 1),
        (ACCESS_LOG_ALL, "/readyz/broken", 1),
        (ACCESS_LOG_ALL, f"{V}/podsummaries", 1),
    ],
)
def test_the_flag_says_which_requests_are_logged(
    caplog: pytest.LogCaptureFixture, which: str, path: str, logged: int
) -> None:
    assert len(asked(caplog, path, JANE, which)[1]) == logged


def lines_of(log: AccessLog, code: int, requests: int, caplog: pytest.LogCaptureFixture) -> list[str]:
    """The messages for so many requests with one code."""
    caplog.clear()
    for _ in range(requests):
        done = exchange([])
        done.code = code
        log.write(done, {"method": "GET", "raw_path": b"/"})
    return [record.message for record in caplog.records]


def test_a_crowd_that_is_refused_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    """A client beyond its limit had a line for each of thousands of requests a second."""
    caplog.set_level(logging.INFO)
    time = [1000.0]
    log = AccessLog(ACCESS_LOG_ERRORS, lambda: time[0])
    before = REQUESTS_NOT_LOGGED._value.get()

    assert lines_of(log, 429, 5000, caplog) == ["request"] * BURST
    assert lines_of(log, 500, 1, caplog) == ["request"]
    time[0] += 1
    assert lines_of(log, 429, 5000, caplog) == ["requests not logged", *["request"] * LINES_PER_S]
    assert REQUESTS_NOT_LOGGED._value.get() == before + 10_000 - BURST - LINES_PER_S
    assert vars(caplog.records[0])["requests"] == 5000 - BURST
    time[0] += 3600
    assert lines_of(log, 429, 1, caplog) == ["requests not logged", "request"]
    assert lines_of(log, 429, 5000, caplog) == ["request"] * (BURST - 1)


def test_all_requests_are_logged_where_all_are_wanted(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    assert lines_of(AccessLog(ACCESS_LOG_ALL), 429, 5000, caplog) == ["request"] * 5000


def test_an_audit_id_of_our_own_is_returned(caplog: pytest.LogCaptureFixture) -> None:
    answer, (line,) = asked(caplog, "/readyz", by_proxy=False)

    assert answer.headers["audit-id"] == line["audit_id"]
    assert len(line["audit_id"]) == len(ID)


@pytest.mark.parametrize("around", ["", "  "])
def test_an_audit_id_that_a_client_sends_is_returned(caplog: pytest.LogCaptureFixture, around: str) -> None:
    answer, (line,) = asked(caplog, "/readyz", f"Audit-ID: {around}{ID}{around}\r\n", by_proxy=False)

    assert answer.headers["audit-id"] == line["audit_id"] == ID


@pytest.mark.parametrize("sent", ["a" * 5000, "caf\u00e9", "a\tb", ""])
def test_an_audit_id_is_short_and_printable(caplog: pytest.LogCaptureFixture, sent: str) -> None:
    answer, (line,) = asked(caplog, "/readyz", f"Audit-ID: {sent}\r\n", by_proxy=False)

    assert answer.headers["audit-id"] == line["audit_id"]
    assert len(line["audit_id"]) <= MAX_AUDIT_ID
    assert line["audit_id"].isascii()
    assert line["audit_id"].isprintable()


def test_kube_apiserver_returns_its_audit_id_itself(caplog: pytest.LogCaptureFixture) -> None:
    """[P17]: ours would be added to it."""
    answer, _ = asked(caplog, f"{V}/podsummaries", f"{JANE}Audit-ID: {ID}\r\n")

    assert "audit-id" not in answer.headers


def test_an_address_that_anybody_may_claim_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    _, (line,) = asked(caplog, "/readyz", "X-Forwarded-For: 10.1.2.3\r\n", by_proxy=False)

    assert "forwarded_for" not in line
