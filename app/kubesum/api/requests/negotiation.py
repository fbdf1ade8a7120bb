"""Content negotiation: the encoding and the form of a response, chosen by the Accept header.

The encoding is JSON or YAML; the form is the object itself, a Table, or the metadata alone. Clauses are tried by
quality, then by how specific they are, then in order; a clause with a form that is not served is skipped.
k8s.io/apiserver/pkg/endpoints/handlers/negotiation/negotiate.go.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import Final

from kubesum.vocabulary.errors import NotAcceptable


class Encoding(Enum):
    """The encoding of a document; the value is its media type."""

    JSON = "application/json"
    YAML = "application/yaml"


# A wildcard selects the first one.
ENCODINGS: Final = (Encoding.JSON, Encoding.YAML)
JSON_ALONE: Final = (Encoding.JSON,)
"""For watches, whose lines are JSON documents."""
SERVED: Final = tuple(encoding.value for encoding in ENCODINGS)

MAX_ACCEPT_CLAUSES: Final = 100
"""Further clauses are ignored: a header of a megabyte of commas would block the event loop for seconds."""

_MAX_CACHED_CHARACTERS: Final = 512
_WILDNESS: Final = {Encoding.JSON.value: 0, Encoding.YAML.value: 0, "application/*": 1, "*/*": 2}
_QUALITY: Final = re.compile(r"[01](?:\.[0-9]{0,9})?", re.ASCII)
_META: Final = "meta.k8s.io"
_META_VERSIONS: Final = ("v1", "v1beta1")
_DISCOVERY: Final = ("APIGroupDiscoveryList", "apidiscovery.k8s.io")
_DISCOVERY_VERSIONS: Final = ("v2", "v2beta1")


class Form(Enum):
    """The form of an object or a list; the value is the kind in the `as` parameter."""

    OBJECT = ""
    TABLE = "Table"
    METADATA = "PartialObjectMetadata"
    METADATA_LIST = "PartialObjectMetadataList"


@dataclass(frozen=True, slots=True)
class Representation:
    """The chosen form and encoding; `api_version` is that of the Table or metadata, empty for plain objects."""

    form: Form
    api_version: str = ""
    encoding: Encoding = Encoding.JSON


_FORMS: Final = {form.value: form for form in Form if form is not Form.OBJECT}


@dataclass(frozen=True, slots=True)
class _Clause:
    """One clause of an Accept header: an encoding, and the kind to convert to, empty for none."""

    encoding: Encoding
    kind: str = ""
    group: str = ""
    version: str = ""

    @property
    def is_plain(self) -> bool:
        """Whether no conversion is requested."""
        return not (self.kind or self.group or self.version)


def representation(accept: str, kind: str, is_list: bool, served: tuple[Encoding, ...] = ENCODINGS) -> Representation:
    """How to send an object of `kind` or a list of them, in one of the encodings `served`; raises NotAcceptable."""
    # All clients of one program send the same header.
    choose = _representation if len(accept) <= _MAX_CACHED_CHARACTERS else _representation.__wrapped__
    return choose(accept, kind, is_list, served)


@lru_cache(maxsize=1024)
def _representation(accept: str, kind: str, is_list: bool, served: tuple[Encoding, ...]) -> Representation:
    unknown_table: str | None = None
    for clause in _clauses(accept, served):
        if clause.is_plain:
            return Representation(Form.OBJECT, encoding=clause.encoding)
        if clause.group == _META and clause.version in _META_VERSIONS and clause.kind in _FORMS:
            api_version = f"{_META}/{clause.version}"
            return _checked(Representation(_FORMS[clause.kind], api_version, clause.encoding), kind, is_list)
        if clause.kind == "Table":
            unknown_table = unknown_table or f"{clause.group}/{clause.version}"
    if unknown_table:
        raise NotAcceptable(f"no Table exists in group version {unknown_table}")
    raise _not_acceptable(served)


def _checked(chosen: Representation, kind: str, is_list: bool) -> Representation:
    if is_list and chosen.form is Form.METADATA:
        raise NotAcceptable(f"you requested PartialObjectMetadata, but the requested object is a list ({kind}List)")
    if not is_list and chosen.form is Form.METADATA_LIST:
        raise NotAcceptable(
            f"you requested PartialObjectMetadataList, but the requested object is not a list ({kind})"
        )
    return chosen


def discovery_wanted(accept: str) -> tuple[Encoding, str | None]:
    """The encoding and the version of the aggregated discovery document to send, None for the APIGroupList.

    Raises NotAcceptable.
    """
    for clause in _clauses(accept):
        if clause.is_plain:
            return clause.encoding, None
        if (clause.kind, clause.group) == _DISCOVERY and clause.version in _DISCOVERY_VERSIONS:
            return clause.encoding, clause.version
    raise _not_acceptable(ENCODINGS)


def document_encoding(accept: str) -> Encoding:
    """The encoding of a document that has one form only; raises NotAcceptable."""
    for clause in _clauses(accept):
        if clause.is_plain:
            return clause.encoding
    raise _not_acceptable(ENCODINGS)


def require_json(accept: str) -> None:
    """Raises NotAcceptable if the client does not accept JSON."""
    if not any(clause.is_plain for clause in _clauses(accept, JSON_ALONE)):
        raise _not_acceptable(JSON_ALONE)


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether an Accept-Encoding header allows gzip."""
    for clause in _parts(accept_encoding.lower()):
        coding, _, parameters = clause.partition(";")
        if coding.strip() == "gzip":
            quality = parameters.replace(" ", "").removeprefix("q=")
            return not quality or _quality(quality) > 0
    return False


def _parts(header: str) -> list[str]:
    return header.split(",", MAX_ACCEPT_CLAUSES)[:MAX_ACCEPT_CLAUSES]


def _not_acceptable(served: tuple[Encoding, ...]) -> NotAcceptable:
    names = ", ".join(encoding.value for encoding in served)
    return NotAcceptable(f"only the following media types are accepted: {names}")


def _clauses(accept: str, served: tuple[Encoding, ...] = ENCODINGS) -> Iterator[_Clause]:
    """The clauses of an Accept header that can be served, best first; unknown parameters are ignored."""
    if not accept.strip():
        yield _Clause(served[0])
        return
    ranked = [found for text in _parts(accept) if (found := _ranked(text, served)) is not None]
    # The order of github.com/munnerz/goautoneg; Python's sort keeps the order of equals.
    for _, _, clause in sorted(ranked, key=lambda entry: entry[:2]):
        yield clause


def _ranked(text: str, served: tuple[Encoding, ...]) -> tuple[float, int, _Clause] | None:
    media_type, *parameters = text.split(";")
    encoding = _encoding(media_type.strip().lower(), served)
    if encoding is None:
        return None
    values = {}
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        values[name.strip().lower()] = value.strip()
    quality = _quality(values.get("q", "1"))
    streams = ("", "watch") if encoding in JSON_ALONE else ("",)
    if quality <= 0 or values.get("stream", "") not in streams:
        return None
    clause = _Clause(encoding, values.get("as", ""), values.get("g", ""), values.get("v", ""))
    return -quality, _WILDNESS[media_type.strip().lower()], clause


def _encoding(media_type: str, served: tuple[Encoding, ...]) -> Encoding | None:
    if _WILDNESS.get(media_type):
        return served[0]
    return next((encoding for encoding in served if encoding.value == media_type), None)


def _quality(text: str) -> float:
    return float(text) if _QUALITY.fullmatch(text) else 0.0
