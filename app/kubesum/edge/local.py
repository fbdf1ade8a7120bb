"""Authentication and authorization of a local server: every client that passes the TLS handshake may do everything.

The handshake requires a client certificate of an authority that the process makes at its start, and that
authority issues exactly one.
"""

from typing import Final

from kubesum.api.requests.requestinfo import RequestInfo
from kubesum.edge.authn.authentication import Headers
from kubesum.edge.authn.users import MASTERS, User
from kubesum.edge.tls.certpool import Chain

LOCAL_USER: Final = User("kubesum-local", (MASTERS,))


class LocalAuthenticator:
    """Takes every client for the local user."""

    async def authenticate(self, chain: Chain, headers: Headers) -> User:
        """The local user."""
        return LOCAL_USER

    def without_identity_headers(self, headers: Headers) -> Headers:
        """All headers: none of them is read as an identity."""
        return headers


class AlwaysAllowAuthorizer:
    """Allows every request; k8s.io/apiserver/pkg/authorization/authorizerfactory."""

    def always_allowed(self, user: User, info: RequestInfo) -> bool:
        """True."""
        return True

    async def authorize(self, user: User, info: RequestInfo) -> None:
        """Returns."""
