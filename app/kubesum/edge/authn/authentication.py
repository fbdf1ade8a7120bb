"""Authentication: who asks, or that nobody vouches for them.

The front proxy's headers, a client certificate and a bearer token are tried in this order; the first success
wins. If none succeeds, one that was presented and not believed means 401: only who presents nothing is
anonymous. k8s.io/apiserver/pkg/authentication/request/{headerrequest,x509,bearertoken,union}.
"""

import logging
import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from typing import Final
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.x509.oid import NameOID

from kubesum.edge.authn.requestheader import RequestHeaderConfig
from kubesum.edge.authn.users import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, User
from kubesum.edge.tls.certpool import Chain, InvalidCredentials
from kubesum.operations.logs import LogReduction
from kubesum.operations.metrics import AUTHENTICATIONS
from kubesum.vocabulary.errors import Unauthorized

log = logging.getLogger(__name__)

Headers = Sequence[tuple[bytes, bytes]]
"""Header lines in order, names in lower case."""

Lines = Mapping[bytes, Sequence[bytes]]
"""The values of header lines in order, by name."""

Holder = Callable[[str], Awaitable[User]]
"""Tells who holds a bearer token; raises Untrusted if nobody does, or nobody can tell."""

CREDENTIAL_ID: Final = "authentication.kubernetes.io/credential-id"

FRONT_PROXY: Final = "front proxy"
CERTIFICATE: Final = "certificate"
BEARER: Final = "bearer token"

# What must never be read by anybody behind here, whatever headers are configured.
_IDENTITY: Final = (b"authorization", b"x-remote-", b"impersonate-")
_BROKEN_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# Kubernetes' own, since 1.33; k8s.io/apiserver/pkg/authentication/request/x509/x509.go.
_UID: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57683.2")


class Authenticator:
    """Tells who asks, by the trust of the moment."""

    def __init__(self, trust: Callable[[], RequestHeaderConfig], holder: Holder, now: Callable[[], float]) -> None:
        """`now` tells seconds since 1970."""
        self._trust: Final = trust
        self._holder: Final = holder
        self._now: Final = now
        self._log_reduction: Final = LogReduction()

    async def user(self, chain: Chain, headers: Headers) -> User:
        """Who asks over a connection whose client showed `chain`; raises Unauthorized."""
        # One trust for the whole request, whatever comes meanwhile.
        trust, now, lines = self._trust(), self._now(), by_name(headers)
        refused: list[str] = []
        for method, authenticate in _BY_CONNECTION.items():
            try:
                user = authenticate(trust, chain, lines, now)
            except InvalidCredentials as error:
                refused.append(f"{method}: {error}")
                continue
            if user is not None:
                return _accepted(method, user)
        if token := bearer_token(lines):
            try:
                return _accepted(BEARER, await self._holder(token))
            except InvalidCredentials as error:
                refused.append(f"{BEARER}: {error}")
        if refused:
            self._tell("; ".join(refused))
            raise Unauthorized("Unauthorized")
        AUTHENTICATIONS.labels("none").inc()
        return ANONYMOUS

    def _tell(self, reason: str) -> None:
        AUTHENTICATIONS.labels("refused").inc()
        if self._log_reduction.should_log(reason):
            log.warning("a caller is not believed", extra={"reason": reason})

    def stripped(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        """The headers without anything that says who asks: nothing behind here can be misled by it."""
        trust = self._trust()
        configured = (*trust.username_headers, *trust.uid_headers, *trust.group_headers, *trust.extra_prefixes)
        # Some servers take an underscore for a hyphen.
        identity = tuple(name.replace(b"_", b"-") for name in configured) + _IDENTITY
        # A user of hundreds of groups has as many lines of one name.
        hidden = {name for name, _ in headers}
        hidden = {name for name in hidden if name.replace(b"_", b"-").startswith(identity)}
        return [line for line in headers if line[0] not in hidden]


def by_name(headers: Headers) -> Lines:
    """The values of header lines by name."""
    lines: defaultdict[bytes, list[bytes]] = defaultdict(list)
    for name, value in headers:
        lines[name].append(value)
    return lines


def bearer_token(lines: Lines) -> str:
    """The bearer token of a request, empty if it has none; k8s.io/apiserver/.../bearertoken/bearertoken.go."""
    first = next(iter(lines.get(b"authorization", ())), b"")
    scheme, _, rest = first.strip().partition(b" ")
    return _text(rest.partition(b" ")[0]) if scheme.lower() == b"bearer" else ""


def _accepted(method: str, user: User) -> User:
    AUTHENTICATIONS.labels(method).inc()
    # ClusterRoles such as system:discovery are granted to this group; the aggregator's own requests name no groups.
    if AUTHENTICATED in user.groups or UNAUTHENTICATED in user.groups or user.name == ANONYMOUS.name:
        return user
    return replace(user, groups=(*user.groups, AUTHENTICATED))


def _forwarded(trust: RequestHeaderConfig, chain: Chain, lines: Lines, now: float) -> User | None:
    """The user whom the front proxy names, None if this connection is not one of a front proxy or names nobody."""
    if not chain or not trust.front_proxies:
        return None
    try:
        proxy = trust.front_proxies.require(chain, now)
    except InvalidCredentials:
        # A certificate of a user, which the next authenticator knows.
        return None
    if trust.allowed_names:
        if (name := _common_name(proxy)) not in trust.allowed_names:
            raise InvalidCredentials(f"the common name {name!r} is not in requestheader-allowed-names")
    elif trust.clients.trusts(chain, now):
        # That of any user would do (NCC-E003660), also where only an authority above the users' is the front proxy's.
        raise InvalidCredentials("it may be that of a user, and no requestheader-allowed-names tell them apart")
    username = _first(lines, trust.username_headers)
    if not username:
        return None
    return User(
        username,
        groups=_values(lines, trust.group_headers),
        uid=_first(lines, trust.uid_headers),
        extra=_extra(lines, trust.extra_prefixes),
        from_front_proxy=True,
    )


def _first(lines: Lines, names: Sequence[bytes]) -> str:
    """The first value under the first of these names whose first value is not empty; headerrequest.headerValue."""
    return next((_text(lines[name][0]) for name in names if name in lines and lines[name][0]), "")


def _values(lines: Lines, names: Sequence[bytes]) -> tuple[str, ...]:
    """All values under these names, name by name; empty ones are nothing."""
    return tuple(_text(value) for name in names for value in lines.get(name, ()) if value)


def _extra(lines: Lines, prefixes: Sequence[bytes]) -> dict[str, tuple[str, ...]]:
    """What else is known of the user; keys are escaped, since header names cannot hold every byte."""
    extra: defaultdict[str, list[str]] = defaultdict(list)
    for prefix in prefixes:
        for name, values in lines.items():
            if name.startswith(prefix):
                extra[_unescaped(name.removeprefix(prefix))].extend(map(_text, values))
    return {key: tuple(values) for key, values in extra.items()}


def _unescaped(key: bytes) -> str:
    # One that cannot be decoded is taken as it is: headerrequest.unescapeExtraKey.
    return _text(key if _BROKEN_ESCAPE.search(key) else unquote_to_bytes(key))


def _text(value: bytes) -> str:
    """What bytes in a header say: Go sends names in UTF-8, HTTP would have Latin-1."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _certified(trust: RequestHeaderConfig, chain: Chain, _lines: Lines, now: float) -> User | None:
    """The user whom a client certificate names, None if the client showed none; raises Untrusted."""
    if not chain:
        return None
    found = trust.clients.require(chain, now)
    name = _common_name(found)
    if not name:
        raise InvalidCredentials("it has no common name")
    uids = _named(found, _UID)
    if len(uids) > 1:
        raise InvalidCredentials("it has several uids")
    return User(
        name,
        groups=_named(found, NameOID.ORGANIZATION_NAME),
        uid="".join(uids),
        extra={CREDENTIAL_ID: (f"X509SHA256={sha256(chain[0]).hexdigest()}",)},
    )


def _common_name(found: x509.Certificate) -> str:
    """The last common name of a certificate, as Go reads it; empty if there is none."""
    return next(reversed(_named(found, NameOID.COMMON_NAME)), "")


def _named(found: x509.Certificate, kind: x509.ObjectIdentifier) -> tuple[str, ...]:
    """The names of one kind in the subject of a certificate."""
    return tuple(str(one.value) for one in found.subject.get_attributes_for_oid(kind))


_BY_CONNECTION: Final = {FRONT_PROXY: _forwarded, CERTIFICATE: _certified}
