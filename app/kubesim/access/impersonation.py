"""Impersonation: a caller who may asks in another's name (k8s.io/apiserver/pkg/endpoints/filters/impersonation)."""

from typing import Final

from starlette.datastructures import Headers

from kubesim.access.accounts import AUTHENTICATED, User
from kubesim.access.rbac import RbacAuthorizer
from kubesim.apierrors import BadRequest
from kubesim.requests.requestinfo import RequestInfo

_USER: Final = "impersonate-user"
_GROUP: Final = "impersonate-group"


def impersonated(user: User, headers: Headers, rbac: RbacAuthorizer) -> User:
    """The user whom the request names, the caller itself if it names none; raises Forbidden, BadRequest."""
    asked = {name for name in headers if name.startswith("impersonate-")}
    if not asked:
        return user
    if _USER not in asked or asked - {_USER, _GROUP}:
        raise BadRequest("only a user, with or without groups, can be impersonated here")
    name, groups = headers[_USER], headers.getlist(_GROUP)
    rbac.authorize(user, RequestInfo(verb="impersonate", resource="users", name=name))
    for group in groups:
        rbac.authorize(user, RequestInfo(verb="impersonate", resource="groups", name=group))
    return User(name, (*groups, AUTHENTICATED))
