"""RequestInfo: the verb, resource and name of a request, parsed from method, path and query.

Authorization and routing read it. A port of k8s.io/apiserver/pkg/endpoints/request/requestinfo.go; it does not depend
on which resources exist.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from kubesim.apierrors import BadRequest, no_such_path
from kubesim.requests.selectors import exact_name

_VERBS: Final = {
    "POST": "create",
    "GET": "get",
    "HEAD": "get",
    "PUT": "update",
    "PATCH": "patch",
    "DELETE": "delete",
}
_OF_NAMESPACE_ITSELF: Final = ("status", "finalize")


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestInfo:
    """What a request is for. Without a `resource` it is a non-resource request for `path`."""

    verb: str
    path: str = ""
    group: str = ""
    version: str = ""
    namespace: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""

    @property
    def group_resource(self) -> str:
        """`pods` or `deployments.apps`."""
        return f"{self.resource}.{self.group}" if self.group else self.resource


def request_info(method: str, path: str, query: Mapping[str, str]) -> RequestInfo:
    """The RequestInfo of a request; `query` has the first value of each parameter.

    Raises NotFound for a path that is not in canonical form, BadRequest for one that lacks the resource.
    """
    if "//" in path or any(part in (".", "..") for part in path.split("/")):
        raise no_such_path()
    parts = path.strip("/").split("/")
    legacy = parts[0] == "api"
    if len(parts) < (3 if legacy else 4) or parts[0] not in ("api", "apis"):
        return RequestInfo(verb=method.lower(), path=path)
    group, version, *rest = ("", *parts[1:]) if legacy else parts[1:]
    verb = _VERBS.get(method, "")
    if rest[0] in ("watch", "proxy"):
        verb, rest = rest[0], rest[1:]
        if not rest:
            raise BadRequest(f"unable to determine kind and namespace from url, {path}")
    namespace, rest = _namespace(rest)
    resource, name, subresource, *_ = (*rest, "", "", "")
    if not name and verb == "get":
        verb = "watch" if is_true(query.get("watch")) else "list"
        name = exact_name(query.get("fieldSelector", ""))
    if not name and verb == "delete":
        verb = "deletecollection"
    return RequestInfo(
        verb=verb,
        path=path,
        group=group,
        version=version,
        namespace=namespace,
        resource=resource,
        subresource=subresource,
        name=name,
    )


def is_true(value: str | None) -> bool:
    """A boolean of a query: absent, `0` and `false` are false; every other value is true, even an empty one."""
    return value is not None and value != "0" and value.lower() != "false"


def _namespace(rest: list[str]) -> tuple[str, list[str]]:
    if rest[0] != "namespaces" or len(rest) < 2:
        return "", rest
    if len(rest) > 2 and rest[2] not in _OF_NAMESPACE_ITSELF:
        return rest[1], rest[2:]
    return rest[1], rest
