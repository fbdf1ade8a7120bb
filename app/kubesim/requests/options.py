"""The options of list and watch requests, read from the query and checked as kube-apiserver checks them.

k8s.io/apimachinery/pkg/apis/meta/internalversion/validation/validation.go.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from kubesim.apierrors import BadRequest, Invalid, StatusCause, StatusDetails
from kubesim.requests.requestinfo import is_true
from kubesim.requests.selectors import Predicate, everything, field_predicate, label_predicate
from kubesim.store.apiresources import ApiResource
from kubesim.store.store import StoredObject

_MATCHES = ("", "Exact", "NotOlderThan")


@dataclass(frozen=True, slots=True)
class Selection:
    """The label and field selectors of a request (storage.SelectionPredicate)."""

    labels: Predicate
    fields: Predicate

    @property
    def is_empty(self) -> bool:
        """Whether every object is selected."""
        return self.labels is everything and self.fields is everything

    def matches(self, stored: StoredObject | None) -> bool:
        """Whether the object exists and is selected."""
        if stored is None:
            return False
        if self.labels is not everything and not self.labels(stored.labels):
            return False
        if self.fields is everything:
            return True
        identity = {"metadata.name": stored.name, "metadata.namespace": stored.namespace}
        return self.fields({**stored.fields, **identity})


@dataclass(frozen=True, slots=True, kw_only=True)
class ListOptions:
    """metav1.ListOptions of a list or watch.

    `version` is resourceVersion, `match` is resourceVersionMatch. `version` and `send_initial_events` are None where
    the query lacks them; `limit` and `timeout_s` are 0 then.
    """

    selection: Selection
    version: int | None
    match: str
    limit: int
    continue_token: str
    send_initial_events: bool | None
    allow_watch_bookmarks: bool
    timeout_s: int


def list_options(resource: ApiResource, query: Mapping[str, str]) -> ListOptions:
    """The options of one request for `resource`; raises BadRequest for bad values, Invalid for bad combinations."""
    send_initial_events = is_true(query["sendInitialEvents"]) if "sendInitialEvents" in query else None
    options = ListOptions(
        selection=Selection(
            label_predicate(query.get("labelSelector", "")),
            field_predicate(
                query.get("fieldSelector", ""), {"metadata.name", "metadata.namespace", *resource.fields}
            ),
        ),
        version=_version(query.get("resourceVersion", "")),
        match=query.get("resourceVersionMatch", ""),
        limit=_integer(query.get("limit", "")),
        continue_token=query.get("continue", ""),
        send_initial_events=send_initial_events,
        allow_watch_bookmarks=is_true(query.get("allowWatchBookmarks")),
        timeout_s=_integer(query.get("timeoutSeconds", "")),
    )
    if options.match not in _MATCHES:
        raise _invalid(
            "resourceVersionMatch",
            f'Unsupported value: "{options.match}": supported values: "Exact", "NotOlderThan", ""',
            "FieldValueNotSupported",
        )
    if is_true(query.get("watch")):
        _check_watch(options)
    else:
        _check_list(options)
    return options


def _check_watch(options: ListOptions) -> None:
    if options.send_initial_events is not None and options.match != "NotOlderThan":
        raise _forbidden(
            "resourceVersionMatch", "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        )
    if options.match and options.send_initial_events is None:
        raise _forbidden(
            "resourceVersionMatch",
            "resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided",
        )


def _check_list(options: ListOptions) -> None:
    if options.send_initial_events is not None:
        raise _forbidden("sendInitialEvents", "sendInitialEvents is forbidden for list")
    if options.continue_token and options.version:
        raise BadRequest("specifying resource version is not allowed when using continue")
    if not options.match:
        return
    if options.continue_token:
        raise _forbidden("resourceVersionMatch", "resourceVersionMatch is forbidden when continue is provided")
    if options.version is None:
        raise _forbidden(
            "resourceVersionMatch", "resourceVersionMatch is forbidden unless resourceVersion is provided"
        )
    if options.match == "Exact" and options.version == 0:
        raise _forbidden("resourceVersionMatch", 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"')


def _version(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit()):
        raise BadRequest(
            f'resourceVersion: Invalid value: "{text}": strconv.ParseUint: parsing "{text}": invalid syntax'
        )
    return int(text)


def _integer(text: str) -> int:
    if not text:
        return 0
    try:
        return int(text)
    except ValueError:
        raise BadRequest(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None


def _forbidden(field: str, text: str) -> Invalid:
    return _invalid(field, f"Forbidden: {text}", "FieldValueForbidden")


def _invalid(field: str, text: str, reason: str) -> Invalid:
    details = StatusDetails(
        group="meta.k8s.io", kind="ListOptions", causes=(StatusCause(reason=reason, message=text, field=field),)
    )
    return Invalid(f'ListOptions.meta.k8s.io "" is invalid: {field}: {text}', details)
