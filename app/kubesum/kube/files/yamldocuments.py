"""The documents of a YAML text as plain Python values, as kubectl reads them.

libyaml parses, and its events are put together here by the rules of go.yaml.in/yaml/v2 2.4.4 (decode.go), of
which kubectl's YAML reader is made: the last of two equal keys wins, `<<` merges where it stands, an alias shares
what its anchor holds. Nothing recurses, and what is nested deeper than any object is refused.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec
import yaml

from kubesum.kube.files.scalars import MERGE_TAG, field_name, refusal, resolved, unbounded, written

ReadScalar = Callable[[yaml.ScalarEvent], Any]

_NO_KEY: Final = object()
_MERGE: Final = object()
_KIB: Final = 1024
_ITEM_DEPTH: Final = 2
"""The list of items and the map that it is in are open while an item is added."""

MOST_ITEMS: Final = 5_000_000
MOST_COLLECTIONS: Final = 10_000_000
"""In one object: etcd holds none of more than 2 MiB."""

DEEPEST: Final = 500
"""Lists and maps in each other; what encodes them recurses."""

# decode.go, unmarshal and allowedAliasRatio.
_FEW_ALIASED: Final = 100
_FEW_NODES: Final = 1_000
_MANY_NODES: Final = 400_000
_MOST_NODES: Final = 4_000_000


def documents(text: bytes) -> Iterator[Any]:
    """The documents of a text; the elements of a list `items` in them are JSON (`msgspec.Raw`).

    Raises yaml.YAMLError at a document that is no YAML, or none to kubectl, and RecursionError.
    """
    # A list of a whole cluster takes a tenth of the memory so.
    return _documents(text, resolved, lambda item: msgspec.Raw(msgspec.json.encode(item)))


def written_documents(text: bytes) -> Iterator[Any]:
    """The documents of a text, with `Written` in place of numbers and booleans; raises as `documents` does."""
    return _documents(text, written, lambda item: item)


def _documents(text: bytes, scalar: ReadScalar, item: Callable[[Any], Any]) -> Iterator[Any]:
    document = _Document(scalar, item)
    for event in yaml.parse(text, yaml.CBaseLoader):
        if isinstance(event, yaml.DocumentStartEvent):
            document = _Document(scalar, item)
        elif isinstance(event, yaml.DocumentEndEvent):
            yield document.root
        else:
            document.take(event)


@dataclass(slots=True)
class _Node:
    """A collection, or a scalar that has an anchor."""

    value: Any
    anchor: str | None
    size: int
    """Nodes in it, what aliases stand for included."""
    is_open: bool = True
    key: Any = _NO_KEY
    """The key of a map whose value comes next."""


class _Document:
    """A document whose events arrive one by one."""

    def __init__(self, scalar: ReadScalar, item: Callable[[Any], Any]) -> None:
        self.root: Any = None
        self._read: Final = scalar
        self._item: Final = item
        self._open: Final[list[_Node]] = []
        self._anchored: Final[dict[str, _Node]] = {}
        self._nodes = 0
        self._aliased = 0
        self._collections = 0
        """Since the last item, which are all that are held as such."""
        self._take: Final[dict[type[yaml.Event], Callable[[Any], None]]] = {
            yaml.StreamStartEvent: _ignore,
            yaml.StreamEndEvent: _ignore,
            yaml.ScalarEvent: self._scalar,
            yaml.AliasEvent: self._alias,
            yaml.MappingStartEvent: self._start,
            yaml.SequenceStartEvent: self._start,
            yaml.MappingEndEvent: self._end,
            yaml.SequenceEndEvent: self._end,
        }

    def take(self, event: yaml.Event) -> None:
        """Takes in the next event; raises yaml.MarkedYAMLError for what kubectl refuses."""
        self._take[type(event)](event)

    def _scalar(self, event: yaml.ScalarEvent) -> None:
        # A long text that many aliases repeat costs as much as many nodes.
        size = 1 + len(event.value) // _KIB
        self._nodes += size
        if event.anchor is not None:
            self._anchored[event.anchor] = _Node(self._read(event), None, size, is_open=False)
        if not self._wants_key():
            self._add(event, self._read(event), size)
        elif event.value == "<<" and (event.implicit[0] or event.tag == MERGE_TAG):
            self._open[-1].key = _MERGE
        else:
            self._open[-1].key = field_name(event, unbounded(event))

    def _alias(self, event: yaml.AliasEvent) -> None:
        node = self._anchored.get(event.anchor or "")
        if node is None:
            raise refusal(event, f"unknown anchor {event.anchor!r}")
        if node.is_open:
            raise refusal(event, f"the value of anchor {event.anchor!r} contains itself")
        self._nodes += 1 + node.size
        self._aliased += node.size
        if _is_excessive(self._aliased, self._nodes):
            raise refusal(event, "the document has too many aliases")
        if self._wants_key():
            self._open[-1].key = field_name(event, node.value)
        else:
            self._add(event, node.value, 1 + node.size)

    def _start(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        if self._wants_key():
            raise refusal(event, "a list or map cannot be the name of a field")
        self._nodes += 1
        self._collections += 1
        if self._collections > MOST_COLLECTIONS:
            raise refusal(event, f"an object of more than {MOST_COLLECTIONS} lists and maps")
        if len(self._open) == DEEPEST:
            raise refusal(event, f"it is nested deeper than {DEEPEST} levels")
        node = _Node({} if isinstance(event, yaml.MappingStartEvent) else [], event.anchor, 1)
        if event.anchor is not None:
            self._anchored[event.anchor] = node
        self._open.append(node)

    def _end(self, event: yaml.MappingEndEvent | yaml.SequenceEndEvent) -> None:
        node = self._open.pop()
        node.is_open = False
        self._add(event, node.value, node.size)

    def _wants_key(self) -> bool:
        return bool(self._open) and self._open[-1].key is _NO_KEY and isinstance(self._open[-1].value, dict)

    def _add(self, event: yaml.Event, value: Any, size: int) -> None:
        """Puts a whole value where it stands; `event` is its last."""
        if not self._open:
            self.root = value
            return
        parent = self._open[-1]
        parent.size += size
        if isinstance(parent.value, list):
            self._append(event, parent.value, value)
            return
        if parent.key is _MERGE:
            _merge(event, parent.value, value)
        else:
            parent.value[parent.key] = value
        parent.key = _NO_KEY

    def _append(self, event: yaml.Event, to: list[Any], value: Any) -> None:
        if len(self._open) != _ITEM_DEPTH or self._open[0].key != "items":
            to.append(value)
            return
        if len(to) >= MOST_ITEMS:
            raise refusal(event, f"a list of more than {MOST_ITEMS} items")
        to.append(self._item(value))
        self._collections = 0


def _ignore(_event: yaml.Event) -> None:
    """The ends of a stream say nothing."""


def _merge(event: yaml.Event, into: dict[str, Any], value: Any) -> None:
    """Puts the fields of a map, or of the maps in a list, into another, over those that are there."""
    # An alias may stand for a map here, and within the list, but not for the list.
    is_list = isinstance(value, list) and not isinstance(event, yaml.AliasEvent)
    maps = value if is_list else [value]
    if not all(isinstance(one, dict) for one in maps):
        raise refusal(event, "<< needs a map or a list of maps")
    # The first of the list has the last word.
    for one in reversed(maps):
        into.update(one)


def _is_excessive(aliased: int, nodes: int) -> bool:
    """Whether so many of the nodes come from aliases that the document can only be a bomb."""
    if aliased <= _FEW_ALIASED or nodes <= _FEW_NODES:
        return False
    beyond = min(max(nodes - _MANY_NODES, 0), _MOST_NODES - _MANY_NODES)
    # From 99 percent, falling evenly to 10.
    return aliased / nodes > 0.99 - 0.89 * beyond / (_MOST_NODES - _MANY_NODES)
