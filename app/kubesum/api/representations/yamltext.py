"""YAML for those who ask for it: the same document as in JSON, written for a person.

Strings that some reader takes for something else are quoted: PyYAML knows the booleans and numbers of YAML 1.1
as it reads them, while Go and YAML 1.2 take `y`, `1e3` and `0o7` for more than text as well.
"""

import asyncio
import re
from typing import Any, Final

import msgspec
import yaml

from kubesum.api.representations.jsontext import taken_apart

_SLICE_ITEMS: Final = 50


class _Dumper(yaml.CSafeDumper):
    """Quotes what could be mistaken."""


_Dumper.add_implicit_resolver("tag:yaml.org,2002:bool", re.compile(r"^[yYnN]$"), list("yYnN"))
_Dumper.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"^[-+]?(?:0o[0-7]+|(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?)$"),
    list("-+.0123456789"),
)


def yaml_document(content: bytes) -> bytes:
    """A small JSON document as YAML."""
    return _dumped(msgspec.json.decode(content))


async def yaml_list(content: bytes) -> bytes:
    """A list or a Table in JSON as YAML, written in slices: others have their turn in between."""
    parts = await taken_apart(content)
    head = _dumped({name: msgspec.json.decode(value) for name, value in parts.head.items()})
    if not parts.items:
        return head + f"{parts.name}: []\n".encode()
    chunks = [head, f"{parts.name}:\n".encode()]
    for start in range(0, len(parts.items), _SLICE_ITEMS):
        chunks.append(_dumped([*map(msgspec.json.decode, parts.items[start : start + _SLICE_ITEMS])]))
        await asyncio.sleep(0)
    return b"".join(chunks)


def _dumped(value: Any) -> bytes:
    dumped: bytes = yaml.dump(value, Dumper=_Dumper, encoding="utf-8", allow_unicode=True, width=1 << 30)
    return dumped
