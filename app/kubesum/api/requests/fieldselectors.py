"""Field selectors: a text to requirements, each of which the value of a field meets or not.

Grammar and words are those of k8s.io/apimachinery/pkg/fields/selector.go. Which fields there are is for others
to know.
"""

import re
from dataclasses import dataclass
from typing import Final

from kubesum.vocabulary.errors import BadRequest

# What an escape precedes belongs to the term, so only a bare comma parts two terms; empty ones are nothing.
_TERM: Final = re.compile(r"(?:\\.|\\\Z|[^,\\])+", re.DOTALL)
_OPERATOR: Final = re.compile(r"!=|==|=")
_SPECIAL: Final = re.compile(r"\\(.?)|=", re.DOTALL)
_ESCAPABLE: Final = ("\\", ",", "=")
_ESCAPED: Final = str.maketrans({character: f"\\{character}" for character in _ESCAPABLE})


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """That a field has a value, or that it has another."""

    path: str
    value: str
    equal: bool

    def admits(self, value: str) -> bool:
        """Whether a field with this value meets it."""
        return (value == self.value) is self.equal

    @property
    def text(self) -> str:
        """The requirement as a field selector: equal for equal requirements."""
        return f"{self.path}{'=' if self.equal else '!='}{self.value.translate(_ESCAPED)}"


def parse(text: str) -> tuple[FieldRequirement, ...]:
    """The requirements of a field selector, all of which are to be met; raises BadRequest."""
    return tuple(_requirement(term, text) for term in sorted(_TERM.findall(text)))


def exact_value(requirements: tuple[FieldRequirement, ...], path: str) -> str | None:
    """The value that a field must have, None if several can do; of values that exclude each other the first."""
    return next((r.value for r in requirements if r.equal and r.path == path), None)


def _requirement(term: str, selector: str) -> FieldRequirement:
    operator = _OPERATOR.search(term)
    if operator is None:
        raise BadRequest(f"invalid selector: '{selector}'; can't understand '{term}'")
    path, value = term[: operator.start()], term[operator.end() :]
    return FieldRequirement(path, _SPECIAL.sub(_literal, value), operator[0] != "!=")


def _literal(found: re.Match[str]) -> str:
    if found[0] == "=":
        # Go prints the number of the character.
        raise BadRequest(f"invalid field selector: unescaped character in value: {ord('=')}")
    if found[1] not in _ESCAPABLE:
        raise BadRequest(f"invalid field selector: invalid escape sequence: {found[0]}")
    return found[1]
