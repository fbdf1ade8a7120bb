"""JSON documents converted to YAML.

Strings that some parser reads as another type are quoted. PyYAML quotes the booleans and numbers of YAML 1.1 as it
parses them itself; parsers in Go and of YAML 1.2 also read `y`, `1e3` and `0o7` as booleans and numbers.
"""

import re
from typing import Any, Final

import msgspec
import yaml

from kubesum.api.representations.jsontext import Pause, taken_apart

_SLICE_ITEMS: Final = 50


class _Dumper(yaml.CSafeDumper):
    """Quotes strings that could be read as another type."""


_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^[yYnN]$"), list("yYnN"))
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:0o[0-7]+|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)$"),
    list("-+.0123456789"),
)


def yaml_document(content: bytes) -> bytes:
    """A small JSON document as YAML."""
    return _dumped(msgspec.json.decode(content))


async def yaml_list(content: bytes, pause: Pause) -> bytes:
    """A list or a Table in JSON as YAML, converted in slices, between which other tasks run."""
    parts = await taken_apart(content, pause)
    head = _dumped({name: msgspec.json.decode(value) for name, value in parts.head.items()})
    if not parts.items:
        return head + f"{parts.name}: []\n".encode()
    chunks = [head, f"{parts.name}:\n".encode()]
    for start in range(0, len(parts.items), _SLICE_ITEMS):
        await pause()
        chunks.append(_dumped([*map(msgspec.json.decode, parts.items[start : start + _SLICE_ITEMS])]))
    return b"".join(chunks)


def _dumped(value: Any) -> bytes:
    dumped: bytes = yaml.dump(value, Dumper=_Dumper, encoding="utf-8", allow_unicode=True, width=1 << 30)
    return dumped
