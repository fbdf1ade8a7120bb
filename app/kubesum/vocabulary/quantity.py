"""Kubernetes quantities as integers, and integers as canonical quantities.

Inside kubesum an amount of cpu is an int of millicores and an amount of anything else an int of whole
units (bytes, devices, pods): the scheduler's MilliValue and Value, both rounded up per pod. Sums within a pod, before
that rounding, are in nano-units (10^-9), the smallest unit of a Kubernetes quantity. Quantities are text only in
decoded objects and in responses. Grammar and canonical form follow k8s.io/apimachinery/pkg/api/resource/quantity.go.

Invariant: `amount(name, canonical(name, n)) == n` for every n from 0 to 2^63 - 1.
"""

import re
from collections.abc import ItemsView, Iterator, Mapping
from functools import lru_cache
from typing import Final

from kubesum.vocabulary.errors import QuantityError

CPU: Final = "cpu"
MEMORY: Final = "memory"
EPHEMERAL_STORAGE: Final = "ephemeral-storage"
PODS: Final = "pods"

# The bounds on digits keep parsing of malicious text cheap; valid quantities have fewer than half as many.
_GRAMMAR: Final = re.compile(
    r"\+?(?P<whole>[0-9]{0,99})(?:\.(?P<fraction>[0-9]{0,99}))?"
    r"(?P<suffix>[numkMGTPE]|[KMGTPE]i|[eE][+-]?[0-9]{1,3})?"
)
_DECIMAL: Final = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY: Final = {"Ki": 1 << 10, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40, "Pi": 1 << 50, "Ei": 1 << 60}
_LARGEST: Final = (1 << 63) - 1
_NANOS: Final = 10**9
_NANOS_PER_MILLI: Final = 10**6

_DECIMAL_SUFFIXES: Final = ("", "k", "M", "G", "T", "P", "E")
_BINARY_SUFFIXES: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_COLUMN_UNITS: Final = (("Ti", 1 << 40), ("Gi", 1 << 30), ("Mi", 1 << 20), ("Ki", 1 << 10))


@lru_cache(maxsize=8192)
def nanos(quantity: str | int | float) -> int:
    """A quantity in nano-units, rounded up: for sums that are rounded once at the end.

    Raises QuantityError for text that is no quantity, is negative, or does not fit 63 bits.
    """
    return fresh_nanos(quantity)


def fresh_nanos(quantity: str | int | float) -> int:
    """Like `nanos` without its cache: for measurements, which hardly ever repeat."""
    text = str(quantity)
    match = _GRAMMAR.fullmatch(text)
    if match is None or not (match["whole"] or match["fraction"]):
        raise QuantityError(f"{text[:40]!r} is not a quantity")
    fraction = match["fraction"] or ""
    suffix = match["suffix"] or ""
    unscaled = int((match["whole"] or "0") + fraction) * _BINARY.get(suffix, 1)
    exponent = 9 - len(fraction)
    if suffix not in _BINARY:
        exponent += _DECIMAL[suffix] if suffix in _DECIMAL else int(suffix[1:])
    value: int = unscaled * 10**exponent if exponent >= 0 else -(-unscaled // 10**-exponent)
    if value > _LARGEST * _NANOS:
        raise QuantityError(f"{text[:40]!r} is larger than any quantity can be")
    return value


def whole(name: str, nano_units: int) -> int:
    """Nano-units of resource `name` as an amount: millicores for cpu, whole units otherwise, rounded up."""
    return -(-nano_units // (_NANOS_PER_MILLI if name == CPU else _NANOS))


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
    # Go prints a binary quantity below 1024 in decimal form: 1000 bytes are "1k".
    if is_binary(name) and abs(value) >= 1024:
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
    """floor(100 * part / whole), rounded as kubectl does; None if `whole` is not positive."""
    return 100 * part // whole if whole > 0 else None


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
        if name not in self._names:
            raise KeyError(name)
        return self._values[self._names.index(name)]

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
