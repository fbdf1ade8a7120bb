"""Kubernetes quantities as integers, and integers as canonical quantities.

Follows k8s.io/apimachinery/pkg/api/resource: `amount` gives what kube-scheduler reads, Quantity.MilliValue for cpu
and Quantity.Value for everything else, both rounded up; `canonical` gives Quantity.String of such an amount.
"""

import re
from collections.abc import Mapping
from decimal import ROUND_CEILING, Context, Decimal
from functools import lru_cache
from typing import Final

CPU: Final = "cpu"
MEMORY: Final = "memory"
EPHEMERAL_STORAGE: Final = "ephemeral-storage"
PODS: Final = "pods"

Amounts = dict[str, int]
"""By resource name: millicores for cpu, whole units (bytes, devices, pods) for everything else."""

_SYNTAX: Final = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+))([eE][+-]?\d+|[numkMGTPE]|[KMGTPE]i)?")
_EXACT: Final = Context(prec=100)
_DECIMAL_SUFFIXES: Final = ("n", "u", "m", "", "k", "M", "G", "T", "P", "E")
_BINARY_SUFFIXES: Final = ("", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei")
_FACTORS: Final = {
    **{suffix: Decimal(1000) ** (power - 3) for power, suffix in enumerate(_DECIMAL_SUFFIXES)},
    **{suffix: Decimal(1024) ** power for power, suffix in enumerate(_BINARY_SUFFIXES) if suffix},
}


def amount(name: str, quantity: str) -> int:
    """The amount of resource `name`, rounded up: millicores for cpu, whole units otherwise; raises ValueError."""
    return _scaled(quantity, 1000 if name == CPU else 1)


def amounts(quantities: Mapping[str, str]) -> Amounts:
    """The amounts of a ResourceList; raises ValueError."""
    return {name: amount(name, quantity) for name, quantity in quantities.items()}


def nanos(quantity: str) -> int:
    """A quantity in billionths, rounded up; raises ValueError."""
    return _scaled(quantity, 10**9)


@lru_cache(maxsize=8192)
def _scaled(quantity: str, per_unit: int) -> int:
    match = _SYNTAX.fullmatch(quantity)
    if match is None:
        raise ValueError(f"{quantity!r} is not a quantity")
    number, suffix = match[1], match[2] or ""
    factor = _FACTORS[suffix] if suffix in _FACTORS else Decimal(f"1{suffix}")
    exact = _EXACT.multiply(Decimal(number), factor * per_unit)
    return int(exact.to_integral_value(ROUND_CEILING))


@lru_cache(maxsize=8192)
def canonical(name: str, value: int) -> str:
    """The canonical quantity of an amount of resource `name`: `2540m`, `35`, `1216Mi`."""
    if name == CPU:
        return _shortest(value, 1000, _DECIMAL_SUFFIXES[2:])
    # Go prints a binary quantity below 1024 in decimal form: 1000 bytes are "1k".
    is_binary = name in (MEMORY, EPHEMERAL_STORAGE) or name.startswith("hugepages-")
    if is_binary and value >= 1024:
        return _shortest(value, 1024, _BINARY_SUFFIXES)
    return _shortest(value, 1000, _DECIMAL_SUFFIXES[3:])


def canonical_list(amounts: Mapping[str, int]) -> dict[str, str]:
    """The ResourceList of amounts, in ascending order of name."""
    return {name: canonical(name, amounts[name]) for name in sorted(amounts)}


def nanocores(value: int) -> str:
    """Nanocores as a canonical quantity: `12345678n`, `1250u`, `250m`, `2`."""
    return _shortest(value, 1000, _DECIMAL_SUFFIXES[:4])


def _shortest(value: int, base: int, suffixes: tuple[str, ...]) -> str:
    """The value with the largest suffix that leaves it whole."""
    index = 0
    while value and value % base == 0 and index < len(suffixes) - 1:
        value //= base
        index += 1
    return f"{value}{suffixes[index]}" if value else "0"
