"""JSON that Go reads and msgspec does not: half of a surrogate pair, bytes that are no UTF-8.

Go puts U+FFFD in their place (encoding/json, decode.go, unquote). Control characters in strings are taken, too:
kubectl reads a text that has them as YAML.
"""

import json
import re
from typing import Any, Final, NoReturn

from kubesum.kube.fitting import Written

_LONGEST_NUMBER: Final = 100
"""Digits: a longer number is text, since its value may cost more than it says."""

_ESCAPES: Final = re.compile(
    rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)"
)
_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F]")
_HALF_PAIR: Final = len(rb"\ud800")


def loaded(text: bytes) -> Any:
    """The value of a text, with `Written` in place of numbers; raises ValueError or RecursionError."""
    return json.loads(
        without_half_pairs(text).decode("utf-8", "replace"),
        strict=False,
        parse_int=lambda digits: Written(digits, int(digits)) if len(digits) < _LONGEST_NUMBER else digits,
        parse_float=lambda digits: Written(digits, float(digits)) if len(digits) < _LONGEST_NUMBER else digits,
        parse_constant=_refused,
    )


def without_half_pairs(text: bytes) -> bytes:
    """JSON with U+FFFD in place of each half of a surrogate pair, at the same length."""
    if _SURROGATE.search(text) is None:
        return text
    # In place: pieces to join would take twenty times the memory of a text of nothing else.
    whole = bytearray(text)
    for escape in _ESCAPES.finditer(text):
        if len(escape[0]) == _HALF_PAIR:
            whole[escape.start() : escape.end()] = rb"\ufffd"
    return bytes(whole)


def _refused(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
