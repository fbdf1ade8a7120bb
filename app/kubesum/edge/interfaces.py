"""What the handler chain needs of authentication and authorization.

Two implementations of each exist: kubesum.edge.authn and kubesum.edge.authz delegate to kube-apiserver, and
kubesum.edge.local relies on the TLS handshake alone.
"""

from typing import Protocol

from kubesum.api.requests.requestinfo import RequestInfo
from kubesum.edge.authn.authentication import Headers
from kubesum.edge.authn.users import User
from kubesum.edge.tls.certpool import Chain


class Authenticator(Protocol):
    """Finds out who makes a request."""

    async def authenticate(self, chain: Chain, headers: Headers) -> User:
        """The user of a request whose client presented the certificates `chain`; raises Unauthorized."""

    def without_identity_headers(self, headers: Headers) -> Headers:
        """The headers without those that carry credentials or name a user."""


class Authorizer(Protocol):
    """Decides whether a user may make a request."""

    def always_allowed(self, user: User, info: RequestInfo) -> bool:
        """Whether the request is allowed without a review."""

    async def authorize(self, user: User, info: RequestInfo) -> None:
        """Returns if the user may make the request; raises Forbidden, or ServiceUnavailable if no review succeeds."""
