"""Requests with credentials of every kind, and whom they authenticate."""

from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.x509.oid import NameOID

from kubesum.edge.authn.authentication import DelegatingAuthenticator
from kubesum.edge.authn.requestheader import RequestHeaderConfig, request_header_config
from kubesum.edge.authn.tokens import TokenAuthenticator
from kubesum.edge.authn.users import User
from kubesum.edge.authz.reviewcache import ReviewCache
from kubesum.kube.reviews import TokenStatus, UserInfo
from kubesum.vocabulary.errors import Unauthorized, UpstreamError
from tests.unit.edge.authenticationconfig import CLIENTS, PROXIES
from tests.unit.edge.clientcertificates import CLIENT, NOW, Issued, certificate_for

PROXY = certificate_for("front-proxy-client", PROXIES, usages=CLIENT)
JANE = certificate_for([(NameOID.ORGANIZATION_NAME, "dev"), (NameOID.COMMON_NAME, "jane")], CLIENTS, usages=CLIENT)
CONFIG = request_header_config(
    {
        "client-ca-file": CLIENTS.pem.decode(),
        "requestheader-client-ca-file": PROXIES.pem.decode(),
        "requestheader-allowed-names": '["front-proxy-client"]',
        "requestheader-username-headers": '["X-Remote-User"]',
        "requestheader-group-headers": '["X-Remote-Group"]',
        "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
    }
)
ZOE = [("X-Remote-User", "zoë"), ("X-Remote-Group", "a"), ("X-Remote-Group", "b,c")]
GOOD, BAD, DOWN = (
    [("Authorization", "Bearer good")],
    [("Authorization", "Bearer bad")],
    [("Authorization", "Bearer d")],
)
REFUSED = "401"
"""In place of the name of a user."""


def subprotocols(*offered: str, upgrade: str = "websocket") -> list[tuple[str, str]]:
    """The headers of a request to be upgraded, which offers these subprotocols."""
    return [("Upgrade", upgrade), ("Sec-WebSocket-Protocol", ", ".join(offered))]


def as_subprotocol(token: str) -> str:
    """A token as kube-apiserver takes it among the subprotocols."""
    encoded = urlsafe_b64encode(token.encode()).decode().rstrip("=")
    return f"base64url.bearer.authorization.k8s.io.{encoded}"


@dataclass
class TokenReviews:
    """Reviews of the tokens `good`, `bad` and `d`, of which the last one fails; records the tokens."""

    tokens: list[str] = field(default_factory=list)

    async def __call__(self, token: str) -> TokenStatus:
        self.tokens.append(token)
        if token == "d":
            raise UpstreamError("down")
        user = UserInfo("robot", "9", ("machines",), {"pod": ("p",)})
        return TokenStatus(authenticated=True, user=user) if token == "good" else TokenStatus(error="unknown")


def lines(headers: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Headers as the protocol gives them, names in lower case."""
    return [(name.lower().encode(), value.encode()) for name, value in headers]


def authenticator(
    config: RequestHeaderConfig = CONFIG, reviews: TokenReviews | None = None
) -> DelegatingAuthenticator:
    return DelegatingAuthenticator(
        lambda: config, TokenAuthenticator(reviews or TokenReviews(), ReviewCache()).authenticate, NOW.timestamp
    )


async def user_of(
    *chain: Issued,
    headers: Sequence[tuple[str, str]] = (),
    config: RequestHeaderConfig = CONFIG,
    raw: Sequence[tuple[bytes, bytes]] = (),
) -> User | None:
    """The user of a request, None for 401."""
    try:
        return await authenticator(config).authenticate(tuple(one.der for one in chain), [*lines(headers), *raw])
    except Unauthorized:
        return None


def name(user: User | None) -> str:
    return user.name if user else REFUSED
