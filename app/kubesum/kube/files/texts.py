"""From the content of a file to its documents: JSON, YAML, and both with what kubectl writes between them.

Kubectl takes a text for JSON or YAML as a whole and ends at the first mistake
(k8s.io/apimachinery/pkg/util/yaml/decoder.go, YAMLOrJSONDecoder). Here each part between two separators (`---`) is
read on its own: as JSON if it looks like it, else as YAML, else for the values that can be found in it.
"""

import codecs
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from functools import cache, partial
from itertools import islice
from typing import Any, Final

import msgspec
import yaml

from kubesum.kube.files import jsondocuments, yamldocuments
from kubesum.kube.files.documents import Broken, Document, Part
from kubesum.kube.files.streams import MIB

_SEPARATOR: Final = re.compile(rb"^(?:---|(\.\.\.))(?=\s|\Z)", re.MULTILINE)
_BOMS: Final = re.compile(rb"^(?:\xef\xbb\xbf)+", re.MULTILINE)
_DIRECTIVE: Final = re.compile(rb"^%", re.MULTILINE)
_PREAMBLE: Final = re.compile(rb"(?:---(?=\s|\Z)|[ \t\r]*+\n|[ \t\r]*+#[^\n]*+(?:\n|\Z)|%[^\n]*+(?:\n|\Z))*+\s*+")
"""What may stand before a document: separators, blank lines, comments and directives."""
_SMALL_BYTES: Final = 16 * MIB
_DENSEST_BYTES: Final = 8
"""Of text for each comma: dumps have some 30. What is held of a list takes ten times the memory of a shorter text."""
LARGEST_YAML_BYTES: Final = 256 * MIB
"""A minute's reading."""
_BEGIN: Final = 100
"""Parts of a text that tell what it is."""
_LOG: Final = b"==== START logs for container "
_LOGS: Final = re.compile(rb"^==== START (logs for container [^\n]* ====)$", re.MULTILINE)
"""kubectl/pkg/cmd/clusterinfo/clusterinfo_dump.go: the dump of a cluster to stdout has logs between its lists."""


def documents(content: bytes) -> Iterator[Part]:
    """The documents of a file and what cannot be read of it, in order."""
    try:
        text = _utf8(content)
    except UnicodeError as error:
        yield Broken(1, str(error))
        return
    if len(text) > _SMALL_BYTES and text.count(b",") * _DENSEST_BYTES > len(text):
        yield Broken(1, "a list of millions of values, which no object has")
        return
    text, endless_logs = _without_logs(text)
    # Nearly every dump is one value of JSON, and may be hundreds of megabytes: it is not looked through for others.
    if jsondocuments.looks_like_json(text) and isinstance(whole := jsondocuments.value(text, 1), Document):
        yield whole
    else:
        for part, line in _parts(text):
            yield from _documents(part, line)
    yield from endless_logs


def _utf8(content: bytes) -> bytes:
    # PowerShell's `>` writes UTF-16.
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content = content.decode("utf-16").encode()
    content = content.removeprefix(codecs.BOM_UTF8)
    # Files that begin with one and were put one after the other have it at lines within, where it means nothing.
    return _BOMS.sub(b"", content) if codecs.BOM_UTF8 in content else content


def _without_logs(text: bytes) -> tuple[bytes, list[Broken]]:
    """A text whose logs are blank lines, and the log that the text ends in."""
    if _LOG not in text:
        return text, []
    kept: list[bytes] = []
    at = 0
    while match := _LOGS.search(text, at):
        kept.append(text[at : match.start()])
        # A log need not end with a line break.
        marker = b"==== END " + match[1]
        end = text.find(marker, match.end())
        if end < 0:
            return b"".join(kept), [Broken(text.count(b"\n", 0, match.start()) + 1, "a log without an end")]
        at = end + len(marker)
        kept.append(b"\n" * text.count(b"\n", match.start(), at))
    return b"".join([*kept, text[at:]]), []


def _parts(text: bytes) -> Iterator[tuple[bytes, int]]:
    """The parts of a text that begin with a separator, and the lines on which they begin, from 1.

    What is empty is left out; directives are in the part of the document that they belong to.
    """
    start, line = 0, 1
    before = 0
    for match in _SEPARATOR.finditer(text):
        here = match.start()
        is_empty = _preamble(text, before, here) == here
        if not is_empty:
            yield text[start:here], line
        if not is_empty or match[1] or _DIRECTIVE.search(text, before, here) is None:
            line += text.count(b"\n", start, here)
            # What ends a document is no part of the next.
            start = match.end() if match[1] else here
        before = max(start, here)
    yield text[start:], line


def _preamble(text: bytes, start: int, end: int) -> int:
    """Where what may stand before a document ends."""
    match = _PREAMBLE.match(text, start, end)
    return start if match is None else match.end()


def _documents(text: bytes, line: int) -> Iterator[Part]:
    """The documents of one part of a text, which begins on a line."""
    begin = _preamble(text, 0, len(text))
    body, body_line = text[begin:], line + text.count(b"\n", 0, begin)
    if not body:
        return
    if not jsondocuments.looks_like_json(body):
        yield from _other_documents(body, body_line, _yaml_documents(text, line, body_line))
        return
    as_json = jsondocuments.values(body, body_line)
    first = next(as_json)
    # What lacks its end as JSON lacks it as YAML, too.
    if isinstance(first, Broken) and first.reason != jsondocuments.TRUNCATED:
        as_yaml = _yaml_documents(text, line, body_line)
        if not any(isinstance(part, Broken) for part in as_yaml):
            yield from as_yaml
            return
    yield first
    yield from as_json


def _other_documents(body: bytes, line: int, as_yaml: Sequence[Part]) -> Iterator[Part]:
    """The documents of what does not look like JSON: as YAML, unless it is text with values of JSON in it."""
    if all(map(_is_collection, as_yaml)) or not jsondocuments.holds_values(body):
        yield from as_yaml
        return
    # A warning of kubectl that went to the same file, mostly.
    as_json = jsondocuments.recovered(body, line)
    begin = list(islice(as_json, _BEGIN))
    if any(isinstance(part, Document) for part in begin):
        yield from begin
        yield from as_json
    else:
        yield from as_yaml


def _is_collection(part: Part) -> bool:
    return isinstance(part, Document) and bytes(memoryview(part.value)[:1]) in (b"{", b"[")


def _yaml_documents(text: bytes, line: int, body_line: int) -> Sequence[Part]:
    """The documents of a part that is YAML, one mostly; the lines are those of the part and of its first word."""
    if len(text) > LARGEST_YAML_BYTES:
        return [Broken(body_line, f"more than {LARGEST_YAML_BYTES // MIB} MiB of YAML")]
    found: list[Part] = []
    # Read again when a number is asked for as it was written, which is rare, and then once for all items of a list.
    again = cache(partial(_written_documents, text))
    try:
        for index, value in enumerate(yamldocuments.documents(text)):
            json = msgspec.Raw(msgspec.json.encode(value))
            found.append(Document(json, body_line, partial(_element, again, index)))
    except yaml.MarkedYAMLError as error:
        found.append(Broken(line + (error.problem_mark.line if error.problem_mark else 0), str(error.problem)))
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        found.append(Broken(body_line, str(error).splitlines()[0]))
    return found


def _written_documents(text: bytes) -> Sequence[Any]:
    found: list[Any] = []
    # What is broken comes last, and was reported.
    with suppress(yaml.YAMLError):
        for document in yamldocuments.written_documents(text):
            found.append(document)
    return found


def _element(of: Callable[[], Sequence[Any]], index: int) -> Any:
    return of()[index]
