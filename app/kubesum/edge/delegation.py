"""The gate that every request passes: who asks, and whether they may."""

from dataclasses import dataclass
from typing import Final, Protocol

from kubesum.api.requests.requestinfo import RequestInfo
from kubesum.edge.authn.authentication import Authenticator, Headers
from kubesum.edge.authn.users import MASTERS, User
from kubesum.edge.authz.authorization import Authorizer, harmless
from kubesum.edge.tls.certpool import Chain
from kubesum.vocabulary.errors import Forbidden, StatusDetails
from kubesum.vocabulary.quoting import quoted

_IMPERSONATION: Final = (b"impersonate-", b"impersonate_")


class Gate(Protocol):
    """Tells callers apart."""

    async def caller(self, chain: Chain, headers: Headers) -> User:
        """Who asks over a connection whose client showed `chain`; raises Unauthorized."""

    def stripped(self, headers: Headers) -> Headers:
        """The headers without anything that says who asks."""

    def is_open(self, user: User, asked: RequestInfo) -> bool:
        """Whether the user may do what is asked without anybody being asked about it."""

    async def permit(self, user: User, asked: RequestInfo) -> None:
        """Returns if the user may do what is asked; raises Forbidden, and ServiceUnavailable when nobody can tell."""


class OpenGate:
    """Lets everybody do everything whom the handshake let through: there is one certificate, and its holder."""

    async def caller(self, chain: Chain, headers: Headers) -> User:
        """The one who may connect."""
        return User("kubesum-local", (MASTERS,))

    def stripped(self, headers: Headers) -> Headers:
        """All headers: nobody believes any of them."""
        return headers

    def is_open(self, user: User, asked: RequestInfo) -> bool:
        """Always."""
        return True

    async def permit(self, user: User, asked: RequestInfo) -> None:
        """Returns: they may."""


@dataclass(frozen=True, slots=True)
class DelegatedGate:
    """Asks kube-apiserver about everybody and everything."""

    authenticator: Authenticator
    authorizer: Authorizer

    async def caller(self, chain: Chain, headers: Headers) -> User:
        """Who asks; raises Unauthorized."""
        return await self.authenticator.user(chain, headers)

    def stripped(self, headers: Headers) -> Headers:
        """The headers without anything that says who asks."""
        return self.authenticator.stripped(headers)

    def is_open(self, user: User, asked: RequestInfo) -> bool:
        """Whether kube-apiserver need not be asked."""
        return self.authorizer.is_open(user, asked)

    async def permit(self, user: User, asked: RequestInfo) -> None:
        """Returns if kube-apiserver says that the user may."""
        await self.authorizer.permit(user, asked)


def refuse_impersonation(user: User, headers: Headers) -> None:
    """Raises Forbidden for a request in another's name: kube-apiserver resolves those before it forwards them."""
    for name, _ in headers:
        if name.startswith(_IMPERSONATION):
            who = harmless(f"User {quoted(user.name)}")
            raise Forbidden(f"forbidden: {who} cannot impersonate here; ask through kube-apiserver", StatusDetails())
