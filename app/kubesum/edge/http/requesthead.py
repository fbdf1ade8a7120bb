"""What the head of a request must be, beyond what the parser of HTTP demands.

A head that two servers could read in two ways is refused, since one of them may decide on the identity of the caller
and the other on the request.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Final

from kubesum.vocabulary.errors import ApiError, BadRequest, HTTPVersionNotSupported

Headers = Iterable[tuple[bytes, bytes]]
"""(name in lower case, value)."""

_HOST: Final = re.compile(rb"[A-Za-z0-9!$%&'()*+,\-.:;=\[\]_~]*")
"""golang.org/x/net/http/httpguts, ValidHostHeader."""
_MAX_LENGTH: Final = 2**63 - 1
"""Of a body; net/http reads lengths as an int64."""


def objection(version: str, target: bytes, headers: Headers) -> ApiError | None:
    """Why a request of HTTP `version` must be refused; None if it may be served."""
    if version not in ("1.0", "1.1"):
        return HTTPVersionNotSupported("only HTTP/1.0 and HTTP/1.1 are supported")
    hosts = _values(b"host", headers)
    if len(hosts) > 1 or (not hosts and version == "1.1"):
        return BadRequest("a request needs exactly one Host header")
    if not all(map(_HOST.fullmatch, hosts)):
        return BadRequest("the Host header is malformed")
    if not target.startswith(b"/") or b"#" in target:
        # A fragment is for clients alone (RFC 9112, 3.2.1); the parser of URLs would drop it.
        return BadRequest("the request target is not a path")
    return _framing_objection(headers)


def _framing_objection(headers: Headers) -> ApiError | None:
    """The same of the body; the parser demands that chunked is the last coding, and digits for a length."""
    if any(coding.strip().lower() != b"chunked" for coding in _values(b"transfer-encoding", headers)):
        return BadRequest("the only supported transfer coding is chunked")
    if any(int(length) > _MAX_LENGTH for length in _values(b"content-length", headers)):
        return BadRequest("the Content-Length is out of range")
    return None


def _values(name: bytes, headers: Headers) -> Sequence[bytes]:
    return [value for found, value in headers if found == name]
