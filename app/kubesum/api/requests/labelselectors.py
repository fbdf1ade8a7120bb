"""Label selectors, parsed into requirements on labels.

Grammar, meaning and error texts are those of k8s.io/apimachinery/pkg/labels/selector.go, as for built-in kinds. A
requirement has one form for all ways to write it: `a=b`, `a==b` and `a in (b)` are the same.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Final

from kubesum.api.requests.query import parsed_integer
from kubesum.vocabulary.errors import BadRequest
from kubesum.vocabulary.quoting import quoted

_TOKEN: Final = re.compile(r"[ \t\r\n]*(==|!=|[=!<>(),]|[^ \t\r\n=!<>(),]+)")
_END: Final = ""
_SYMBOLS: Final = frozenset({_END, "==", "!=", "=", "!", "<", ">", "(", ")", ","})

_NAME: Final = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_VALUE: Final = f"({_NAME})?"
_DNS_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN: Final = rf"{_DNS_LABEL}(\.{_DNS_LABEL})*"
_NAME_BYTES: Final = 63
_SUBDOMAIN_BYTES: Final = 253
_CHARACTERS: Final = "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character"
_NAME_RULE: Final = (
    f"must consist of {_CHARACTERS} (e.g. 'MyName',  or 'my.name',  or '123-abc', "
    f"regex used for validation is '{_NAME}')"
)
_KEY_RULE: Final = (
    f"a valid label key {_NAME_RULE} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
)
_VALUE_RULE: Final = (
    f"a valid label must be an empty string or consist of {_CHARACTERS} "
    f"(e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '{_VALUE}')"
)
_SUBDOMAIN_RULE: Final = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start "
    f"and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)


class Operator(Enum):
    """The operators of label requirements."""

    IN = "in"
    NOT_IN = "notin"
    EXISTS = "exists"
    ABSENT = "!"
    GREATER = ">"
    LESS = "<"


_BINARY: Final = {
    "in": Operator.IN,
    "=": Operator.IN,
    "==": Operator.IN,
    "notin": Operator.NOT_IN,
    "!=": Operator.NOT_IN,
    ">": Operator.GREATER,
    "<": Operator.LESS,
}


@dataclass(frozen=True, slots=True)
class LabelRequirement:
    """A requirement on one label; `values` is empty for EXISTS and ABSENT, one value for GREATER and LESS."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def admits(self, labels: Mapping[str, str]) -> bool:
        """Whether `labels` meet it. An absent label meets NOT_IN; only integers meet GREATER and LESS."""
        value = labels.get(self.key)
        match self.operator:
            case Operator.IN:
                return value in self.values
            case Operator.NOT_IN:
                return value not in self.values
            case Operator.EXISTS:
                return value is not None
            case Operator.ABSENT:
                return value is None
            case _:
                return value is not None and self._compares(value)

    def _compares(self, value: str) -> bool:
        (bound,) = self.values
        number = _int64(value)
        if number is None:
            return False
        return number > int(bound) if self.operator is Operator.GREATER else number < int(bound)

    @property
    def text(self) -> str:
        """The requirement as a label selector: equal for equal requirements."""
        match self.operator:
            case Operator.EXISTS:
                return self.key
            case Operator.ABSENT:
                return f"!{self.key}"
            case Operator.IN | Operator.NOT_IN:
                return f"{self.key} {self.operator.value} ({','.join(sorted(self.values))})"
            case _:
                return f"{self.key}{self.operator.value}{''.join(self.values)}"


def parse(text: str) -> tuple[LabelRequirement, ...]:
    """The requirements of a label selector, all of which must be met; raises BadRequest."""
    if "\0" in text:
        # Go's lexer takes it for the end, and what follows would be ignored.
        raise BadRequest("unable to parse requirement: the selector contains a NUL")
    words = _Words(text)
    if words.next == _END:
        return ()
    if words.next in _SYMBOLS - {"!"}:
        raise BadRequest(f"found '{words.next}', expected: !, identifier, or 'end of string'")
    requirements = [_requirement(words)]
    while (separator := words.take()) != _END:
        if separator != ",":
            raise BadRequest(f"found '{separator}', expected: ',' or 'end of string'")
        if words.next in _SYMBOLS - {"!"}:
            raise BadRequest(f"found '{words.next}', expected: identifier after ','")
        requirements.append(_requirement(words))
    return tuple(requirements)


class _Words:
    """The tokens of a selector, with one token of lookahead; `_END` follows the last one."""

    def __init__(self, text: str) -> None:
        self._words: list[str] = []
        position = 0
        while found := _TOKEN.match(text, position):
            self._words.append(found[1])
            position = found.end()
        self._words.append(_END)
        self._words.reverse()

    @property
    def next(self) -> str:
        return self._words[-1]

    def take(self) -> str:
        return self._words.pop()


def _requirement(words: _Words) -> LabelRequirement:
    absent = words.next == "!"
    if absent:
        words.take()
    key = words.take()
    if key in _SYMBOLS:
        raise _unparsable(f"found '{key}', expected: identifier")
    if problems := _key_problems(key):
        raise _unparsable(_invalid("<nil>", key, problems))
    if absent:
        return LabelRequirement(key, Operator.ABSENT)
    if words.next in (_END, ","):
        return LabelRequirement(key, Operator.EXISTS)
    operator = _BINARY.get(word := words.take())
    if operator is None:
        raise _unparsable(f"found '{word}', expected: in, notin, =, ==, !=, gt, lt")
    values = frozenset(_listed_values(words) if word in ("in", "notin") else (_exact_value(words),))
    if errors := list(dict.fromkeys(_value_errors(key, operator, values))):
        raise _unparsable(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")
    return LabelRequirement(key, operator, values)


def _exact_value(words: _Words) -> str:
    if words.next in (_END, ","):
        return ""
    value = words.take()
    if value in _SYMBOLS:
        raise _unparsable(f"found '{value}', expected: identifier")
    return value


def _listed_values(words: _Words) -> Iterable[str]:
    """The values in parentheses; where there is none before or after a comma, the value is empty."""
    if (word := words.take()) != "(":
        raise _unparsable(f"found '{word}' expected: '('")
    if words.next in _SYMBOLS - {",", ")"}:
        raise _unparsable(f"found '{words.next}', expected: ',', ')' or identifier")
    values = []
    value = ""
    while (word := words.take()) != ")":
        if word == ",":
            values.append(value)
            value = ""
        elif word in _SYMBOLS:
            raise _unparsable(f"found '{word}', expected: ',', or identifier")
        elif words.next not in (",", ")"):
            raise _unparsable(f"found '{words.next}', expected: ',' or ')'")
        else:
            value = word
    return [*values, value]


def _key_problems(key: str) -> list[str]:
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        return [_KEY_RULE]
    problems = _prefix_problems(prefix) if slash else []
    if not name:
        problems.append("name part must be non-empty")
    elif len(name.encode()) > _NAME_BYTES:
        problems.append(f"name part must be no more than {_NAME_BYTES} bytes")
    if not re.fullmatch(_NAME, name):
        problems.append(f"name part {_NAME_RULE}")
    return problems


def _prefix_problems(prefix: str) -> list[str]:
    if not prefix:
        return ["prefix part must be non-empty"]
    problems = []
    if len(prefix.encode()) > _SUBDOMAIN_BYTES:
        problems.append(f"prefix part must be no more than {_SUBDOMAIN_BYTES} bytes")
    if not re.fullmatch(_SUBDOMAIN, prefix):
        problems.append(f"prefix part {_SUBDOMAIN_RULE}")
    return problems


def _value_errors(key: str, operator: Operator, values: frozenset[str]) -> Iterable[str]:
    ordered = sorted(values)
    if operator in (Operator.GREATER, Operator.LESS) and _int64(ordered[0]) is None:
        yield _invalid("values[0]", ordered[0], ["for 'Gt', 'Lt' operators, the value must be an integer"])
    for index, value in enumerate(ordered):
        if problems := _value_problems(value):
            yield _invalid(f"values[{index}][{key}]", value, problems)


def _value_problems(value: str) -> list[str]:
    problems = []
    if len(value.encode()) > _NAME_BYTES:
        problems.append(f"must be no more than {_NAME_BYTES} bytes")
    if not re.fullmatch(_VALUE, value):
        problems.append(_VALUE_RULE)
    return problems


def _invalid(field: str, value: str, problems: list[str]) -> str:
    return f"{field}: Invalid value: {quoted(value)}: {'; '.join(problems)}"


def _unparsable(why: str) -> BadRequest:
    return BadRequest(f"unable to parse requirement: {why}")


def _int64(text: str) -> int | None:
    try:
        return parsed_integer(text, "ParseInt", 1 << 63)
    except BadRequest:
        return None
