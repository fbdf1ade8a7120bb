"""Reviews of tokens and of access: created by clients, returned with a status, never stored.

Shapes: k8s.io/api/authentication/v1 and k8s.io/api/authorization/v1.
"""

from typing import Final

import msgspec

from kubesim.access.authentication import Authenticator, User
from kubesim.access.rbac import RbacAuthorizer
from kubesim.apierrors import BadRequest
from kubesim.requests import protobuf
from kubesim.requests.requestinfo import RequestInfo
from kubesim.store.apiresources import REVIEWS, ApiResource
from kubesim.store.store import JsonObject

_BY_PLURAL: Final = {(review.group, review.plural): review for review in REVIEWS}


class _Resource(msgspec.Struct, frozen=True):
    namespace: str = ""
    verb: str = ""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    name: str = ""


class _Path(msgspec.Struct, frozen=True):
    path: str = ""
    verb: str = ""


class _Spec(msgspec.Struct, frozen=True, rename="camel"):
    """The fields of the specs of all reviews; each kind has some of them."""

    token: str = ""
    user: str = ""
    groups: tuple[str, ...] | None = ()
    namespace: str = ""
    resource_attributes: _Resource | None = None
    non_resource_attributes: _Path | None = None


class _Body(msgspec.Struct, frozen=True):
    spec: _Spec = _Spec()


def review_of(info: RequestInfo) -> ApiResource | None:
    """The review resource of a request, None for other resources."""
    return _BY_PLURAL.get((info.group, info.resource))


class Reviewer:
    """Computes the status of reviews from the users and roles of one cluster."""

    def __init__(self, accounts: Authenticator, rbac: RbacAuthorizer) -> None:
        self._authenticator: Final = accounts
        self._rbac: Final = rbac

    def reviewed(self, review: ApiResource, body: bytes, is_protobuf: bool, user: User) -> JsonObject:
        """The review in `body`, JSON or protobuf, with its status; raises BadRequest for any other body."""
        try:
            sent = protobuf.review(body, review.kind) if is_protobuf else msgspec.json.decode(body, type=dict)
            spec = msgspec.convert(sent, type=_Body).spec
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise BadRequest(f"the body is no {review.kind}: {error}") from None
        return {
            "kind": review.kind,
            "apiVersion": f"{review.group}/{review.version}",
            "metadata": {"creationTimestamp": None},
            "spec": sent.get("spec", {}),
            "status": self._status(review, spec, user),
        }

    def _status(self, review: ApiResource, spec: _Spec, user: User) -> JsonObject:
        if review.kind == "TokenReview":
            return self._token(spec.token)
        if review.kind == "SelfSubjectReview":
            return {"userInfo": _info(user)}
        if review.kind == "SelfSubjectRulesReview":
            return self._rules(user, spec.namespace)
        subject = User(spec.user, spec.groups or ()) if review.kind == "SubjectAccessReview" else user
        decision = self._rbac.decision(subject, _attributes(spec))
        return {"allowed": decision.allowed, **({"reason": decision.reason} if decision.reason else {})}

    def _token(self, token: str) -> JsonObject:
        user = self._authenticator.authenticate_token(token)
        if user is None:
            return {"user": {}, "error": "invalid bearer token"}
        return {"authenticated": True, "user": _info(user)}

    def _rules(self, user: User, namespace: str) -> JsonObject:
        rules = self._rbac.rules(user, namespace)
        return {
            "resourceRules": [rule for rule in rules if rule["resources"]],
            "nonResourceRules": [rule for rule in rules if rule["nonResourceURLs"]],
            "incomplete": False,
        }


def _attributes(spec: _Spec) -> RequestInfo:
    if spec.resource_attributes is not None:
        return RequestInfo(**msgspec.structs.asdict(spec.resource_attributes))
    if spec.non_resource_attributes is not None:
        return RequestInfo(**msgspec.structs.asdict(spec.non_resource_attributes))
    raise BadRequest("exactly one of nonResourceAttributes or resourceAttributes must be specified")


def _info(user: User) -> JsonObject:
    info: JsonObject = {"username": user.name, "groups": user.groups}
    if user.uid:
        info["uid"] = user.uid
    if user.extra:
        info["extra"] = user.extra
    return info
