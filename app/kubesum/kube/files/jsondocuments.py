"""The values in a text of JSON: one, or several one after the other.

Go's decoder, and so kubectl, reads values until the text ends (encoding/json, Decoder); blanks between them mean
nothing. A broken value is reported and costs the others nothing. All work is linear in the text.
"""

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from kubesum.kube.decoding import MALFORMED
from kubesum.kube.files.documents import Broken, Document, Part
from kubesum.kube.lenientjson import without_half_pairs

TRUNCATED: Final = "Input data was truncated"
"""msgspec's reason where the end of a value is missing."""
DEEPEST: Final = 1_000
"""Lists and maps in each other; msgspec reads none that are nested deeper."""

# JSON has no line breaks in strings: a string that is not closed ends with its line, and what follows can be found.
_TOKENS: Final = re.compile(rb'"(?:[^"\\\n]++|\\[^\n])*+"|[{}\[\]]')
_LEVELS: Final = {**dict.fromkeys(b"{[", 1), **dict.fromkeys(b"}]", -1)}
_TOP_LEVEL: Final = re.compile(rb"^\{", re.MULTILINE)
_OFFSET: Final = re.compile(r" \(byte ([0-9]+)\)$")
_COMMENTS: Final = re.compile(rb"(?:\s*+#[^\n]*+)*+\s*+")


def looks_like_json(text: bytes) -> bool:
    """Whether a text begins as a list or map does."""
    return text.lstrip()[:1] in (b"{", b"[")


def value(text: bytes, line: int) -> Part:
    """The one value that a text is, which begins on a line."""
    try:
        return Document(_raw(text), line + _blank_lines(text))
    except MALFORMED as error:
        reason = str(error)
    offset = _OFFSET.search(reason)
    lines = text.count(b"\n", 0, int(offset[1])) if offset else _blank_lines(text)
    return Broken(line + lines, _OFFSET.sub("", reason))


def values(text: bytes, line: int) -> Iterator[Part]:
    """The values of a text, which begins on a line, one after the other; from the first mistake on as `recovered`."""
    start = 0
    # Most begin on lines of their own: to look for their ends takes ten times as long as to read them.
    for begin, end in _top_level(text):
        one = value(text[begin:end], line)
        if isinstance(one, Broken):
            break
        yield one
        line += text.count(b"\n", begin, end)
        start = end
    rest = text[start:]
    for part, begin in _parts(rest, line):
        if isinstance(part, Broken):
            yield from recovered(rest[begin:], line + rest.count(b"\n", 0, begin))
            return
        yield part


def recovered(text: bytes, line: int) -> Iterator[Part]:
    """The values of a text that is broken somewhere: each line that begins with `{` begins a value.

    That holds for what kubectl and jq write, and for JSON lines. Between two such lines, the first mistake counts.
    """
    for start, end in _top_level(text):
        broken = None
        for part, _ in _parts(text[start:end], line):
            if isinstance(part, Document):
                yield part
            else:
                broken = broken or part
        if broken:
            yield broken
        line += text.count(b"\n", start, end)


def holds_values(text: bytes) -> bool:
    """Whether `recovered` may find something in a text."""
    return _TOP_LEVEL.search(text) is not None


def _top_level(text: bytes) -> Iterator[tuple[int, int]]:
    """Where the pieces of a text begin and end of which all but the first begin with a line that begins with `{`."""
    start = 0
    while start < len(text):
        following = _TOP_LEVEL.search(text, start + 1)
        end = following.start() if following else len(text)
        yield start, end
        start = end


def _parts(text: bytes, line: int) -> Iterator[tuple[Part, int]]:
    """The values of a text and what is between them, unless it is blank or a comment; with where they begin."""
    for is_value, start, end in _pieces(text):
        piece = text[start:end]
        if is_value:
            yield value(piece, line), start
        elif _COMMENTS.fullmatch(piece) is None:
            yield Broken(line + _blank_lines(piece), "text that is no JSON"), start
        line += piece.count(b"\n")


def _raw(text: bytes) -> msgspec.Raw:
    try:
        return msgspec.json.decode(text, type=msgspec.Raw)
    except msgspec.DecodeError:
        repaired = without_half_pairs(text)
        if repaired == text:
            raise
        return msgspec.json.decode(repaired, type=msgspec.Raw)


def _pieces(text: bytes) -> Iterator[tuple[bool, int, int]]:
    """Whether it is a value, its begin and its end, for all pieces of a text in order; the last may lack its end."""
    depth = start = 0
    for token in _TOKENS.finditer(text):
        was, depth = depth, max(depth + _LEVELS.get(text[token.start()], 0), 0)
        if was < depth == 1:
            if token.start() > start:
                yield False, start, token.start()
            start = token.start()
        elif was > depth == 0:
            yield True, start, token.end()
            start = token.end()
        elif depth > DEEPEST:
            break
    if start < len(text):
        yield depth > 0, start, len(text)


def _blank_lines(text: bytes) -> int:
    """How many lines end before the first word of a text."""
    return text.count(b"\n", 0, len(text) - len(text.lstrip()))
