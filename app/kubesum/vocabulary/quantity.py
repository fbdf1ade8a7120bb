"""Kubernetes quantities as integers, and integers as canonical quantities.

Inside kubesum an amount of cpu is an int of millicores and an amount of anything else an int of whole
units (bytes, devices, pods): the scheduler's MilliValue and Value, both rounded up per pod. Sums within a pod, before
that rounding, are in nano-units (10^-9), the smallest unit of a Kubernetes quantity. Quantities are text only in
decoded objects and in responses. Grammar and canonical form follow k8s.io/apimachinery/pkg/api/resource/quantity.go.

Amounts are exact integers without a bound: 10E of cpu stay 10E, and sums of them are exact, as in kubectl.
kube-scheduler computes in 64 bits, where an amount beyond 2^63 - 1 overflows into something else, even 0; that is not
followed.

Invariant: `amount(name, canonical(name, n)) == n` for every n from -10^27 to 10^27.
"""

import re
from bisect import bisect_left
from collections.abc import ItemsView, Iterator, Mapping
from functools import lru_cache
from typing import Final

from kubesum.vocabulary.errors import QuantityError

CPU: Final = "cpu"
MEMORY: Final = "memory"
EPHEMERAL_STORAGE: Final = "ephemeral-storage"
PODS: Final = "pods"

_GRAMMAR: Final = re.compile(
    r"(?P<sign>[+-]?)(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?"
    r"(?P<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,9})?"
)
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60}
_NANOS: Final = 10**9
_NANOS_PER_MILLI: Final = 10**6
_MEASURED: Final = {"n": 1, "u": 10**3, "m": _NANOS_PER_MILLI, "Ki": _NANOS << 10, "Mi": _NANOS << 20}
"""Nano-units of each suffix that metrics servers write."""
_MEASURED_DIGITS: Final = 12
"""So many digits with one of these suffixes stay below every bound."""
_MAX_INT64: Final = (1 << 63) - 1
_MAX_BINARY: Final = _MAX_INT64 * _NANOS
"""maxAllowed of quantity.go, which caps what is written with a binary suffix, and nothing else."""
_MAX: Final = 10**27 * _NANOS
_SIGNIFICANT_DIGITS: Final = 100
_MAX_EXPONENT: Final = 400
_MAX_CACHED_CHARACTERS: Final = 64
_MIN_INT32: Final = -(1 << 31)
_MAX_INT32: Final = (1 << 31) - 1

_DECIMAL_SUFFIXES: Final = ("", "k", "M", "G", "T", "P", "E")
_BINARY_SUFFIXES: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_COLUMN_UNITS: Final = (("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10))


def nanos(quantity: str | int | float) -> int:
    """A quantity in nano-units, rounded away from zero: for sums that are rounded once at the end.

    It is exact up to 10^27 units, which no cluster and no sum over one reaches; a larger one counts as 10^27, so that
    text such as `1e999999999` costs nothing. As in Go, more than 2^63 - 1 units in a binary suffix are 2^63 - 1.
    Raises QuantityError for text that is no quantity.
    """
    if isinstance(quantity, str) and len(quantity) > _MAX_CACHED_CHARACTERS:
        return uncached_nanos(quantity)
    return _cached_nanos(quantity)


@lru_cache(maxsize=8192)
def _cached_nanos(quantity: str | int | float) -> int:
    return uncached_nanos(quantity)


def uncached_nanos(quantity: str | int | float) -> int:
    """Like `nanos` without its cache: for measurements, which hardly ever repeat."""
    text = str(quantity)
    digits, suffix = (text[:-2], text[-2:]) if text[-1:] == "i" else (text[:-1], text[-1:])
    # A poll of usage has tens of thousands of these, and the grammar takes ten times as long.
    if suffix in _MEASURED and len(digits) <= _MEASURED_DIGITS and digits.isdecimal() and digits.isascii():
        return int(digits) * _MEASURED[suffix]
    match = _GRAMMAR.fullmatch(text)
    if match is None or not (match["whole"] or match["fraction"]):
        raise QuantityError(f"{text[:40]!r} is not a quantity")
    fraction, suffix = match["fraction"] or "", match["suffix"] or ""
    unscaled, dropped = _significant(match["whole"] + fraction)
    exponent = 9 + dropped - len(fraction)
    if suffix in _BINARY:
        value = min(_scaled(unscaled * _BINARY[suffix], exponent), _MAX_BINARY)
    else:
        exponent += _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
        value = min(_scaled(unscaled, exponent), _MAX)
    return -value if match["sign"] == "-" else value


def _significant(digits: str) -> tuple[int, int]:
    """The number that the first significant digits are, and how many digits follow them.

    If those are not all 0, it is rounded up: whatever has so many digits is rounded up or too large in the end.
    """
    stripped = digits.lstrip("0")
    number = int(stripped[:_SIGNIFICANT_DIGITS] or "0")
    rest = stripped[_SIGNIFICANT_DIGITS:]
    return number + bool(rest.strip("0")), len(rest)


def _scaled(unscaled: int, exponent: int) -> int:
    """`unscaled` times ten to the power of `exponent`, rounded up; not exact where it is far beyond all bounds."""
    power: int = 10 ** min(abs(exponent), _MAX_EXPONENT)
    return unscaled * power if exponent >= 0 else -(-unscaled // power)


def whole(name: str, nano_units: int) -> int:
    """Nano-units of resource `name` as an amount: millicores of cpu or else whole units, rounded away from zero."""
    unit = _NANOS_PER_MILLI if name == CPU else _NANOS
    return nano_units // unit if nano_units < 0 else -(-nano_units // unit)


def amount(name: str, quantity: str | int | float) -> int:
    """The amount of resource `name` that one quantity states; raises QuantityError as `nanos` does."""
    return whole(name, nanos(quantity))


def is_binary(name: str) -> bool:
    """Whether amounts of resource `name` are bytes, written with Ki, Mi, Gi."""
    return name in (MEMORY, EPHEMERAL_STORAGE) or name.startswith("hugepages-")


@lru_cache(maxsize=8192)
def canonical(name: str, value: int) -> str:
    """The canonical quantity of an amount, as Kubernetes prints it: `2540m`, `35`, `1216Mi`, `-250m`."""
    if name == CPU:
        if value % 1000:
            return f"{value}m"
        return _shortest(value // 1000, 1000, _DECIMAL_SUFFIXES)
    # Go prints a binary quantity below 1024 in decimal form: 1000 bytes are "1k". One beyond 63 bits is cut when
    # it is parsed, so that only the decimal form says how much it is.
    if is_binary(name) and 1024 <= abs(value) <= _MAX_INT64:
        return _shortest(value, 1024, _BINARY_SUFFIXES)
    return _shortest(value, 1000, _DECIMAL_SUFFIXES)


def _shortest(value: int, base: int, suffixes: tuple[str, ...]) -> str:
    index = 0
    while value and value % base == 0 and index < len(suffixes) - 1:
        value //= base
        index += 1
    return f"{value}{suffixes[index]}"


@lru_cache(maxsize=8192)
def rounded(name: str, value: int) -> str:
    """An amount for a table cell: bytes cut to Ki, Mi, Gi or Ti with at least 3 significant digits.

    A unit that divides the amount exactly loses no digit (`52Gi`); otherwise `1840Mi`, not `1Gi`.
    """
    if not is_binary(name):
        return canonical(name, value)
    magnitude, sign = abs(value), "-" if value < 0 else ""
    for suffix, unit in _COLUMN_UNITS:
        if magnitude >= unit and (magnitude % unit == 0 or magnitude // unit >= 100):
            return f"{sign}{magnitude // unit}{suffix}"
    return f"{value}"


def percent(part: int, whole: int) -> int | None:
    """floor(100 * part / whole), rounded as kubectl does, within int32; None if `whole` is not positive."""
    return max(_MIN_INT32, min(100 * part // whole, _MAX_INT32)) if whole > 0 else None


class ResourceList(Mapping[str, int]):
    """An immutable map from resource name to amount, in ascending order of name.

    JSON form: canonical quantities, `{"cpu": "2540m", "memory": "1216Mi"}`. Amounts may be negative (`free`).
    """

    __slots__ = ("_names", "_values")

    def __init__(self, amounts: Mapping[str, int] = {}) -> None:
        """Takes a map from resource name to amount."""
        names = tuple(sorted(amounts))
        # Thousands of nodes and workloads have the same names: a shared tuple takes half the memory of a dict each.
        self._names: Final = _shared(names)
        self._values: Final = tuple([amounts[name] for name in names])

    @classmethod
    def parse(cls, quantities: Mapping[str, str | int | float]) -> "ResourceList":
        """The amounts of a decoded Kubernetes ResourceList; raises QuantityError."""
        return cls({name: amount(name, quantity) for name, quantity in quantities.items()})

    def quantities(self) -> dict[str, str]:
        """The canonical quantities, as JSON has them."""
        return {name: canonical(name, value) for name, value in zip(self._names, self._values, strict=True)}

    def items(self) -> ItemsView[str, int]:
        """The pairs (name, amount); faster than the mixin's, which looks up each name."""
        return dict(zip(self._names, self._values, strict=True)).items()

    def __getitem__(self, name: str) -> int:
        # A node may have thousands of names, each of which is looked up.
        index = bisect_left(self._names, name)
        if index == len(self._names) or self._names[index] != name:
            raise KeyError(name)
        return self._values[index]

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ResourceList) and self._values == other._values and self._names == other._names

    def __hash__(self) -> int:
        return hash(self._values)

    def __repr__(self) -> str:
        return f"ResourceList({self.quantities()})"


@lru_cache(maxsize=1024)
def _shared(names: tuple[str, ...]) -> tuple[str, ...]:
    """One tuple for all equal ones."""
    return names
