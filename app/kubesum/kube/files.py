"""The same news from files: what `kubectl get -o json` or a support bundle holds, in place of a cluster.

A file holds one or more documents, JSON or YAML; a document is an object or a list of objects, of one kind or
mixed. Kubernetes objects of kinds that are not watched are passed over, what is no Kubernetes object is
reported. Of two objects with one name, the later file wins, in the order of paths.
"""

import codecs
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec
import yaml

from kubesum.kube.decoding import MALFORMED, Decoder
from kubesum.kube.deltas import Deltas, ListStarted, SourceEvent, Synced, WatchedResource
from kubesum.vocabulary.errors import UsageError

_SUFFIXES: Final = frozenset({".json", ".yaml", ".yml"})

Item = tuple[str, str, msgspec.Raw]
"""(apiVersion, kind, JSON) of one object."""


class _Header(msgspec.Struct, frozen=True, gc=False, rename="camel"):
    """What tells objects and lists from other documents; items of a list need not repeat its kind."""

    api_version: str = ""
    kind: str = ""
    metadata: msgspec.Raw = msgspec.Raw()
    items: list[msgspec.Raw] | None = None


_HEADERS: Final = msgspec.json.Decoder(_Header)


@dataclass(frozen=True, slots=True)
class Content:
    """What was read: news by plural of the watched kind, and what was not."""

    news: Mapping[str, Sequence[SourceEvent[Any]]]
    foreign: tuple[Path, ...]
    """Files in the folder that hold no Kubernetes object."""
    bad: int
    """Objects of watched kinds that cannot be understood."""

    async def feed(self, resource: str) -> AsyncIterator[SourceEvent[Any]]:
        """The news of one watched kind, which ends."""
        for news in self.news[resource]:
            yield news


def read(path: Path, kinds: Sequence[WatchedResource[Any]]) -> Content:
    """Reads a file, or every JSON and YAML file of a folder and the folders in it.

    Raises UsageError for a file that cannot be read, and where there is no Kubernetes object at all.
    """
    if not path.is_dir():
        return _content(_items(path), kinds, ())
    items: list[Item] = []
    foreign: list[Path] = []
    files = sorted(found for found in path.rglob("*") if found.suffix in _SUFFIXES and found.is_file())
    for file in files:
        try:
            items += _items(file)
        except UsageError:
            foreign.append(file)
    if len(foreign) == len(files):
        raise UsageError(f"no file in {path} holds a Kubernetes object ({len(foreign)} JSON or YAML files were read)")
    return _content(items, kinds, tuple(foreign))


def _content(items: Sequence[Item], kinds: Sequence[WatchedResource[Any]], foreign: tuple[Path, ...]) -> Content:
    by_kind: dict[tuple[str, str], list[msgspec.Raw]] = {(kind.api_version, kind.kind): [] for kind in kinds}
    for api_version, kind_name, item in items:
        if (api_version, kind_name) in by_kind:
            by_kind[api_version, kind_name].append(item)
    news: dict[str, Sequence[SourceEvent[Any]]] = {}
    bad = 0
    for kind in kinds:
        changes = Decoder(kind).objects(by_kind[kind.api_version, kind.kind])
        facts = [change for change in changes if change[1] is not None]
        bad += len(changes) - len(facts)
        news[kind.resource] = (ListStarted(), Deltas(facts), Synced())
    return Content(news, foreign, bad)


def _items(path: Path) -> list[Item]:
    """The Kubernetes objects in a file; raises UsageError if there is none, and no list that could hold some."""
    try:
        documents = _documents(path.read_bytes())
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    except yaml.MarkedYAMLError as error:
        at = f" (line {error.problem_mark.line + 1})" if error.problem_mark else ""
        raise UsageError(f"{path} is neither JSON nor YAML: {error.problem}{at}") from error
    except (yaml.YAMLError, TypeError, ValueError, RecursionError) as error:
        raise UsageError(f"{path} is neither JSON nor YAML: {str(error).splitlines()[0]}") from error
    items = [item for document in documents for item in _objects(document, _Header())]
    if not items and not any(map(_is_list, documents)):
        raise UsageError(f"{path} holds no Kubernetes object")
    return items


def _documents(content: bytes) -> list[msgspec.Raw]:
    """The documents of a file as JSON; raises what the parsers raise for what is neither JSON nor YAML."""
    text = _utf8(content)
    if text.lstrip()[:1] in (b"{", b"["):
        return [msgspec.json.decode(text, type=msgspec.Raw)]
    parsed = yaml.load_all(text, yaml.CSafeLoader)
    return [msgspec.Raw(msgspec.json.encode(document)) for document in parsed]


def _utf8(content: bytes) -> bytes:
    # PowerShell's `>` writes UTF-16.
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return content.decode("utf-16").encode()
    return content.removeprefix(codecs.BOM_UTF8)


def _is_list(document: msgspec.Raw) -> bool:
    try:
        header = _HEADERS.decode(document)
    except MALFORMED:
        return False
    return header.items is not None and header.kind.endswith("List")


def _objects(document: msgspec.Raw, within: _Header) -> Iterator[Item]:
    """The objects of a document, which may be in the list that `within` is the header of."""
    try:
        header = _HEADERS.decode(document)
    except MALFORMED:
        return
    api_version = header.api_version or within.api_version
    kind = header.kind or within.kind.removesuffix("List")
    if header.items is not None and kind.endswith("List"):
        for item in header.items:
            yield from _objects(item, header)
    elif api_version and kind and header.metadata:
        yield api_version, kind, document
