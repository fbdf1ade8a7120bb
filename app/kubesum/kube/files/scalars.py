"""What a scalar of YAML means to kubectl, which is neither YAML 1.1 nor YAML 1.2.

Follows resolve.go and decode.go of go.yaml.in/yaml/v2 2.4.4 and yaml.go of sigs.k8s.io/yaml 1.6.0, as kubectl 1.37
has them inside: `on` and `y` are booleans, `0o17` and `1_000` are numbers, `2024-02-30`, `12:30:45` and `=` are text.
Numbers are what Go writes as JSON: an integral float below 10^21 is an int.
"""

import base64
import binascii
import math
import re
import struct
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, Final

import yaml

from kubesum.kube.fitting import Written

Scalar = str | int | float | bool | None
"""A float is finite."""

_TAGS: Final = "tag:yaml.org,2002:"
MERGE_TAG: Final = f"{_TAGS}merge"

_FIRST: Final = frozenset("+-0123456789.yYnNtTfFoO~")
_NUMERIC: Final = frozenset("+-0123456789")
_WORDS: Final[Mapping[str, bool | float | None]] = {
    **dict.fromkeys(["y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"], True),
    **dict.fromkeys(["n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"], False),
    **dict.fromkeys(["~", "null", "Null", "NULL"], None),
    **dict.fromkeys([".nan", ".NaN", ".NAN"], math.nan),
    **dict.fromkeys([".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"], math.inf),
    **dict.fromkeys(["-.inf", "-.Inf", "-.INF"], -math.inf),
}
# strconv.ParseInt and ParseUint with base 0, after underscores are gone.
_INTEGER: Final = re.compile(r"([+-]?)(0[xX][0-9a-fA-F]+|0[oO][0-7]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*)")
_FLOAT: Final = re.compile(r"[+-]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][+-]?[0-9]+)?")
_DOTTED: Final = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][+-]?[0-9]+)?")
_DATE: Final = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ][0-9:.]+(?:Z|[+-][0-9:]+)?)?")

_SMALLEST: Final = -(2**63)
_LARGEST: Final = 2**64 - 1
_LARGEST_SIGNED: Final = 2**63 - 1
_FIRST_IN_EXPONENTS: Final = 1e21
"""encoding/json writes floats from here on with an exponent."""
_FIRST_NO_SINGLE: Final = 3.4028235677973366e38
"""What is at least this rounds to infinity in 32 bits."""


def resolved(event: yaml.ScalarEvent) -> Scalar:
    """The value of a scalar; raises yaml.MarkedYAMLError where kubectl refuses it, infinities included."""
    value = unbounded(event)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise refusal(event, f"{event.value!r} cannot be written as JSON")
        # As Go writes it: the shortest digits that are this float, and zeros.
        return int(Decimal(repr(value))) if value.is_integer() and abs(value) < _FIRST_IN_EXPONENTS else value
    return value


def written(event: yaml.ScalarEvent) -> Scalar | Written:
    """The value of a scalar, as a number or boolean together with its text; raises as `resolved` does."""
    value = resolved(event)
    return Written(event.value, value) if isinstance(value, int | float) else value


def unbounded(event: yaml.ScalarEvent) -> Scalar:
    """The value of a scalar, infinities included; raises yaml.MarkedYAMLError where it is not of its tag."""
    if event.tag is not None:
        return _tagged(event, event.tag)
    # implicit[0]: neither quoted nor a block, so that the text decides.
    return plain(event.value) if event.implicit[0] else event.value


@lru_cache(maxsize=4096)
def plain(text: str) -> Scalar:
    """What text means that is neither quoted nor tagged; infinities are floats."""
    if not text:
        return None
    if text[0] not in _FIRST:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if text[0] in _NUMERIC:
        return _number(text)
    return _finite(text.replace("_", ""), text) if _DOTTED.fullmatch(text) else text


def _number(text: str) -> Scalar:
    digits = text.replace("_", "")
    integer = _integer(digits)
    if integer is not None:
        return integer
    return _finite(digits, text) if _FLOAT.fullmatch(digits) else text


def _integer(digits: str) -> int | None:
    """None for what is no integer or does not fit 64 bits; with a sign it has to fit the signed ones."""
    match = _INTEGER.fullmatch(digits)
    if match is None or len(digits) > 80:
        return None
    sign, magnitude = match.groups()
    octal = magnitude[0] == "0" and magnitude[1:].isdigit()
    value = int(magnitude, 8) if octal else int(magnitude, 0)
    if sign == "-":
        value = -value
    return value if _SMALLEST <= value <= (_LARGEST_SIGNED if sign else _LARGEST) else None


def _finite(digits: str, text: str) -> float | str:
    value = float(digits)
    return text if math.isinf(value) else value


def _tagged(event: yaml.ScalarEvent, tag: str) -> Scalar:
    name = tag.removeprefix(_TAGS)
    if name == "binary":
        return _decoded(event)
    if name not in _IS_OF_TAG or name == tag:
        return event.value
    value = plain(event.value)
    if not _IS_OF_TAG[name](event.value, value):
        raise refusal(event, f"{event.value!r} is no !!{name}")
    if name == "timestamp":
        return event.value
    return float(value) if name == "float" and value is not None else value


def _is_integer(value: Scalar, largest: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value <= largest


_IS_OF_TAG: Final[Mapping[str, Callable[[str, Scalar], bool]]] = {
    "bool": lambda _text, value: isinstance(value, bool),
    "int": lambda _text, value: _is_integer(value, _LARGEST),
    "float": lambda _text, value: isinstance(value, float) or _is_integer(value, _LARGEST_SIGNED),
    "null": lambda _text, value: value is None,
    "timestamp": lambda text, _value: _DATE.fullmatch(text) is not None,
}
"""Whether a text, and what it means when plain, are of a tag. Under any other tag but !!binary, text stays text."""


def _decoded(event: yaml.ScalarEvent) -> str:
    try:
        data = base64.b64decode(event.value.replace("\r", "").replace("\n", ""), validate=True)
    except (binascii.Error, ValueError) as error:
        raise refusal(event, "a !!binary is no base64") from error
    return data.decode("utf-8", "replace")


def field_name(event: yaml.Event, value: Any) -> str:
    """The name of a field that a scalar of this value is: `true` for a plain `on`.

    Raises yaml.MarkedYAMLError for null, for what needs 64 bits without a sign, and for what is no scalar.
    """
    if isinstance(value, Written):
        value = value.value
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return _short_float(value)
    if isinstance(value, int) and value <= _LARGEST_SIGNED:
        return str(value)
    raise refusal(event, "a field needs a name that is text, a number or a boolean")


def _short_float(value: float) -> str:
    """strconv.FormatFloat(value, 'g', -1, 32), with YAML's names for what is not finite."""
    if math.isnan(value):
        return ".nan"
    if abs(value) >= _FIRST_NO_SINGLE:
        return ".inf" if value > 0 else "-.inf"
    single = _single(value)
    shortest = next(text for digits in range(9) if _single(float(text := f"{single:.{digits}e}")) == single)
    exponent = int(shortest.partition("e")[2])
    return format(Decimal(shortest), "f") if -4 <= exponent < 6 else shortest


def _single(value: float) -> float:
    """The 32-bit float next to a 64-bit one."""
    (single,) = struct.unpack("f", struct.pack("f", value))
    return float(single)


def refusal(event: yaml.Event, problem: str) -> yaml.MarkedYAMLError:
    """The error of what is YAML, but not to kubectl."""
    return yaml.MarkedYAMLError(None, None, problem, event.start_mark)  # type: ignore[arg-type]  # libyaml's marks have lines, too
