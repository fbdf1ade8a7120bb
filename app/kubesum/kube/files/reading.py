"""Files in place of a cluster: what kubectl writes, dumps and support bundles, as events of watched resources.

A file may hold any number of objects and lists, in JSON and YAML; archives and folders hold any number of files.
Objects of kinds that are not watched are passed over. What cannot be read is left out, counted and named, and
costs nothing else. Where an object is there several times, the newest resourceVersion counts; where versions do not
tell, the later one, in the order of paths.
"""

import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import filterfalse
from pathlib import Path
from typing import Any, Final, Generic

from kubesum.kube.decoding import Decoder
from kubesum.kube.deltas import Deltas, Facts, ListStarted, SourceEvent, Synced, WatchedResource
from kubesum.kube.files.archives import Text, Unopened, is_wanted, texts
from kubesum.kube.files.documents import Broken
from kubesum.kube.files.leftout import Left, LeftOut, printable
from kubesum.kube.files.objects import NoObject, Object, TypeMeta, objects
from kubesum.kube.files.streams import GIB, Budget, Stream
from kubesum.kube.files.texts import documents
from kubesum.kube.objecterrorlog import Unread
from kubesum.vocabulary.errors import UsageError
from kubesum.vocabulary.resource import Key

MOST_UNPACKED_BYTES: Final = 4 * GIB
MOST_MISTAKES: Final = 10_000
"""Parts of one file that are no objects, after which the rest of it is not read."""
_EMPTY_DOCUMENTS: Final = (b"null", b'""')


@dataclass(frozen=True, slots=True)
class Content:
    """What was read: events of each watched resource, by plural, and what was left out."""

    events: Mapping[str, Sequence[SourceEvent[Any]]]
    left_out: LeftOut

    async def list_watch(self, resource: str) -> AsyncIterator[SourceEvent[Any]]:
        """The events of one watched resource: a list, then the end."""
        for event in self.events[resource]:
            yield event


def read(path: Path, resources: Sequence[WatchedResource[Any]]) -> Content:
    """Reads a file, or the files of a folder and the folders in it that are named as dumps are.

    Raises UsageError where nothing can be read, and where there is no Kubernetes object at all.
    """
    reader = _Reader(resources)
    budget = Budget(path, MOST_UNPACKED_BYTES)
    is_folder = path.is_dir()
    for file in _files(path, reader.left_out) if is_folder else [path]:
        for text in _texts(file, budget, is_named=not is_folder):
            reader.take(text)
    if reader.holds_objects:
        return reader.content()
    if not is_folder and reader.texts <= 1:
        raise UsageError(printable(reader.first_failure) or f"{path} holds no Kubernetes object")
    raise UsageError(f"no file in {path} holds a Kubernetes object ({reader.texts} JSON or YAML files were read)")


def _files(folder: Path, left_out: LeftOut) -> Sequence[Path]:
    """The files of a folder and the folders in it that are named as dumps are, in the order of paths."""
    found: list[Path] = []
    for parent, folders, names in os.walk(folder, onerror=lambda error: _note(left_out, error)):
        files = [Path(parent, name) for name in names if is_wanted(name)]
        found += filter(Path.is_file, files)
        links = [Path(parent, name) for name in folders if _leads_outside(Path(parent, name), folder)]
        for path in (*links, *filterfalse(Path.is_file, files)):
            left_out.add(Left.FILE, f"{path}: neither a file nor a folder in {folder}")
    return sorted(found)


def _note(left_out: LeftOut, error: OSError) -> None:
    left_out.add(Left.FILE, f"{error.filename}: {error.strerror}")


def _leads_outside(path: Path, folder: Path) -> bool:
    # Links to folders are not followed, for they may lead in circles; what they lead to in the same folder is read.
    return path.is_symlink() and not path.resolve().is_relative_to(folder.resolve())


def _texts(file: Path, budget: Budget, *, is_named: bool) -> Iterator[Text | Unopened]:
    try:
        with file.open("rb") as opened:
            yield from texts(str(file), Stream(opened.read), budget, is_named)
    except OSError as error:
        yield Unopened(str(file), error.strerror or str(error))


class _Reader:
    """What was found in the files that were taken in so far."""

    def __init__(self, resources: Sequence[WatchedResource[Any]]) -> None:
        self.left_out: Final = LeftOut()
        self.texts = 0
        self.holds_objects = False
        self.first_failure = ""
        """What is wrong with the first file that cannot be read, in a sentence; empty if there is none."""
        self._found: Final = {TypeMeta(one.api_version, one.kind): _Found(one, self.left_out) for one in resources}
        self._groups: Final = {one.kind: one.group for one in resources}

    def take(self, text: Text | Unopened) -> None:
        """Takes in all objects of a file."""
        if isinstance(text, Unopened):
            self._fail(f"cannot read {text.name}: {text.reason}")
            self.left_out.add(Left.FILE, f"{text.name}: {text.reason}")
            return
        self.texts += 1
        holds_objects = False
        broken: list[Broken] = []
        foreign: list[int] = []
        for part in documents(text.content):
            if isinstance(part, Broken):
                broken.append(part)
            elif bytes(memoryview(part.value)[:5]) not in _EMPTY_DOCUMENTS:
                taken = [self._take(found, f"{text.name}:{part.line}") for found in objects(part, text.name)]
                holds_objects |= not taken or any(taken)
                foreign += [part.line] * min(taken.count(False), MOST_MISTAKES)
            if len(broken) + len(foreign) >= MOST_MISTAKES:
                self.left_out.add(Left.FILE, f"{text.name}: the rest, after {MOST_MISTAKES} mistakes")
                break
        self.holds_objects |= holds_objects
        if holds_objects:
            self._note_parts(text.name, broken, foreign)
        else:
            self._note_file(text.name, broken)

    def content(self) -> Content:
        """All that was found."""
        events = {one.resource: (ListStarted(), Deltas(one.changes()), Synced()) for one in self._found.values()}
        return Content(events, self.left_out)

    def _take(self, found: Object | NoObject, where: str) -> bool:
        """Takes in an object; returns whether it is one."""
        if isinstance(found, NoObject):
            return False
        if (watched := self._found.get(found.type)) is not None:
            watched.take(found, where)
            return True
        api_version, kind = found.type
        # kubectl reads the versions of its server; the views here know one of each kind.
        if api_version.rpartition("/")[0] in (self._groups.get(kind), "extensions") and kind in self._groups:
            self.left_out.add(Left.OTHER_VERSION, f"{where}: {api_version}", kind)
        return found.has_metadata

    def _note_parts(self, name: str, broken: Sequence[Broken], foreign: Sequence[int]) -> None:
        """Notes what is no object in a file that has some."""
        for part in broken:
            self.left_out.add(Left.BROKEN, f"{name}:{part.line}: {part.reason}")
        for line in foreign:
            self.left_out.add(Left.NO_OBJECT, f"{name}:{line}")

    def _note_file(self, name: str, broken: Sequence[Broken]) -> None:
        """Notes a file that has no object."""
        if not broken:
            self._fail(f"{name} holds no Kubernetes object")
            self.left_out.add(Left.FOREIGN_FILE, name)
            return
        line, reason = broken[0].line, broken[0].reason
        self._fail(f"{name} is neither JSON nor YAML: {reason} (line {line})")
        self.left_out.add(Left.BROKEN_FILE, f"{name}:{line}: {reason}")

    def _fail(self, sentence: str) -> None:
        self.first_failure = self.first_failure or sentence


class _Found(Generic[Facts]):
    """The objects of one watched resource."""

    def __init__(self, watched: WatchedResource[Facts], left_out: LeftOut) -> None:
        self.resource: Final = watched.resource
        self._kind: Final = watched.kind
        self._left_out: Final = left_out
        self._decoder: Final = Decoder(watched, self._report)
        self._where = ""
        self._newest: Final[dict[Key, tuple[int, Facts | None]]] = {}

    def take(self, found: Object, where: str) -> None:
        """Takes in one object, which stands somewhere."""
        self._where = where
        decoded = self._decoder.object(found.value, found.written)
        if decoded.facts is None:
            return
        version, _ = self._newest.get(decoded.key, (0, None))
        if not decoded.version or decoded.version >= version:
            self._newest[decoded.key] = decoded.version, None if found.is_deleted else decoded.facts

    def changes(self) -> list[tuple[Key, Facts | None]]:
        """Key and facts of each object that was not deleted."""
        return [(key, facts) for key, (_, facts) in self._newest.items() if facts is not None]

    def _report(self, unread: Unread) -> None:
        what = Left.PART if unread.is_part else Left.OBJECT
        self._left_out.add(what, f"{unread.name or self._where}: {unread.reason}", self._kind)
