"""Content negotiation: from an Accept header to what is sent.

Everything is JSON; what varies is the form: the object itself, a Table, or its metadata alone. Clauses are
tried by quality, then by how specific they are, then in order, and one that asks for a form that is not
served is passed over. k8s.io/apiserver/pkg/endpoints/handlers/negotiation/negotiate.go.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from app.vocabulary.errors import NotAcceptable

SERVED: Final = ("application/json",)

_WILDNESS: Final = {"application/json": 0, "application/*": 1, "*/*": 2}
_QUALITY: Final = re.compile(r"[01](?:\.[0-9]{0,9})?", re.ASCII)
_META: Final = "meta.k8s.io"
_META_VERSIONS: Final = ("v1", "v1beta1")
_DISCOVERY: Final = ("APIGroupDiscoveryList", "apidiscovery.k8s.io")
_DISCOVERY_VERSIONS: Final = ("v2", "v2beta1")


class Form(Enum):
    """The shape in which an object or a list is told."""

    OBJECT = ""
    TABLE = "Table"
    METADATA = "PartialObjectMetadata"
    METADATA_LIST = "PartialObjectMetadataList"


@dataclass(frozen=True, slots=True)
class Representation:
    """What is sent: `api_version` is that of the Table or PartialObjectMetadata, empty for plain objects."""

    form: Form
    api_version: str = ""


_FORMS: Final = {form.value: form for form in Form if form is not Form.OBJECT}
PLAIN: Final = Representation(Form.OBJECT)


@dataclass(frozen=True, slots=True)
class _Clause:
    """One acceptable JSON answer: the kind to be turned into, empty for none."""

    kind: str = ""
    group: str = ""
    version: str = ""


def representation(accept: str, kind: str, is_list: bool) -> Representation:
    """The form in which to send an object of `kind`, or a list of them; raises NotAcceptable."""
    unknown_table: str | None = None
    for clause in _clauses(accept):
        if clause == _Clause():
            return PLAIN
        if clause.group == _META and clause.version in _META_VERSIONS and clause.kind in _FORMS:
            return _checked(Representation(_FORMS[clause.kind], f"{_META}/{clause.version}"), kind, is_list)
        if clause.kind == "Table":
            unknown_table = unknown_table or f"{clause.group}/{clause.version}"
    if unknown_table:
        raise NotAcceptable(f"no Table exists in group version {unknown_table}")
    raise _not_acceptable()


def _checked(chosen: Representation, kind: str, is_list: bool) -> Representation:
    if is_list and chosen.form is Form.METADATA:
        raise NotAcceptable(f"you requested PartialObjectMetadata, but the requested object is a list ({kind}List)")
    if not is_list and chosen.form is Form.METADATA_LIST:
        raise NotAcceptable(
            f"you requested PartialObjectMetadataList, but the requested object is not a list ({kind})"
        )
    return chosen


def discovery_version(accept: str) -> str | None:
    """The version of the aggregated discovery document to send, None for the APIGroupList.

    Raises NotAcceptable.
    """
    for clause in _clauses(accept):
        if clause == _Clause():
            return None
        if (clause.kind, clause.group) == _DISCOVERY and clause.version in _DISCOVERY_VERSIONS:
            return clause.version
    raise _not_acceptable()


def require_json(accept: str) -> None:
    """Raises NotAcceptable where a document that has one form only can't be sent."""
    if _Clause() not in _clauses(accept):
        raise _not_acceptable()


def accepts_gzip(accept_encoding: str) -> bool:
    """Whether the answer may be compressed."""
    for clause in accept_encoding.lower().split(","):
        coding, _, parameters = clause.partition(";")
        if coding.strip() == "gzip":
            quality = parameters.replace(" ", "").removeprefix("q=")
            return not quality or _quality(quality) > 0
    return False


def _not_acceptable() -> NotAcceptable:
    return NotAcceptable(f"only the following media types are accepted: {', '.join(SERVED)}")


def _clauses(accept: str) -> Iterator[_Clause]:
    """The JSON clauses of an Accept header, best first; parameters that mean nothing here are ignored."""
    if not accept.strip():
        yield _Clause()
        return
    ranked = [found for text in accept.split(",") if (found := _ranked(text)) is not None]
    # The order of github.com/munnerz/goautoneg; Python's sort keeps the order of equals.
    for _, _, clause in sorted(ranked, key=lambda entry: entry[:2]):
        yield clause


def _ranked(text: str) -> tuple[float, int, _Clause] | None:
    media_type, *parameters = text.split(";")
    specificity = _WILDNESS.get(media_type.strip().lower())
    if specificity is None:
        return None
    values = {}
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        values[name.strip().lower()] = value.strip()
    quality = _quality(values.get("q", "1"))
    if quality <= 0 or values.get("stream", "") not in ("", "watch"):
        return None
    clause = _Clause(values.get("as", ""), values.get("g", ""), values.get("v", ""))
    return -quality, specificity, clause


def _quality(text: str) -> float:
    return float(text) if _QUALITY.fullmatch(text) else 0.0
