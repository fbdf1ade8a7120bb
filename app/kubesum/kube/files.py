"""Reads objects from files, such as the output of `kubectl get -o json` or a support bundle, in place of a cluster.

A file holds one or more documents, JSON or YAML; a document is an object or a list of objects, of one kind or
mixed. Kubernetes objects of other kinds than the watched ones are ignored; files without any Kubernetes object are
reported. Of two objects with one name the one in the later file counts, in the order of paths.
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
    """The fields that distinguish objects and lists from other documents; items of a list may lack their kind."""

    api_version: str = ""
    kind: str = ""
    metadata: msgspec.Raw = msgspec.Raw()
    items: list[msgspec.Raw] | None = None


_HEADERS: Final = msgspec.json.Decoder(_Header)


@dataclass(frozen=True, slots=True)
class Content:
    """The events of each watched resource, by plural, and what could not be read."""

    events: Mapping[str, Sequence[SourceEvent[Any]]]
    skipped_files: tuple[Path, ...]
    """Files in the folder that hold no Kubernetes object."""
    invalid_objects: int
    """Number of objects of watched resources that cannot be decoded."""

    async def list_watch(self, resource: str) -> AsyncIterator[SourceEvent[Any]]:
        """The events of one watched resource: a list, then the end."""
        for event in self.events[resource]:
            yield event


def read(path: Path, resources: Sequence[WatchedResource[Any]]) -> Content:
    """Reads a file, or every JSON and YAML file of a folder and the folders in it.

    Raises UsageError if a file cannot be read, or if no Kubernetes object is found.
    """
    if not path.is_dir():
        return _content(_items(path), resources, ())
    items: list[Item] = []
    skipped_files: list[Path] = []
    files = sorted(found for found in path.rglob("*") if found.suffix in _SUFFIXES and found.is_file())
    for file in files:
        try:
            items += _items(file)
        except UsageError:
            skipped_files.append(file)
    if len(skipped_files) == len(files):
        raise UsageError(f"no file in {path} holds a Kubernetes object ({len(files)} JSON or YAML files were read)")
    return _content(items, resources, tuple(skipped_files))


def _content(
    items: Sequence[Item], resources: Sequence[WatchedResource[Any]], skipped_files: tuple[Path, ...]
) -> Content:
    by_kind: dict[tuple[str, str], list[msgspec.Raw]] = {(one.api_version, one.kind): [] for one in resources}
    for api_version, kind, item in items:
        if (api_version, kind) in by_kind:
            by_kind[api_version, kind].append(item)
    events: dict[str, Sequence[SourceEvent[Any]]] = {}
    invalid_objects = 0
    for watched in resources:
        changes = Decoder(watched).objects(by_kind[watched.api_version, watched.kind])
        valid = [change for change in changes if change[1] is not None]
        invalid_objects += len(changes) - len(valid)
        events[watched.resource] = (ListStarted(), Deltas(valid), Synced())
    return Content(events, skipped_files, invalid_objects)


def _items(path: Path) -> list[Item]:
    """The Kubernetes objects in a file; raises UsageError if it has neither an object nor an empty list."""
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
    """The documents of a file as JSON; raises the parsers' errors for a file that is neither JSON nor YAML."""
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
    """The objects of a document; `within` is the header of the list that it is an item of, if it is one."""
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
