"""Names and labels of the rows of a definition, made of the values of its keys.

A name is made of the values, in lower case and joined by dots. Whatever could give another set of values the same
name gets a hash of the values at its end: a value that was altered, one with a dot among several, and one that looks
like a name with a hash. The name depends on the values alone, so that all replicas give the same one.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from kubesum.semantics.names import slug

REST: Final = "other"
"""The row of all groups beyond the limit; no group has this name."""
LABEL_PREFIX: Final = "key.kubesum.dev/"
LONGEST_PART: Final = 63
LONGEST_NAME: Final = 240

_NOTHING: Final = "none"
_HASHED: Final = re.compile(r"-[0-9a-f]{8}$")
_LABEL_VALUE: Final = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")


@lru_cache(maxsize=8192)
def row_name(values: tuple[str, ...]) -> str:
    """The name of the row of a group: a DNS-1123 subdomain of at most 249 characters."""
    name = ".".join([_part(value) for value in values])
    if _is_unique(name, values):
        return name
    digest = hashlib.sha256(msgspec.json.encode(values)).hexdigest()[:8]
    return f"{name[:LONGEST_NAME].rstrip('-.')}-{digest}"


def _part(value: str) -> str:
    return slug(value)[:LONGEST_PART].rstrip("-.") or _NOTHING


def _is_unique(name: str, values: Sequence[str]) -> bool:
    """Whether no other values have this name, without a hash."""
    is_unaltered = name == ".".join(values) and len(name) <= LONGEST_NAME
    is_ambiguous = len(values) > 1 and any("." in value for value in values)
    return is_unaltered and not is_ambiguous and name != REST and _HASHED.search(name) is None


def key_labels(values: Mapping[str, str]) -> dict[str, str]:
    """The labels of a row: each key whose value can be that of a label."""
    return {f"{LABEL_PREFIX}{name}": value for name, value in values.items() if _LABEL_VALUE.fullmatch(value)}
