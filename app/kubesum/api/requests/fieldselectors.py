"""Field selectors, parsed into requirements on the values of fields.

Grammar and error texts are those of k8s.io/apimachinery/pkg/fields/selector.go. Whether a resource has the fields is
checked by kubesum.api.requests.selectors.
"""

import re
from dataclasses import dataclass
from typing import Final

from kubesum.vocabulary.errors import BadRequest

# Only a comma without an escape separates two terms; empty terms are dropped.
_TERM: Final = re.compile(r"(?:\\.|\\\Z|[^,\\])+", re.DOTALL)
_OPERATOR: Final = re.compile(r"!=|==|=")
_SPECIAL: Final = re.compile(r"\\(.?)|=", re.DOTALL)
_ESCAPABLE: Final = ("\\", ",", "=")
_ESCAPED: Final = str.maketrans({character: f"\\{character}" for character in _ESCAPABLE})


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """A field must be equal to `value`, or must not."""

    path: str
    value: str
    equal: bool

    def admits(self, value: str) -> bool:
        """Whether a field with this value meets the requirement."""
        return (value == self.value) is self.equal

    @property
    def text(self) -> str:
        """The requirement as a field selector: equal for equal requirements."""
        return f"{self.path}{'=' if self.equal else '!='}{self.value.translate(_ESCAPED)}"


def parse(text: str) -> tuple[FieldRequirement, ...]:
    """The requirements of a field selector, all of which must be met; raises BadRequest."""
    if "\0" in text:
        # No field can have it, and programs in other languages could take it for the end.
        raise BadRequest("invalid field selector: it contains a NUL")
    return tuple(_requirement(term, text) for term in sorted(_TERM.findall(text)))


def exact_value(requirements: tuple[FieldRequirement, ...], path: str) -> str | None:
    """The only value that a field can have, None if several can; the first one of several contradictory ones."""
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
