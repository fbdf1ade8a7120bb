"""Query strings, parsed as Go's url.ParseQuery and strconv parse them, which clients were tested with.

Pairs with a `;` or a broken escape are dropped, the first of several values counts, and an integer is an optional
sign and ASCII digits.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from kubesum.vocabulary.errors import BadRequest
from kubesum.vocabulary.quoting import quoted

Query = Mapping[str, str]
"""The parameters of a request, each with its first value."""

MAX_PARAMETERS: Final = 1000
"""url.ParseQuery has a limit too, since parsing takes time."""

_BROKEN_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
_INTEGER: Final = re.compile(r"[+-]?[0-9]+", re.ASCII)


def pairs(raw: bytes) -> Iterator[tuple[str, str]]:
    """The (name, value) pairs of a raw query string, in order; go/src/net/url/url.go, parseQuery."""
    for pair in raw.split(b"&"):
        if not pair or b";" in pair or _BROKEN_ESCAPE.search(pair):
            continue
        name, _, value = pair.partition(b"=")
        yield _text(name), _text(value)


def _text(escaped: bytes) -> str:
    return unquote_to_bytes(escaped.replace(b"+", b" ")).decode("utf-8", "replace")


def parse(raw: bytes) -> Query:
    """The parameters of a raw query string; raises BadRequest for more than MAX_PARAMETERS."""
    if not raw:
        return {}
    if raw.count(b"&") >= MAX_PARAMETERS:
        raise BadRequest(f"the request has more than {MAX_PARAMETERS} parameters")
    query: dict[str, str] = {}
    for name, value in pairs(raw):
        query.setdefault(name, value)
    return query


def integer(query: Query, name: str) -> int:
    """An int64 parameter, 0 if it is absent; raises BadRequest in the words of Go's strconv."""
    text = query.get(name)
    return 0 if text is None else parsed_integer(text, "ParseInt", 1 << 63)


def parsed_integer(text: str, function: str, bound: int) -> int:
    """`text` as an integer whose magnitude is below `bound`; the error names `function` of Go's strconv."""
    if not _INTEGER.fullmatch(text) or (function == "ParseUint" and not text.isdigit()):
        raise BadRequest(f"strconv.{function}: parsing {quoted(text)}: invalid syntax")
    # Python raises ValueError for thousands of digits; no int64 has more than 20.
    if len(text.lstrip("+-0")) > 20 or abs(value := int(text)) >= bound:
        raise BadRequest(f"strconv.{function}: parsing {quoted(text)}: value out of range")
    return value


def is_true(query: Query, name: str) -> bool:
    """A boolean option: false if absent, `0` or `false` in any case, else true, even when empty.

    k8s.io/apimachinery/pkg/runtime/conversion.go, Convert_Slice_string_To_bool.
    """
    return query.get(name, "0").lower() not in ("0", "false")
