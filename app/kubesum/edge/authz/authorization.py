"""Authorization by SubjectAccessReview.

The review has the attributes of the `RequestInfo` that the handlers use too. No review is sent for members of
system:masters and for paths that are always allowed. k8s.io/apiserver/pkg/server/options/authorization.go.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from functools import cache
from hashlib import sha256
from typing import Final

import msgspec

from kubesum.api.representations.status import RETRY_SOON
from kubesum.api.requests import fieldselectors, labelselectors
from kubesum.api.requests.labelselectors import LabelRequirement, Operator
from kubesum.api.requests.requestinfo import MAX_AUTHORIZED_SELECTOR, RequestInfo
from kubesum.edge.authn.users import User
from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.kube.reviews import AccessStatus
from kubesum.operations.metrics import AUTHORIZATION_DURATION, AUTHORIZATIONS
from kubesum.vocabulary.errors import BadRequest, Forbidden, ServiceUnavailable, StatusDetails, UpstreamError
from kubesum.vocabulary.quoting import quoted, without_markup

_SELECTABLE: Final = frozenset({"list", "watch", "deletecollection"})
# The operators that a review can express. A requirement with another one is left out, so that the review is for
# more objects than the request, never for fewer.
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


# Deterministic, because the digest of the encoded spec is the key of the cache.
_ENCODER: Final = msgspec.json.Encoder(order="deterministic")


_ALWAYS_ALLOWED: Final = AccessStatus(allowed=True)
_ERROR: Final = "error"
_attempts: Final = cache(AUTHORIZATIONS.labels)
_durations: Final = cache(AUTHORIZATION_DURATION.labels)


class DelegatingAuthorizer:
    """Authorizes by SubjectAccessReview what is not always allowed."""

    def __init__(
        self,
        review: Review,
        cache: ReviewCache[AccessStatus],
        always_allow_paths: Sequence[str],
        has_answered: Callable[[], bool],
    ) -> None:
        """`review` sends an encoded spec; a path of `always_allow_paths` that ends with `*` is a prefix.

        `has_answered` tells whether the API server has sent any response yet.
        """
        self._review: Final = review
        self._has_answered: Final = has_answered
        self._cache: Final = cache
        self._exact: Final = frozenset(path for path in always_allow_paths if not path.endswith("*"))
        self._prefixes: Final = tuple(path[:-1] for path in always_allow_paths if path.endswith("*"))

    async def authorize(self, user: User, info: RequestInfo) -> None:
        """Returns if the user may make the request; raises Forbidden, or ServiceUnavailable if the review fails."""
        began, result = time.perf_counter(), _ERROR
        try:
            status = await self._status(user, info)
            result = _result(status)
        finally:
            _attempts(result).inc()
            _durations(result).observe(time.perf_counter() - began)
        if not status.is_granted:
            raise forbidden(user, info, status.reason)

    async def _status(self, user: User, info: RequestInfo) -> AccessStatus:
        if self.always_allowed(user, info):
            return _ALWAYS_ALLOWED
        spec = _ENCODER.encode(review_spec(user, info))
        try:
            # Cached by a digest: the spec of a user of hundreds of groups is large.
            return await self._cache.get(sha256(spec).digest(), lambda: self._review(spec))
        except UpstreamError as error:
            raise ServiceUnavailable("the SubjectAccessReview failed", RETRY_SOON) from error

    def always_allowed(self, user: User, info: RequestInfo) -> bool:
        """Whether the request is allowed without a review."""
        if user.is_master:
            return True
        if info.is_resource_request:
            return False
        if info.path in self._exact or info.path.startswith(self._prefixes):
            return True
        if not is_discovery(info.path):
            return False
        # kube-apiserver has authorized what it forwards; and its own requests for discovery name no groups, to which
        # the review would need to grant them. Before it has answered once nobody can be identified, and the documents
        # are those of every cluster: without them an APIService would be unavailable, and namespaces not be deleted.
        return user.from_front_proxy or not self._has_answered()


def _result(status: AccessStatus) -> str:
    """The label of a review; k8s.io/apiserver/pkg/endpoints/filters/metrics.go, recordAuthorizationMetrics."""
    if status.is_granted:
        return "allowed"
    return "denied" if status.denied else "no-opinion"


def is_discovery(path: str) -> bool:
    """Whether a path is one of discovery or OpenAPI, whose documents say nothing about the cluster's objects."""
    return path.rstrip("/") in ("/api", "/apis") or path.startswith(("/apis/", "/openapi/"))


def review_spec(user: User, info: RequestInfo) -> _Spec:
    """The spec of the SubjectAccessReview for a request."""
    who = (user.name, user.groups, user.uid, dict(user.extra))
    if info.is_resource_request:
        return _Spec(*who, resource_attributes=_resource(info))
    return _Spec(*who, non_resource_attributes=_Path(info.path, info.verb))


def _resource(info: RequestInfo) -> _Resource:
    selects = info.verb in _SELECTABLE
    return _Resource(
        verb=info.verb,
        group=info.group,
        version=info.version,
        resource=info.resource,
        namespace=info.namespace,
        subresource=info.subresource,
        name=info.authorized_name,
        label_selector=_label_selector(info.query.get("labelSelector", "")) if selects else None,
        field_selector=_field_selector(info.query.get("fieldSelector", "")) if selects else None,
    )


def _label_selector(text: str) -> _Selector | None:
    if not text or len(text) > MAX_AUTHORIZED_SELECTOR:
        return None
    try:
        requirements = labelselectors.parse(text)
    except BadRequest:
        # Reviewed without it; a user who may list then gets the error of the selector.
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


def forbidden(user: User, info: RequestInfo, reason: str) -> Forbidden:
    """The error of a denied request, in kube-apiserver's words; .../handlers/responsewriters/errors.go, Forbidden."""
    who = f"User {quoted(user.name)} cannot {info.verb}"
    because = f": {reason}" if reason else ""
    if not info.is_resource_request:
        return Forbidden(f"forbidden: {without_markup(f'{who} path {quoted(info.path)}')}{because}", StatusDetails())
    resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    where = f"in the namespace {quoted(info.namespace)}" if info.namespace else "at the cluster scope"
    denied = without_markup(f"{who} resource {quoted(resource)} in API group {quoted(info.group)} {where}")
    what = f"{info.resource}.{info.group}" if info.group else info.resource
    name = info.authorized_name
    named = f"{what} {quoted(name)}" if name else what
    details = StatusDetails(name=name, group=info.group, kind=info.resource)
    return Forbidden(f"{named} is forbidden: {denied}{because}", details)
