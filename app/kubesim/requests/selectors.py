"""Label and field selectors, parsed into predicates, with the error texts of kube-apiserver.

Ports of k8s.io/apimachinery/pkg/labels/selector.go and pkg/fields/selector.go. A predicate takes the labels or the
fields of an object and returns whether they match.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Set
from typing import Final

from kubesim.apierrors import BadRequest

Predicate = Callable[[Mapping[str, str]], bool]

_TOKENS: Final = re.compile(r"[ \t\r\n]*(==|!=|[=!<>(),]|[^ \t\r\n=!<>(),]+)?")
_END: Final = ""
_SYMBOLS: Final = frozenset({"=", "==", "!=", "!", "<", ">", "(", ")", ",", _END})
_NAME: Final = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_PREFIX: Final = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_NAME_RULE: Final = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)
_VALUE_RULE: Final = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must "
    "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used "
    "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


def everything(_: Mapping[str, str]) -> bool:
    """The predicate of the empty selector."""
    return True


def label_predicate(text: str) -> Predicate:
    """The predicate of a label selector; raises BadRequest with the unexpected token."""
    tokens = _Tokens(text)
    requirements: list[Predicate] = []
    if tokens.peek() == _END:
        return everything
    while True:
        requirements.append(_requirement(tokens))
        separator = tokens.take()
        if separator == _END:
            return _conjunction(requirements)
        if separator != ",":
            raise _unparsable(f"found '{separator}', expected: ',' or 'end of string'")
        if tokens.peek() in _SYMBOLS - {"!"}:
            raise _unparsable(f"found '{tokens.peek()}', expected: identifier after ','")


def field_predicate(text: str, known: Set[str]) -> Predicate:
    """The predicate of a field selector; raises BadRequest for syntax errors and fields that are not `known`."""
    requirements: list[Predicate] = []
    for path, operator, value in _field_terms(text):
        if path not in known:
            raise BadRequest(f"field label not supported: {path}")
        requirements.append(_equals(path, value, is_equal=operator != "!="))
    return _conjunction(requirements) if requirements else everything


def exact_name(field_selector: str) -> str:
    """The value that a field selector requires of metadata.name; empty without one, and for syntax errors."""
    try:
        terms = list(_field_terms(field_selector))
    except BadRequest:
        return ""
    names = [value for path, operator, value in terms if path == "metadata.name" and operator != "!="]
    return names[0] if names and "/" not in names[0] and "%" not in names[0] else ""


class _Tokens:
    """The tokens of a label selector, with one token of lookahead."""

    def __init__(self, text: str) -> None:
        self._words: Final = [match[1] or _END for match in _TOKENS.finditer(text)]
        self._next = 0

    def peek(self) -> str:
        return self._words[self._next] if self._next < len(self._words) else _END

    def take(self) -> str:
        word = self.peek()
        self._next += 1
        return word


def _requirement(tokens: _Tokens) -> Predicate:
    absent = tokens.peek() == "!"
    if absent:
        tokens.take()
    key = tokens.take()
    if key in _SYMBOLS:
        raise _unparsable(f"found '{key}', expected: !, identifier, or 'end of string'")
    _check_key(key)
    if absent:
        return lambda labels: key not in labels
    if tokens.peek() in (",", _END):
        return lambda labels: key in labels
    return _comparison(key, tokens.take(), tokens)


def _comparison(key: str, operator: str, tokens: _Tokens) -> Predicate:
    if operator in ("in", "notin"):
        values = _values(tokens)
        if operator == "in":
            return lambda labels: key in labels and labels[key] in values
        return lambda labels: labels.get(key) not in values
    if operator in ("=", "==", "!="):
        return _equals(key, _value(tokens), is_equal=operator != "!=", absent_differs=True)
    if operator in ("<", ">"):
        return _ordered(key, operator, _value(tokens))
    raise _unparsable(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")


def _values(tokens: _Tokens) -> frozenset[str]:
    if (word := tokens.take()) != "(":
        raise _unparsable(f"found '{word}' expected: '('")
    values = set()
    while True:
        values.add(_value(tokens))
        word = tokens.take()
        if word == ")":
            return frozenset(values)
        if word != ",":
            raise _unparsable(f"found '{word}', expected: ',' or ')'")


def _value(tokens: _Tokens) -> str:
    if tokens.peek() in _SYMBOLS:
        return ""
    value = tokens.take()
    if len(value) > 63 or _NAME.fullmatch(value) is None:
        raise _unparsable(f'<nil>: Invalid value: "{value}": {_VALUE_RULE}')
    return value


def _check_key(key: str) -> None:
    prefix, slash, name = key.rpartition("/")
    if slash and _PREFIX.fullmatch(prefix) is None:
        raise _unparsable(f'<nil>: Invalid value: "{key}": prefix part must be a lowercase RFC 1123 subdomain')
    if len(name) > 63 or _NAME.fullmatch(name) is None:
        raise _unparsable(f'<nil>: Invalid value: "{key}": {_NAME_RULE}')


def _equals(key: str, value: str, *, is_equal: bool, absent_differs: bool = False) -> Predicate:
    # A label that is absent differs from every value; a field that is absent is empty.
    if absent_differs:
        return lambda labels: (labels.get(key) == value) is is_equal
    return lambda fields: (fields.get(key, "") == value) is is_equal


def _ordered(key: str, operator: str, value: str) -> Predicate:
    bound = _integer(value)
    if bound is None:
        raise _unparsable(
            f"values[0][{key}]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, the value must be an integer"
        )

    def selected(labels: Mapping[str, str]) -> bool:
        label = _integer(labels.get(key, ""))
        if label is None:
            return False
        return label > bound if operator == ">" else label < bound

    return selected


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) else None


def _conjunction(requirements: list[Predicate]) -> Predicate:
    if len(requirements) == 1:
        return requirements[0]
    return lambda values: all(selected(values) for selected in requirements)


def _unparsable(problem: str) -> BadRequest:
    return BadRequest(f"unable to parse requirement: {problem}")


def _field_terms(text: str) -> Iterator[tuple[str, str, str]]:
    """(path, operator, value) of each term, unescaped; `\\` escapes itself, `,` and `=`."""
    for term in re.findall(r"(?:\\.|[^,\\])+|\\$", text):
        match = re.fullmatch(r"((?:\\.|[^\\=!])*)(!=|==|=)(.*)", term, re.DOTALL)
        if match is None:
            raise BadRequest(f"invalid selector: '{text}'; can't understand '{term}'")
        yield match[1], match[2], _unescaped(match[3])


def _unescaped(value: str) -> str:
    if match := re.search(r"\\(?![\\,=]).?", re.sub(r"\\\\", "", value)):
        raise BadRequest(f"invalid field selector: invalid escape sequence: {match[0]}")
    if re.search(r"(?<!\\)=", value):
        raise BadRequest("invalid field selector: unescaped character in value: =")
    return re.sub(r"\\([\\,=])", r"\1", value)
