"""What the user may read of a cluster: objects, responses of proxied requests, access reviews.

A 403 is not an error here but a result, because what the user may not read is skipped.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import msgspec

from kubesum.kube.client import JSON, Response, Upstream
from kubesum.kube.decoding import MALFORMED, decoded
from kubesum.kube.reviews import access_review
from kubesum.kube.statuserror import StatusError

DEADLINE_S: Final = 10.0
"""For one response; the API server itself waits 5 to 30 s for an extension API server."""

_FORBIDDEN: Final = re.compile(
    r'cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)

View = TypeVar("View")


@dataclass(frozen=True, slots=True)
class Denial:
    """The user lacks a permission: `you may not get secrets in the namespace a`."""

    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceAttributes:
    """authorization/v1.ResourceAttributes: one verb on one resource; empty strings mean core, all, all."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def target(self) -> str:
        """The resource, with its group and the object's name if there are any: `configmaps a`."""
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{resource} {self.name}" if self.name else resource


class _List(msgspec.Struct, Generic[View], frozen=True):
    items: tuple[View, ...] | None = ()


class _Status(msgspec.Struct, frozen=True):
    message: str = ""


class Cluster:
    """One cluster, read with the permissions of the user."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream: Final = upstream

    @property
    def host(self) -> str:
        """URL of the API server."""
        return self._upstream.host

    async def read(self, path: str, view: type[View]) -> View | Denial | None:
        """The object at a path, None if it is not found; raises UpstreamError."""
        try:
            body = await self._upstream.get(path, {}, DEADLINE_S)
        except StatusError as refusal:
            return _denied(refusal)
        return decoded(body, view, path)

    async def listed(self, path: str, view: type[View], selector: Mapping[str, str]) -> tuple[View, ...] | Denial:
        """The objects of a collection that have all labels of `selector`; raises UpstreamError."""
        try:
            parameters = {"labelSelector": labels_text(selector)} if selector else {}
            body = await self._upstream.get(path, parameters, DEADLINE_S)
        except StatusError as refusal:
            return _denied(refusal) or ()
        found: _List[View] = decoded(body, _List[view], path)  # type: ignore[valid-type]  # a type known at run time
        return found.items or ()

    async def ask(self, path: str, accept: str = JSON, **parameters: str) -> Response:
        """The response at a path, whatever its code; raises UpstreamError if there is none."""
        return await self._upstream.response(path, parameters, DEADLINE_S, accept)

    async def allowed(self, user: str, groups: tuple[str, ...], attributes: ResourceAttributes) -> bool | Denial:
        """Whether a user is authorized, by a SubjectAccessReview; raises UpstreamError."""
        resource_attributes = {
            "verb": attributes.verb,
            "group": attributes.group,
            "resource": attributes.resource,
            "namespace": attributes.namespace,
            "name": attributes.name,
        }
        spec = {"user": user, "groups": groups, "resourceAttributes": resource_attributes}
        try:
            return (await access_review(self._upstream, msgspec.json.encode(spec))).allowed
        except StatusError as refusal:
            return _denied(refusal) or False


def labels_text(selector: Mapping[str, str]) -> str:
    """A selector of labels that equal values, as text."""
    return ",".join(f"{name}={value}" for name, value in selector.items())


def denial(message: str) -> Denial:
    """The message of a 403, addressed to the user whom it concerns."""
    found = _FORBIDDEN.search(message)
    if found is None:
        return Denial(f"you may not: {message}")
    resource = f"{found['resource']}.{found['group']}" if found["group"] else found["resource"]
    where = f" in the namespace {found['namespace']}" if found["namespace"] else ""
    return Denial(f"you may not {found['verb']} {resource}{where}")


def message_of(answer: Response) -> str:
    """The message of a response other than success: that of its Status, or its text."""
    try:
        text = msgspec.json.decode(answer.body, type=_Status).message
    except MALFORMED:
        text = answer.body.decode(errors="replace").strip()
    return text or f"it answers {answer.code} without a message"


def _denied(refusal: StatusError) -> Denial | None:
    """A Denial for 403, None for 404; raises any other refusal."""
    if refusal.code == 404:
        return None
    if refusal.code == 403:
        return denial(refusal.message)
    raise refusal
