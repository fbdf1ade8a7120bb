"""What a person may read of a cluster: objects, answers, and what others may do.

A refusal is no error here but an answer, in words that tell the person what they lack.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

import msgspec

from kubesum.kube.client import Response, Upstream
from kubesum.kube.decoding import MALFORMED, decoded
from kubesum.kube.failures import StatusError
from kubesum.kube.reviews import access_review

DEADLINE_S: Final = 10.0
"""For an answer; the API server itself gives up on kubesum after 5 to 30 s."""

_FORBIDDEN: Final = re.compile(
    r'cannot (?P<verb>\S+) resource "(?P<resource>[^"]+)" in API group "(?P<group>[^"]*)"'
    r'(?: in the namespace "(?P<namespace>[^"]+)")?'
)

View = TypeVar("View")


@dataclass(frozen=True, slots=True)
class Denial:
    """The person may not do something: `you may not get secrets in the namespace a`."""

    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Right:
    """Something that one may do or not."""

    verb: str
    resource: str
    group: str = ""
    namespace: str = ""
    name: str = ""

    @property
    def target(self) -> str:
        """What it is a right to."""
        resource = f"{self.resource}.{self.group}" if self.group else self.resource
        return f"{resource} {self.name}" if self.name else resource


class _List(msgspec.Struct, Generic[View], frozen=True):
    items: tuple[View, ...] | None = ()


class _Status(msgspec.Struct, frozen=True):
    message: str = ""


class Cluster:
    """One cluster, as one person sees it."""

    def __init__(self, upstream: Upstream) -> None:
        self._upstream: Final = upstream

    @property
    def host(self) -> str:
        """URL of the API server."""
        return self._upstream.host

    async def read(self, path: str, view: type[View]) -> View | Denial | None:
        """The object at a path, None where there is none; raises UpstreamError."""
        try:
            body = await self._upstream.get(path, {}, DEADLINE_S)
        except StatusError as refusal:
            return _denied(refusal)
        return decoded(body, view, path)

    async def listed(self, path: str, view: type[View], selector: Mapping[str, str]) -> tuple[View, ...] | Denial:
        """The objects at a path that have some labels; raises UpstreamError."""
        labels = ",".join(f"{name}={value}" for name, value in selector.items())
        try:
            body = await self._upstream.get(path, {"labelSelector": labels} if labels else {}, DEADLINE_S)
        except StatusError as refusal:
            return _denied(refusal) or ()
        found: _List[View] = decoded(body, _List[view], path)  # type: ignore[valid-type]  # a type known at run time
        return found.items or ()

    async def ask(self, path: str, **parameters: str) -> Response:
        """Whatever is answered at a path; raises UpstreamError where nothing is."""
        return await self._upstream.response(path, parameters, DEADLINE_S)

    async def may(self, user: str, groups: tuple[str, ...], right: Right) -> bool | Denial:
        """Whether a user has a right; raises UpstreamError."""
        attributes = {
            "verb": right.verb,
            "group": right.group,
            "resource": right.resource,
            "namespace": right.namespace,
            "name": right.name,
        }
        spec = {"user": user, "groups": groups, "resourceAttributes": attributes}
        try:
            return (await access_review(self._upstream, msgspec.json.encode(spec))).allowed
        except StatusError as refusal:
            return _denied(refusal) or False


def denial(message: str) -> Denial:
    """What a 403 says, told to the person that it concerns."""
    found = _FORBIDDEN.search(message)
    if found is None:
        return Denial(f"you may not: {message}")
    resource = f"{found['resource']}.{found['group']}" if found["group"] else found["resource"]
    where = f" in the namespace {found['namespace']}" if found["namespace"] else ""
    return Denial(f"you may not {found['verb']} {resource}{where}")


def said(answer: Response) -> str:
    """What an answer other than success says: the message of its Status, or its text."""
    try:
        text = msgspec.json.decode(answer.body, type=_Status).message
    except MALFORMED:
        text = answer.body.decode(errors="replace").strip()
    return text or f"it answers {answer.code} and does not say why"


def _denied(refusal: StatusError) -> Denial | None:
    """None for what is not there; raises the refusal where it is neither that nor a lack of rights."""
    if refusal.code == 404:
        return None
    if refusal.code == 403:
        return denial(refusal.message)
    raise refusal
