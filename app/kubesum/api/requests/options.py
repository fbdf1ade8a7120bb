"""The options of get, list and watch, parsed from the query and validated.

An invalid option is an error and never ignored, so that a client does not take an unfiltered list for a filtered
one. Validation and its words follow
k8s.io/apimachinery/pkg/apis/meta/internalversion/validation/validation.go.
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

import msgspec

from kubesum.api.requests.query import Query, integer, is_true, parsed_integer
from kubesum.api.requests.selectors import EVERYTHING, Selector, selector
from kubesum.vocabulary.duration import duration_s
from kubesum.vocabulary.errors import BadRequest, Invalid, StatusCause, StatusDetails
from kubesum.vocabulary.quoting import quoted
from kubesum.vocabulary.resource import ComputedResource, Key

REQUEST_TIMEOUT_S: Final = 60.0
LATEST: Final = -1
"""In a continue token: the version of now, which need not be that of the first page."""

_CONTINUE_VERSION: Final = "meta.k8s.io/v1"
_MATCH: Final = "resourceVersionMatch"
_PRETTY_AGENTS: Final = ("curl", "Wget", "Mozilla/5.0")
_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})


class Include(Enum):
    """What a Table row carries of its object."""

    METADATA = "Metadata"
    OBJECT = "Object"
    NONE = "None"


class _ContinueToken(msgspec.Struct, frozen=True):
    """The continue token of k8s.io/apiserver/pkg/storage/continue.go."""

    v: str = ""
    rv: int = 0
    start: str = ""


@dataclass(frozen=True, slots=True)
class Continue:
    """The next page of a list: it starts after the key `after`, and the first page was at `version`.

    A `version` of LATEST asks for the rest of the rows of now.
    """

    version: int
    after: Key

    def token(self) -> str:
        """The opaque text that clients send back."""
        start = f"{self.after[0]}/{self.after[1]}\0"
        encoded = msgspec.json.encode(_ContinueToken(_CONTINUE_VERSION, self.version, start))
        return base64.urlsafe_b64encode(encoded).rstrip(b"=").decode()

    @classmethod
    def parse(cls, token: str) -> "Continue":
        """The content of a token; raises BadRequest."""
        try:
            padded = token.encode() + b"=" * (-len(token) % 4)
            found = msgspec.json.decode(base64.b64decode(padded, b"-_", validate=True), type=_ContinueToken)
        except (binascii.Error, msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise BadRequest(f"invalid continue token: continue key is not valid: {error}") from error
        namespace, slash, name = found.start.removesuffix("\0").partition("/")
        if found.v != _CONTINUE_VERSION or not (found.rv == LATEST or 0 < found.rv < 1 << 63) or not slash:
            raise BadRequest("invalid continue token: continue key is not valid: no version or no start key")
        return cls(found.rv, (namespace, name))


@dataclass(frozen=True, slots=True)
class ListOptions:
    """The options of a list; `limit` 0 is no limit, `version` 0 is any version."""

    limit: int = 0
    continue_: Continue | None = None
    version: int = 0
    exact: bool = False
    """The list must be at exactly `version`, not merely at least as new."""
    selector: Selector = EVERYTHING


@dataclass(frozen=True, slots=True)
class WatchOptions:
    """The options of a watch; `version` 0 is any version, with `timeout_s` None the server decides when it ends."""

    selector: Selector = EVERYTHING
    version: int = 0
    send_initial_events: bool | None = None
    """None if the parameter is absent; then it depends on the version, see `starts_with_state`."""
    allow_bookmarks: bool = False
    timeout_s: int | None = None

    @property
    def starts_with_state(self) -> bool:
        """Whether the watch begins with an ADDED event for each object that exists."""
        return self.version == 0 if self.send_initial_events is None else self.send_initial_events

    @property
    def marks_state_end(self) -> bool:
        """Whether a bookmark marks the end of these first events."""
        return bool(self.send_initial_events) and self.allow_bookmarks


def list_options(query: Query, resource: ComputedResource) -> ListOptions:
    """The options of a list of `resource`; raises BadRequest, and Invalid for options that exclude each other.

    With resourceVersion 0 there is no limit, as kube-apiserver gives such a list from its watch cache: informers that
    list so get all rows at once. k8s.io/apiserver/pkg/storage/cacher/delegator/interface.go, ShouldDelegateList.
    """
    _refuse_export(query)
    chosen = _selector(query, resource)
    integer(query, "timeoutSeconds")
    limit = max(0, integer(query, "limit"))
    _require_none([*_list_errors(query)])
    try:
        version = resource_version(query)
    except BadRequest as error:
        raise BadRequest(f"invalid resource version: {error.message}") from error
    token = query.get("continue", "")
    if token and version:
        raise BadRequest("specifying resource version is not allowed when using continue")
    is_any_version = query.get("resourceVersion") == "0" and not token
    return ListOptions(
        limit=0 if is_any_version else limit,
        continue_=Continue.parse(token) if token else None,
        version=version,
        exact=query.get("resourceVersionMatch") == "Exact",
        selector=chosen,
    )


def watch_options(query: Query, resource: ComputedResource) -> WatchOptions:
    """The options of a watch on `resource`; raises BadRequest, and Invalid for options that exclude each other."""
    _refuse_export(query)
    chosen = _selector(query, resource)
    timeout_s = integer(query, "timeoutSeconds")
    integer(query, "limit")
    _require_none([*_watch_errors(query)])
    return WatchOptions(
        selector=chosen,
        version=resource_version(query),
        send_initial_events=is_true(query, "sendInitialEvents") if "sendInitialEvents" in query else None,
        allow_bookmarks=is_true(query, "allowWatchBookmarks"),
        timeout_s=timeout_s if timeout_s > 0 else None,
    )


def _selector(query: Query, resource: ComputedResource) -> Selector:
    return selector(query.get("labelSelector", ""), query.get("fieldSelector", ""), resource)


def object_version(query: Query, resource: ComputedResource, name: str) -> int:
    """The resourceVersion of a get, 0 for any.

    Raises BadRequest, also for a field selector that does not select the object `name`; other selectors are ignored.
    """
    _refuse_export(query)
    if fields := query.get("fieldSelector"):
        selector("", fields, resource).require_name(name)
    return resource_version(query)


def resource_version(query: Query) -> int:
    """The parameter resourceVersion, 0 if it is absent or empty; raises BadRequest."""
    text = query.get("resourceVersion", "")
    if not text:
        return 0
    try:
        return parsed_integer(text, "ParseUint", 1 << 64)
    except BadRequest as error:
        raise BadRequest(f"resourceVersion: Invalid value: {quoted(text)}: {error.message}") from error


def _refuse_export(query: Query) -> None:
    if "export" in query:
        raise BadRequest("the export parameter, deprecated since v1.14, is no longer supported")


def _require_none(errors: list[StatusCause]) -> None:
    if not errors:
        return
    # The words of apimachinery's field.ErrorList: one error stands alone, several are bracketed.
    texts = [f"{cause.field}: {cause.message}" for cause in errors]
    summary = texts[0] if len(texts) == 1 else f"[{', '.join(texts)}]"
    details = StatusDetails(group="meta.k8s.io", kind="ListOptions", causes=tuple(errors))
    raise Invalid(f'ListOptions.meta.k8s.io "" is invalid: {summary}', details)


def _list_errors(query: Query) -> Iterator[StatusCause]:
    if match := query.get(_MATCH, ""):
        if not query.get("resourceVersion"):
            yield _forbidden(_MATCH, f"{_MATCH} is forbidden unless resourceVersion is provided")
        if query.get("continue"):
            yield _forbidden(_MATCH, f"{_MATCH} is forbidden when continue is provided")
        if match not in ("Exact", "NotOlderThan"):
            yield _unsupported(_MATCH, match, '"Exact", "NotOlderThan", ""')
        if match == "Exact" and query.get("resourceVersion") == "0":
            yield _forbidden(_MATCH, f'{_MATCH} "exact" is forbidden for resourceVersion "0"')
    if "sendInitialEvents" in query:
        yield _forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")


def _watch_errors(query: Query) -> Iterator[StatusCause]:
    match = query.get(_MATCH, "")
    initial = "sendInitialEvents" in query
    if initial and match != "NotOlderThan":
        yield _forbidden(_MATCH, f"sendInitialEvents requires setting {_MATCH} to NotOlderThan")
    if match and not initial:
        yield _forbidden(_MATCH, f"{_MATCH} is forbidden for watch unless sendInitialEvents is provided")
    if match and match != "NotOlderThan":
        yield _unsupported(_MATCH, match, '"NotOlderThan"')
    if query.get("continue"):
        yield _forbidden(_MATCH, f"{_MATCH} is forbidden when continue is provided")


def _unsupported(field: str, value: str, supported: str) -> StatusCause:
    message = f"Unsupported value: {quoted(value)}: supported values: {supported}"
    return StatusCause("FieldValueNotSupported", message, field)


def _forbidden(field: str, why: str) -> StatusCause:
    return StatusCause("FieldValueForbidden", f"Forbidden: {why}", field)


def timeout_s(query: Query) -> float:
    """The parameter `timeout` in seconds, at most the request timeout; raises BadRequest."""
    text = query.get("timeout", "")
    if not text:
        return REQUEST_TIMEOUT_S
    try:
        timeout = duration_s(text)
    except ValueError as error:
        raise BadRequest(f"invalid timeout specified in the request URL - {error}") from error
    return min(timeout, REQUEST_TIMEOUT_S) if timeout > 0 else REQUEST_TIMEOUT_S


def included(query: Query) -> Include:
    """The parameter includeObject; raises BadRequest."""
    text = query.get("includeObject", "")
    try:
        return Include(text or "Metadata")
    except ValueError as error:
        raise BadRequest(
            f"Unable to convert to Table as requested: includeObject: Invalid value: {quoted(text)}: "
            "must be 'Metadata', 'Object', 'None', or empty"
        ) from error


def is_pretty(query: Query, user_agent: str) -> bool:
    """Whether JSON is indented: if `pretty` says so, and without it for curl, wget and browsers.

    k8s.io/apiserver/pkg/endpoints/handlers/negotiation/negotiate.go, isPrettyPrint.
    """
    if value := query.get("pretty"):
        return value in _TRUE
    return user_agent.startswith(_PRETTY_AGENTS)
