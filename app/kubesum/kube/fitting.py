"""Objects that their view cannot decode as they are, converted or decoded in part.

Kube-apiserver sends no such objects; clients' dumps and hand-written files hold them. Null counts as absent, as it
does in Go; numbers and booleans become text where text belongs, and text a number where a number belongs. Of what
then does not fit, only parts that are shown and nothing else (`SHOWN`) are left out: without any other part a sum, a
state or an identity would be wrong, and the whole object cannot be read.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Generic, TypeVar

import msgspec
from msgspec import inspect

from kubesum.kube.objects.meta import Time
from kubesum.vocabulary.errors import ObjectError

View = TypeVar("View", bound=msgspec.Struct)

SHOWN: Final = frozenset(
    {
        "metadata.creationTimestamp",
        "metadata.labels",
        "metadata.labels.*",
        "metadata.resourceVersion",
        "spec.containers.image",
        "spec.ephemeralContainers",
        "spec.initContainers.image",
        "spec.priorityClassName",
        "spec.volumes",
        "status.allocatable.*",
        "status.capacity.*",
        "status.conditions.message",
        "status.containerStatuses.imageID",
        "status.containerStatuses.lastState",
        "status.containerStatuses.volumeMounts",
        "status.ephemeralContainerStatuses",
        "status.initContainerStatuses.imageID",
        "status.initContainerStatuses.lastState",
        "status.nodeInfo",
        "status.qosClass",
    }
)
"""Paths of what may be left out. Elements of lists have the path of the list, `*` is any key of a map.

A pod without the QoS class in its status has the one that its spec gives; a node may be without one of its amounts.
"""

_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_BOOLEANS: Final = {"true": True, "false": False}
_LONGEST_VALUE: Final = 40


@dataclass(frozen=True, slots=True)
class Written:
    """A number or boolean together with its source text, for places where text belongs."""

    text: str
    value: int | float | bool


@dataclass(frozen=True, slots=True)
class Fitted(Generic[View]):
    """An object as its view, and the parts that it is without, each with the reason."""

    view: View
    left_out: tuple[str, ...]

    @property
    def metadata(self) -> Any:
        """The metadata of the view."""
        return self.view.metadata  # type: ignore[attr-defined]  # every view has it


@dataclass(frozen=True, slots=True)
class _Place:
    """Where in an object something stands: as a person reads it, and as a path of `SHOWN`."""

    name: str
    pattern: str

    def field(self, name: str) -> "_Place":
        return _Place(*(f"{path}.{name}" if path else name for path in (self.name, self.pattern)))

    def element(self, index: int) -> "_Place":
        return _Place(f"{self.name}[{index}]", self.pattern)

    def entry(self, key: str) -> "_Place":
        return _Place(f"{self.name}[{key!r}]", f"{self.pattern}.*")


def fitted(document: Any, view: type[View]) -> Fitted[View]:
    """The view of an object in plain values, with `Written` in place of numbers, perhaps of booleans.

    Raises ObjectError that names the part for which the object cannot be read.
    """
    fitting = _Fitting()
    fit = fitting.fit(document, _type(view), _Place("", ""))
    try:
        return Fitted(msgspec.convert(fit, view), tuple(fitting.left_out))
    except msgspec.ValidationError as error:
        raise ObjectError(str(error)) from error


@cache
def _type(view: type[msgspec.Struct]) -> inspect.Type:
    return inspect.type_info(view)


class _Fitting:
    """What was left out of one object."""

    def __init__(self) -> None:
        self.left_out: Final[list[str]] = []
        self._by_type: Final[Mapping[type[inspect.Type], Callable[[Any, Any, _Place], Any]]] = {
            inspect.StructType: self._struct,
            inspect.VarTupleType: self._list,
            inspect.ListType: self._list,
            inspect.DictType: self._map,
            inspect.UnionType: self._union,
            inspect.StrType: _text,
            inspect.IntType: _integer,
            inspect.BoolType: _boolean,
            inspect.DateTimeType: _time,
        }

    def fit(self, value: Any, type_: inspect.Type, place: _Place) -> Any:
        """A value that is not None as its type has it."""
        fit = self._by_type.get(type(type_))
        return _anything(value) if fit is None else fit(value, type_, place)

    def _struct(self, value: Any, type_: inspect.StructType, place: _Place) -> dict[str, Any]:
        fit: dict[str, Any] = {}
        for field in type_.fields:
            name = field.encode_name
            found = _checked(value, dict, "a map", place).get(name)
            if found is not None:
                self._put(fit, name, found, field.type, place.field(name))
            elif field.required:
                raise ObjectError(f"{place.field(name).name}: is missing")
        return fit

    def _map(self, value: Any, type_: inspect.DictType, place: _Place) -> dict[str, Any]:
        fit: dict[str, Any] = {}
        for key, found in _checked(value, dict, "a map", place).items():
            # To Go, null in a map is the zero value.
            zero = "" if isinstance(type_.value_type, inspect.StrType) else Written("0", 0)
            self._put(fit, key, zero if found is None else found, type_.value_type, place.entry(key))
        return fit

    def _list(self, value: Any, type_: inspect.VarTupleType | inspect.ListType, place: _Place) -> list[Any]:
        elements = enumerate(_checked(value, list, "a list", place))
        return [self.fit(one, type_.item_type, place.element(index)) for index, one in elements if one is not None]

    def _union(self, value: Any, type_: inspect.UnionType, place: _Place) -> Any:
        types = [one for one in type_.types if not isinstance(one, inspect.NoneType)]
        return self.fit(value, types[0], place) if len(types) == 1 else _quantity(value, type_, place)

    def _put(self, fit: dict[str, Any], key: str, value: Any, type_: inspect.Type, place: _Place) -> None:
        try:
            fit[key] = self.fit(value, type_, place)
        except ObjectError as error:
            if place.pattern not in SHOWN:
                raise
            self.left_out.append(str(error))


def _checked(value: Any, type_: type[Any], name: str, place: _Place) -> Any:
    if not isinstance(value, type_):
        raise _misfit(place, name, value)
    return value


def _text(value: Any, _type: inspect.Type, place: _Place) -> str:
    if isinstance(value, Written):
        return value.text
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(_checked(value, str, "text", place))


def _integer(value: Any, _type: inspect.Type, place: _Place) -> int:
    number = value.value if isinstance(value, Written) else value
    if isinstance(number, str) and _INTEGER.fullmatch(number):
        return int(number)
    if isinstance(number, float) and number.is_integer():
        return int(number)
    if isinstance(number, bool):
        raise _misfit(place, "an integer", value)
    return int(_checked(number, int, "an integer", place))


def _boolean(value: Any, _type: inspect.Type, place: _Place) -> bool:
    boolean = value.value if isinstance(value, Written) else value
    if isinstance(boolean, str):
        boolean = _BOOLEANS.get(boolean, value)
    return bool(_checked(boolean, bool, "true or false", place))


def _time(value: Any, _type: inspect.Type, place: _Place) -> str:
    try:
        msgspec.convert(value, Time)
    except msgspec.ValidationError as error:
        raise _misfit(place, "a time", value) from error
    return str(value)


def _quantity(value: Any, _type: inspect.Type, place: _Place) -> Any:
    """A value that may be text or a number."""
    number = value.value if isinstance(value, Written) else value
    if isinstance(number, bool) or not isinstance(number, str | int | float):
        raise _misfit(place, "text or a number", value)
    return number


def _anything(value: Any) -> Any:
    """A value of which the view says no more."""
    if isinstance(value, dict):
        return {key: _anything(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_anything(one) for one in value]
    return value.value if isinstance(value, Written) else value


def _misfit(place: _Place, expected: str, value: Any) -> ObjectError:
    if isinstance(value, dict | list):
        what = "a map" if isinstance(value, dict) else "a list"
    else:
        what = repr(value.text if isinstance(value, Written) else value)[:_LONGEST_VALUE]
    return ObjectError(f"{place.name or 'the object'}: {what} instead of {expected}")
