"""One line for each request, or for those that failed or were slow, with its audit ID.

Lines name who asked for what, never tokens, queries or objects. The audit ID is kube-apiserver's, which is in its
audit log too, or one of our own.
"""

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from starlette.types import Message, Scope

from kubesum.api.requests.requestinfo import RequestInfo
from kubesum.edge.authn.users import User
from kubesum.operations.metrics import REQUESTS_NOT_LOGGED
from kubesum.vocabulary.defaults import ACCESS_LOG_ALL, ACCESS_LOG_ERRORS, ALWAYS_ALLOW_PATHS

log = logging.getLogger(__name__)

SLOW_S: Final = 1.0
"""The time from which a request that is no watch counts as slow."""
BURST: Final = 100
"""Lines of requests with the same code that are written at once, unless all requests are logged."""
LINES_PER_S: Final = 1
"""The same afterwards, in each second: 50 MB in a day of refusals."""
MAX_AUDIT_ID: Final = 64
"""In characters: k8s.io/apiserver/pkg/audit/context.go, GetAuditIDTruncated."""
MAX_VALUE: Final = 256
"""In characters, of each value that a client chooses."""

Headers = Sequence[tuple[bytes, bytes]]


@dataclass(slots=True)
class Exchange:
    """One request and what is known of its response so far."""

    audit_id: str
    forwarded_for: str
    started: float = field(default_factory=time.perf_counter)
    info: RequestInfo | None = None
    user: User | None = None
    """None until the request is authenticated."""
    code: int | None = None
    """None until the response begins."""
    sent_bytes: int = 0

    @property
    def seconds(self) -> float:
        """The time since the request began."""
        return time.perf_counter() - self.started

    @property
    def returned_audit_id(self) -> str:
        """The audit ID for the response; empty where kube-apiserver adds it to the response that it forwards."""
        return "" if self.user is not None and self.user.from_front_proxy else self.audit_id

    def observe(self, message: Message) -> None:
        """Takes note of a message of the response."""
        if message["type"] == "http.response.start":
            self.code = message["status"]
        else:
            self.sent_bytes += len(message.get("body", b""))


def exchange(headers: Headers) -> Exchange:
    """The exchange of a request that begins now."""
    audit_id = forwarded_for = b""
    for name, value in headers:
        if name == b"audit-id":
            audit_id = audit_id or value
        elif name == b"x-forwarded-for":
            forwarded_for = forwarded_for or value
    text = audit_id.decode("latin-1").strip()[:MAX_AUDIT_ID]
    # It becomes a header of the response.
    is_usable = text.isascii() and text.isprintable() and text.strip() == text
    return Exchange(text if text and is_usable else str(uuid.uuid4()), _bounded(forwarded_for.decode("latin-1")))


class AccessLog:
    """Writes the lines of the requests that `which` selects.

    Unless all are wanted, many refused requests must not fill a disk: of each code, `BURST` lines are written at once
    and `LINES_PER_S` from then on. The others are counted, and the next line follows one that gives their number.
    """

    def __init__(self, which: str, now: Callable[[], float] = time.monotonic) -> None:
        """`which` is a value of --access-log; `now` is in seconds."""
        self._which: Final = which
        self._now: Final = now
        self._samples: Final[dict[int, _Sample]] = {}

    def write(self, done: Exchange, scope: Scope) -> None:
        """Logs a request whose response has ended."""
        if self._which == ACCESS_LOG_ALL:
            log.info("request", extra=_values(done, scope))
        elif self._which == ACCESS_LOG_ERRORS and _is_remarkable(done):
            self._write_sample(done.code or 0, done, scope)

    def _write_sample(self, code: int, done: Exchange, scope: Scope) -> None:
        sample = self._samples.setdefault(code, _Sample(self._now()))
        if not sample.takes(self._now()):
            REQUESTS_NOT_LOGGED.inc()
            return
        if sample.left_out:
            log.warning("requests not logged", extra={"code": code, "requests": sample.left_out})
            sample.left_out = 0
        log.info("request", extra=_values(done, scope))


@dataclass(slots=True)
class _Sample:
    """The lines of one code: `BURST` at once, and then so many a second."""

    filled_at: float
    room: float = BURST
    left_out: int = 0
    """Since the last line that was written."""

    def takes(self, now: float) -> bool:
        """Whether a line is written now; counts it if not."""
        self.room = min(BURST, self.room + (now - self.filled_at) * LINES_PER_S)
        self.filled_at = now
        if self.room < 1:
            self.left_out += 1
            return False
        self.room -= 1
        return True


def _is_remarkable(done: Exchange) -> bool:
    """Whether a request failed in the server, was refused because of its load, or took long.

    A probe has not failed that is answered with 500, as by a replica that starts or stops; web/readinesslog.py logs
    when that changes.
    """
    if done.code is None or done.code == 429 or (done.code >= 500 and not _is_answered_probe(done)):
        return True
    is_watch = done.info is not None and done.info.verb == "watch"
    return not is_watch and done.seconds >= SLOW_S


def _is_answered_probe(done: Exchange) -> bool:
    return done.code == 500 and done.info is not None and done.info.path.startswith(ALWAYS_ALLOW_PATHS)


def _values(done: Exchange, scope: Scope) -> dict[str, object]:
    info, user = done.info, done.user
    values: dict[str, object] = {"audit_id": done.audit_id}
    if user is not None:
        values |= {"user": _bounded(user.name), "groups": len(user.groups)}
    values["verb"] = info.verb if info is not None else scope["method"].lower()
    if info is not None and info.is_resource_request:
        values["resource"] = _bounded(f"{info.resource}.{info.group}" if info.group else info.resource)
        named = {"namespace": info.namespace, "object": info.name, "subresource": info.subresource}
        values |= {key: _bounded(value) for key, value in named.items() if value}
    else:
        values["path"] = _bounded(info.path if info is not None else scope["raw_path"].decode("latin-1"))
    client = scope.get("client")
    values |= {
        "code": done.code or 0,
        "latency_ms": round(done.seconds * 1000, 1),
        "bytes": done.sent_bytes,
        "source": client[0] if client else "",
    }
    # Any other client may claim any address.
    if user is not None and user.from_front_proxy and done.forwarded_for:
        values["forwarded_for"] = done.forwarded_for
    return values


def _bounded(value: str) -> str:
    return value if len(value) <= MAX_VALUE else f"{value[:MAX_VALUE]}…"
