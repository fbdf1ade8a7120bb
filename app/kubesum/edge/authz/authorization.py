"""Authorization: whether the caller may do what is asked, as kube-apiserver decides it.

The question is a SubjectAccessReview with the attributes of the very request that is then answered. Masters are
never asked about, nor paths that everybody may see. k8s.io/apiserver/pkg/server/options/authorization.go.
"""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from hashlib import sha256
from html import escape
from typing import Final

import msgspec

from kubesum.api.representations.status import RETRY_SOON
from kubesum.api.requests import fieldselectors, labelselectors
from kubesum.api.requests.labelselectors import LabelRequirement, Operator
from kubesum.api.requests.requestinfo import MAX_AUTHORIZED_SELECTOR, RequestInfo
from kubesum.edge.authn.users import User
from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.kube.reviews import AccessStatus
from kubesum.vocabulary.errors import BadRequest, Forbidden, ServiceUnavailable, StatusDetails, UpstreamError
from kubesum.vocabulary.quoting import quoted

_SELECTABLE: Final = frozenset({"list", "watch", "deletecollection"})
# The operators that a review can express. A requirement with another is left out: that asks for more, never for less.
_OPERATORS: Final = {
    Operator.IN: "In",
    Operator.NOT_IN: "NotIn",
    Operator.EXISTS: "Exists",
    Operator.ABSENT: "DoesNotExist",
}

Review = Callable[[bytes], Awaitable[AccessStatus]]


class _Requirement(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    key: str
    operator: str
    values: tuple[str, ...] = ()


class _Selector(msgspec.Struct, frozen=True, gc=False):
    requirements: tuple[_Requirement, ...]


class _Resource(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, rename="camel"):
    """authorization/v1.ResourceAttributes."""

    verb: str
    group: str
    version: str
    resource: str
    namespace: str = ""
    subresource: str = ""
    name: str = ""
    label_selector: _Selector | None = None
    field_selector: _Selector | None = None


class _Path(msgspec.Struct, frozen=True, gc=False):
    """authorization/v1.NonResourceAttributes."""

    path: str
    verb: str


class _Spec(msgspec.Struct, frozen=True, gc=False, omit_defaults=True, rename="camel"):
    """authorization/v1.SubjectAccessReviewSpec."""

    user: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: dict[str, tuple[str, ...]] = {}
    resource_attributes: _Resource | None = None
    non_resource_attributes: _Path | None = None


# In one order whatever the order of headers was: the text of a question is what its answer is kept under.
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


class Authorizer:
    """Tells who may do what."""

    def __init__(self, review: Review, verdicts: ReviewCache[AccessStatus], always_allowed: Sequence[str]) -> None:
        """`review` asks; a path of `always_allowed` that ends with `*` stands for all that begin like it."""
        self._review: Final = review
        self._verdicts: Final = verdicts
        self._exact: Final = frozenset(path for path in always_allowed if not path.endswith("*"))
        self._prefixes: Final = tuple(path[:-1] for path in always_allowed if path.endswith("*"))

    async def permit(self, user: User, asked: RequestInfo) -> None:
        """Returns if the user may; raises Forbidden, and ServiceUnavailable when nobody can tell."""
        if self.is_open(user, asked):
            return
        spec = _ENCODER.encode(spec_of(user, asked))
        try:
            # A digest stands for the question: that of a user of hundreds of groups is as large as all of those.
            status = await self._verdicts.verdict(sha256(spec).digest(), lambda: self._review(spec))
        except UpstreamError as error:
            raise ServiceUnavailable("kube-apiserver does not say whether this is allowed", RETRY_SOON) from error
        if not status.is_granted:
            raise forbidden(user, asked, status.reason)

    def is_open(self, user: User, asked: RequestInfo) -> bool:
        """Whether the user may without anybody being asked."""
        if user.is_master:
            return True
        if asked.resource:
            return False
        if asked.path in self._exact or asked.path.startswith(self._prefixes):
            return True
        # kube-apiserver let this request pass, and its own requests for discovery name no groups to be granted it.
        return user.from_front_proxy and is_discovery(asked.path)


def is_discovery(path: str) -> bool:
    """Whether a path tells what is served, and nothing of the cluster."""
    return path.rstrip("/") in ("/api", "/apis") or path.startswith(("/apis/", "/openapi/"))


def spec_of(user: User, asked: RequestInfo) -> _Spec:
    """The question whether a user may do what is asked."""
    who = (user.name, user.groups, user.uid, dict(user.extra))
    if asked.resource:
        return _Spec(*who, resource_attributes=_resource(asked))
    return _Spec(*who, non_resource_attributes=_Path(asked.path, asked.verb))


def _resource(asked: RequestInfo) -> _Resource:
    selects = asked.verb in _SELECTABLE
    return _Resource(
        verb=asked.verb,
        group=asked.group,
        version=asked.version,
        resource=asked.resource,
        namespace=asked.namespace,
        subresource=asked.subresource,
        name=asked.authorized_name,
        label_selector=_label_selector(asked.query.get("labelSelector", "")) if selects else None,
        field_selector=_field_selector(asked.query.get("fieldSelector", "")) if selects else None,
    )


def _label_selector(text: str) -> _Selector | None:
    if not text or len(text) > MAX_AUTHORIZED_SELECTOR:
        return None
    try:
        requirements = labelselectors.parse(text)
    except BadRequest:
        # Whoever may list at all is told what is wrong with it.
        return None
    return _selector(_of_labels(requirements))


def _of_labels(requirements: Iterable[LabelRequirement]) -> Iterator[_Requirement]:
    for one in requirements:
        if (operator := _OPERATORS.get(one.operator)) is not None:
            yield _Requirement(one.key, operator, tuple(sorted(one.values)))


def _field_selector(text: str) -> _Selector | None:
    if not text or len(text) > MAX_AUTHORIZED_SELECTOR:
        return None
    try:
        requirements = fieldselectors.parse(text)
    except BadRequest:
        return None
    return _selector(_Requirement(one.path, "In" if one.equal else "NotIn", (one.value,)) for one in requirements)


def _selector(requirements: Iterable[_Requirement]) -> _Selector | None:
    return _Selector(found) if (found := tuple(requirements)) else None


def forbidden(user: User, asked: RequestInfo, reason: str) -> Forbidden:
    """The refusal, in kube-apiserver's words; .../endpoints/handlers/responsewriters/errors.go, Forbidden."""
    who = f"User {quoted(user.name)} cannot {asked.verb}"
    because = f": {reason}" if reason else ""
    if not asked.resource:
        return Forbidden(f"forbidden: {harmless(f'{who} path {quoted(asked.path)}')}{because}", StatusDetails())
    resource = f"{asked.resource}/{asked.subresource}" if asked.subresource else asked.resource
    where = f"in the namespace {quoted(asked.namespace)}" if asked.namespace else "at the cluster scope"
    told = harmless(f"{who} resource {quoted(resource)} in API group {quoted(asked.group)} {where}")
    what = f"{asked.resource}.{asked.group}" if asked.group else asked.resource
    name = asked.authorized_name
    named = f"{what} {quoted(name)}" if name else what
    details = StatusDetails(name=name, group=asked.group, kind=asked.resource)
    return Forbidden(f"{named} is forbidden: {told}{because}", details)


def harmless(message: str) -> str:
    """A message that no browser takes for markup."""
    return escape(message, quote=False)
