"""The users of the simulated cluster and their authentication by client certificate or bearer token.

A certificate holds a user's name and groups; uid and extra, which it cannot hold, are added by name. The users cover
what is hard to encode in headers: a name that is not ASCII, an extra key to be escaped, an extra with two values.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from cryptography import x509
from cryptography.x509.oid import NameOID

from kubesim.apierrors import Unauthorized

MASTERS: Final = "system:masters"
AUTHENTICATED: Final = "system:authenticated"
UNAUTHENTICATED: Final = "system:unauthenticated"


@dataclass(frozen=True, slots=True)
class User:
    """An authenticated user (k8s.io/apiserver/pkg/authentication/user.Info)."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ANONYMOUS: Final = User("system:anonymous", (UNAUTHENTICATED,))

ADMIN: Final = User(
    "admin",
    (MASTERS, "example.org:platform"),
    "0b53d6a4-0c1c-4a51-9f0e-51d29a5b8f01",
    {"example.org/Scopes": ("read", "write")},
)
VIEWER: Final = User(
    "viewer",
    ("example.org:on-call", "example.org:support"),
    "0b53d6a4-0c1c-4a51-9f0e-51d29a5b8f02",
    {"example.org/Scopes": ("read", "explain")},
)
TENANT: Final = User(
    "zoë@example.org",
    ("example.org:developers", "example.org:payments"),
    "0b53d6a4-0c1c-4a51-9f0e-51d29a5b8f03",
    {"example.org/Scopes": ("read", "explain")},
)
TENANT_NAMESPACE: Final = "payments"
"""The only namespace that the tenant may view."""
PEOPLE: Final[Mapping[str, User]] = {"admin": ADMIN, "viewer": VIEWER, "tenant": TENANT}
"""The users by the name of their kubeconfig context."""


def service_account(namespace: str, name: str) -> User:
    """The user of a ServiceAccount (k8s.io/apiserver/pkg/authentication/serviceaccount)."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    uid = str(uuid5(NAMESPACE_URL, f"serviceaccounts/{namespace}/{name}"))
    return User(f"system:serviceaccount:{namespace}:{name}", groups, uid)


class Authenticator:
    """Authenticates requests; the TLS handshake has verified their client certificates."""

    def __init__(self, tokens: Mapping[str, User]) -> None:
        self._tokens: Final = tokens

    def authenticate_token(self, token: str) -> User | None:
        """The user of a bearer token, None for an invalid one."""
        user = self._tokens.get(token)
        return user and _authenticated(user)

    def authenticate(self, certificate: bytes | None, authorization: str) -> User:
        """The user of a verified DER certificate or of an Authorization header; anonymous without both.

        The certificate comes first. Raises Unauthorized for invalid credentials.
        """
        if certificate is not None and (user := certificate_user(certificate)) is not None:
            return user
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() == "bearer" and token.strip():
            if (user := self.authenticate_token(token.strip())) is not None:
                return user
            raise Unauthorized("Unauthorized")
        if certificate is not None:
            raise Unauthorized("Unauthorized")
        return ANONYMOUS


_KNOWN: Final = {user.name: user for user in PEOPLE.values()}


@lru_cache(maxsize=256)
def certificate_user(certificate: bytes) -> User | None:
    """The user named by a DER certificate: common name and organizations; None without a common name.

    k8s.io/apiserver/pkg/authentication/request/x509/x509.go, CommonNameUserConversion.
    """
    subject = x509.load_der_x509_certificate(certificate).subject
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if not names:
        return None
    groups = tuple(str(group.value) for group in subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME))
    known = _KNOWN.get(str(names[0].value), User(str(names[0].value)))
    credential = {"authentication.kubernetes.io/credential-id": (f"X509SHA256={sha256(certificate).hexdigest()}",)}
    return _authenticated(replace(known, groups=groups, extra={**credential, **known.extra}))


def _authenticated(user: User) -> User:
    if AUTHENTICATED in user.groups:
        return user
    return replace(user, groups=(*user.groups, AUTHENTICATED))
