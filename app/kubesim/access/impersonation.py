"""User impersonation (k8s.io/apiserver/pkg/endpoints/filters/impersonation)."""

from typing import Final

from starlette.datastructures import Headers

from kubesim.access.authentication import AUTHENTICATED, User
from kubesim.access.rbac import RbacAuthorizer
from kubesim.apierrors import BadRequest
from kubesim.requests.requestinfo import RequestInfo

_USER: Final = "impersonate-user"
_GROUP: Final = "impersonate-group"


def impersonated(user: User, headers: Headers, rbac: RbacAuthorizer) -> User:
    """The user that the headers impersonate, or `user` without such headers; raises Forbidden, BadRequest."""
    given = {name for name in headers if name.startswith("impersonate-")}
    if not given:
        return user
    if _USER not in given or given - {_USER, _GROUP}:
        raise BadRequest("only a user, with or without groups, can be impersonated here")
    name, groups = headers[_USER], headers.getlist(_GROUP)
    rbac.authorize(user, RequestInfo(verb="impersonate", resource="users", name=name))
    for group in groups:
        rbac.authorize(user, RequestInfo(verb="impersonate", resource="groups", name=group))
    return User(name, (*groups, AUTHENTICATED))
