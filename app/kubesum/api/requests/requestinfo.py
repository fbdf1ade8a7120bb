"""The attributes of a request, parsed once from its method, raw path and query.

Authorization and handlers use the same `RequestInfo`, and no other code parses the path, so that they cannot
disagree about it. The rules are those of k8s.io/apiserver/pkg/endpoints/request/requestinfo.go. kube-apiserver
neither cleans paths nor redirects. A path that another program could read as a different one (empty or dot segments,
an escaped slash, control characters) is 404.
"""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote_to_bytes

from kubesum.api.representations.status import UNKNOWN_PATH
from kubesum.api.requests import fieldselectors
from kubesum.api.requests.fieldselectors import exact_value
from kubesum.api.requests.query import Query, is_true, parse
from kubesum.api.requests.selectors import NAME
from kubesum.vocabulary.errors import BadRequest, NotFound
from kubesum.vocabulary.quoting import quoted

MAX_AUTHORIZED_SELECTOR: Final = 4096
"""In characters. A longer selector is not parsed for authorization, because that takes long and anybody may send it.

The review is then for all objects: the user needs more rights than with the selector, never fewer.
"""

_VERBS: Final = {
    "GET": "get",
    "HEAD": "get",
    "POST": "create",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_SPECIAL_VERBS: Final = frozenset({"proxy", "watch"})
_NAMESPACE_SUBRESOURCES: Final = frozenset({"status", "finalize"})
_BROKEN_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
_AMBIGUOUS: Final = re.compile(r"//|/\.\.?(?:/|$)|[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class RequestInfo:
    """The attributes of a request; those from `group` on are empty for a path that names no resource."""

    verb: str
    path: str
    query: Query
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    name: str = ""
    subresource: str = ""
    has_special_verb: bool = False
    """Whether the path names the verb, as in the deprecated `/apis/{group}/{version}/watch/{resource}`."""
    selected_name: str = ""
    """The only name that the field selector of a list or watch selects."""

    @property
    def is_resource_request(self) -> bool:
        """Whether the path names a resource."""
        return bool(self.resource)

    @property
    def authorized_name(self) -> str:
        """The name in the review, empty for all: a user who may get one object may also list that one by its name."""
        return self.name or self.selected_name


def request_info(method: str, raw_path: bytes, raw_query: bytes) -> RequestInfo:
    """The attributes of a request, from its undecoded path and query.

    Raises BadRequest for a path that cannot be decoded and NotFound for an ambiguous one.
    """
    path = decoded(raw_path)
    query = parse(raw_query)
    parts = path.strip("/").split("/")
    if parts[0] == "apis" and len(parts) > 3:
        return _resource_info(method, path, query, (parts[1], parts[2], parts[3:]))
    if parts[0] == "api" and len(parts) > 2:
        return _resource_info(method, path, query, ("", parts[1], parts[2:]))
    return RequestInfo(method.lower(), path, query)


def decoded(raw_path: bytes) -> str:
    """A path with its escapes replaced; an escaped `/` is refused. Raises BadRequest and NotFound."""
    if broken := _BROKEN_ESCAPE.search(raw_path):
        raise BadRequest(f"invalid URL escape {quoted(broken[0].decode('ascii', 'replace'))}")
    if b"%" in raw_path and b"%2f" in raw_path.lower():
        raise NotFound(UNKNOWN_PATH)
    try:
        path = unquote_to_bytes(raw_path).decode()
    except UnicodeDecodeError as error:
        raise NotFound(UNKNOWN_PATH) from error
    if not path.startswith("/") or _AMBIGUOUS.search(path):
        raise NotFound(UNKNOWN_PATH)
    return path


def _resource_info(method: str, path: str, query: Query, target: tuple[str, str, list[str]]) -> RequestInfo:
    group, version, parts = target
    verb = _VERBS.get(method, "")
    has_special_verb = parts[0] in _SPECIAL_VERBS
    if has_special_verb:
        verb, *parts = parts
        if not parts:
            raise BadRequest(f"unable to determine kind and namespace from url, {path}")
    namespace, parts = _namespace(parts)
    resource, name, subresource = (*parts[:3], "", "")[:3]
    if verb == "proxy":
        subresource = ""
    selected_name = _selected_name(query) if verb == "get" and not name else ""
    if not name:
        verb = _collection_verb(verb, query)
    return RequestInfo(
        verb, path, query, group, version, namespace, resource, name, subresource, has_special_verb, selected_name
    )


def _selected_name(query: Query) -> str:
    text = query.get("fieldSelector", "")
    if not text or len(text) > MAX_AUTHORIZED_SELECTOR:
        return ""
    try:
        name = exact_value(fieldselectors.parse(text), NAME)
    except BadRequest:
        # Authorized as if it selected nothing; the handler answers with the error.
        return ""
    if name is None or name in (".", "..") or "/" in name or "%" in name:
        return ""
    return name


def _namespace(parts: list[str]) -> tuple[str, list[str]]:
    """The namespace, and the parts from the resource on; `namespaces/x` itself is the object x in namespace x."""
    if parts[0] != "namespaces" or len(parts) == 1:
        return "", parts
    if len(parts) > 2 and parts[2] not in _NAMESPACE_SUBRESOURCES:
        return parts[1], parts[2:]
    return parts[1], parts


def _collection_verb(verb: str, query: Query) -> str:
    if verb == "get":
        return "watch" if is_true(query, "watch") else "list"
    return "deletecollection" if verb == "delete" else verb
