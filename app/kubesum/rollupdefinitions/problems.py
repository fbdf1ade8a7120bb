"""What is wrong with a definition, in sentences: where, what, and what to do.

Reading a definition finds the first thing that its schema does not allow; msgspec says which, and it is put into
words here. What the schema cannot say is found by `kubesum.rollupdefinitions.validation`.
"""

import re
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from kubesum.rollupdefinitions.definition import RollupDefinition, definition
from kubesum.rollupdefinitions.spec import FORMS

_AT: Final = re.compile(r"^(.*?)(?: - at `(?:key in )?(.*)`)?$", re.DOTALL)
_LENGTH: Final = re.compile(r"Expected `(\w+)` of length (>=|<=) (\d+)$")
_RANGE: Final = re.compile(r"Expected `int` (>=|<=) (-?\d+)$")
_PATTERN: Final = re.compile(r"Expected `str` matching regex '(.*)'$", re.DOTALL)
_TYPE: Final = re.compile(r"Expected `([^`]*)`, got `([^`]*)`$")
_MISSING: Final = re.compile(r"Object missing required field `(.*)`$")
_UNKNOWN: Final = re.compile(r"Object contains unknown field `(.*)`$", re.DOTALL)
_ENUM: Final = re.compile(r"Invalid enum value (.*)$", re.DOTALL)
_SHOWN: Final = 80
_UNITS: Final = {"str": "characters", "array": "entries", "object": "entries"}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: the path of the field, what is wrong with it, and what mends it."""

    path: str
    what: str
    remedy: str

    @property
    def sentence(self) -> str:
        """All of it, as one sentence."""
        return f"{self.path}: {self.what}; {self.remedy}"


def read(found: Any) -> RollupDefinition | Problem:
    """The definition in a decoded object, or what its schema does not allow."""
    try:
        return definition(found)
    except (msgspec.ValidationError, RecursionError) as error:
        return _problem(str(error))


def shown(text: str) -> str:
    """A text of whoever wrote the definition, in quotes, as much of it as fits a sentence."""
    cut = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
    return repr(cut)


def _problem(error: str) -> Problem:
    match = _AT.match(error)
    message, at = (match[1], match[2] or "") if match else (error, "")
    path = at.removeprefix("$").removeprefix(".") or "the object"
    if found := _MISSING.search(message):
        return Problem(path, f"{found[1]} is missing", "add it")
    if found := _UNKNOWN.search(message):
        return Problem(path, f"{shown(found[1])} is no field of it", "see the reference for those that exist")
    if found := _ENUM.search(message):
        return Problem(path, f"{found[1][: _SHOWN + 2]} is not allowed", "see the reference for the values that are")
    return _of_value(path, message)


def _of_value(path: str, message: str) -> Problem:
    if found := _LENGTH.search(message):
        unit = _UNITS.get(found[1], "characters")
        few = found[2] == ">="
        what = f"it has fewer than {found[3]} {unit}" if few else f"it has more than {found[3]} {unit}"
        return Problem(path, what, "add some" if few else "shorten it")
    if found := _RANGE.search(message):
        return Problem(path, f"it must be {'at least' if found[1] == '>=' else 'at most'} {found[2]}", "change it")
    if found := _PATTERN.search(message):
        pattern = found[1].replace(r"\\", "\\")
        return Problem(path, "it is malformed", f"it must {FORMS[pattern]}")
    if found := _TYPE.search(message):
        return Problem(path, f"it is of type {found[2]}", f"it must be of type {found[1]}")
    return Problem(path, message[:200], "see the reference")
