"""Authentication by request headers of the front proxy, client certificate or bearer token.

A bearer token stands in the Authorization header, or among the subprotocols of a WebSocket. The methods are tried in
this order, and the first success wins. If one fails and none succeeds, the answer is 401; only a request without any
credentials is anonymous.
k8s.io/apiserver/pkg/authentication/request/{headerrequest,x509,bearertoken,websocket,union}.
"""

import logging
import re
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from functools import cache, lru_cache
from hashlib import sha256
from typing import Final
from urllib.parse import unquote_to_bytes

from cryptography import x509
from cryptography.x509.oid import NameOID

from kubesum.edge.authn.requestheader import IdentityNames, RequestHeaderConfig
from kubesum.edge.authn.subprotocols import token_of
from kubesum.edge.authn.users import ANONYMOUS, AUTHENTICATED, UNAUTHENTICATED, User
from kubesum.edge.tls.certpool import Chain, InvalidCredentials
from kubesum.operations.logs import LogReduction
from kubesum.operations.metrics import (
    AUTHENTICATED_REQUESTS,
    AUTHENTICATION_DURATION,
    AUTHENTICATIONS,
    CLIENT_CERTIFICATE_EXPIRATION,
)
from kubesum.vocabulary.errors import Unauthorized

log = logging.getLogger(__name__)

Headers = Sequence[tuple[bytes, bytes]]
"""Header lines in order, names in lower case."""

Lines = Mapping[bytes, Sequence[bytes]]
"""The values of header lines in order, by name."""

TokenAuthentication = Callable[[str], Awaitable[User]]
"""The user of a bearer token; raises InvalidCredentials if there is none, or the review fails."""

MAX_CACHED_IDENTITIES: Final = 1024
MAX_CACHED_IDENTITY_BYTES: Final = 4096
"""The user of longer identity headers is read from them for each request."""

CREDENTIAL_ID: Final = "authentication.kubernetes.io/credential-id"

FRONT_PROXY: Final = "front proxy"
CERTIFICATE: Final = "certificate"
BEARER: Final = "bearer token"
WEBSOCKET: Final = "bearer token of a WebSocket"

# Cached, since a lookup by prometheus_client takes longer than to count.
_attempts: Final = cache(AUTHENTICATIONS.labels)
_durations: Final = cache(AUTHENTICATION_DURATION.labels)
_requests_by: Final = cache(AUTHENTICATED_REQUESTS.labels)
_BROKEN_ESCAPE: Final = re.compile(rb"%(?![0-9A-Fa-f]{2})")
# Kubernetes' own, since 1.33; k8s.io/apiserver/pkg/authentication/request/x509/x509.go.
_UID: Final = x509.ObjectIdentifier("1.3.6.1.4.1.57683.2")


class DelegatingAuthenticator:
    """Authenticates as kube-apiserver's ConfigMap extension-apiserver-authentication says, and by TokenReview."""

    def __init__(
        self, config: Callable[[], RequestHeaderConfig], token: TokenAuthentication, now: Callable[[], float]
    ) -> None:
        """`config` gives the configuration that is loaded now; `now` is in seconds since 1970."""
        self._config: Final = config
        self._token: Final = token
        self._now: Final = now
        self._log_reduction: Final = LogReduction()

    async def authenticate(self, chain: Chain, headers: Headers) -> User:
        """The user of a request whose client presented the certificates `chain`; raises Unauthorized."""
        began, result = time.perf_counter(), "error"
        try:
            user = await self._user(chain, headers)
            result = "success"
            return user
        finally:
            _attempts(result).inc()
            _durations(result).observe(time.perf_counter() - began)

    async def _user(self, chain: Chain, headers: Headers) -> User:
        # Read once: the configuration may be replaced while the token is reviewed.
        config, now = self._config(), self._now()
        failures: list[str] = []
        for method, authenticate in _BY_CONNECTION.items():
            try:
                user = authenticate(config, chain, headers, now)
            except InvalidCredentials as error:
                failures.append(f"{method}: {error}")
                continue
            if user is not None:
                return _authenticated(method, user)
        lines = by_name(headers)
        for method, token_in in _TOKENS.items():
            try:
                if token := token_in(lines):
                    return _authenticated(method, await self._token(token))
            except InvalidCredentials as error:
                failures.append(f"{method}: {error}")
        if failures:
            self._log_failure("; ".join(failures))
            raise Unauthorized("Unauthorized")
        _requests_by("none").inc()
        return ANONYMOUS

    def _log_failure(self, reason: str) -> None:
        if self._log_reduction.should_log(reason):
            log.warning("authentication failed", extra={"reason": reason})

    def without_identity_headers(self, headers: Headers) -> list[tuple[bytes, bytes]]:
        """The headers without those that carry credentials or name a user.

        Whether `-` or `_` stands in a name makes no difference: some programs replace one by the other.
        """
        prefixes = self._config().removed_prefixes
        # Each distinct name is compared once: a user of hundreds of groups has as many lines of one name.
        names = {name for name, _ in headers}
        removed = {name for name in names if name.replace(b"_", b"-").startswith(prefixes)}
        return [line for line in headers if line[0] not in removed]


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


def _authenticated(method: str, user: User) -> User:
    _requests_by(method).inc()
    return _in_group(user)


def _in_group(user: User) -> User:
    """The user as a member of system:authenticated."""
    # ClusterRoles such as system:discovery are granted to system:authenticated, and requests that kube-aggregator
    # makes for itself name no groups.
    if AUTHENTICATED in user.groups or UNAUTHENTICATED in user.groups or user.name == ANONYMOUS.name:
        return user
    return replace(user, groups=(*user.groups, AUTHENTICATED))


def _by_headers(config: RequestHeaderConfig, chain: Chain, headers: Headers, now: float) -> User | None:
    """The user whom the front proxy names; None if the client is no front proxy, or names no user.

    Raises InvalidCredentials for a front proxy that is not allowed to name users.
    """
    if not chain or not config.front_proxies:
        return None
    try:
        proxy = config.front_proxies.verify(chain, now)
    except InvalidCredentials:
        # It may be the certificate of a user, which is tried next.
        return None
    if config.allowed_names:
        if (name := _common_name(proxy)) not in config.allowed_names:
            raise InvalidCredentials(f"the common name {name!r} is not in requestheader-allowed-names")
    elif config.clients.verifies(chain, now):
        # Any user with such a certificate could name any other (NCC-E003660). To compare the authorities of both
        # pools would not be enough: one in the users' pool may be issued by one in the front proxy's.
        raise InvalidCredentials("it may be that of a user, because requestheader-allowed-names is empty")
    CLIENT_CERTIFICATE_EXPIRATION.observe(_not_after(proxy) - now)
    identity = tuple([line for line in headers if line[0].startswith(config.prefixes)])
    if sum([len(name) + len(value) for name, value in identity]) > MAX_CACHED_IDENTITY_BYTES:
        return _named_user(config.names, identity)
    return _cached_user(config.names, identity)


def _named_user(names: IdentityNames, identity: tuple[tuple[bytes, bytes], ...]) -> User | None:
    """The user whom header lines of the front proxy name, None if they name none."""
    lines = by_name(identity)
    username_headers, uid_headers, group_headers, extra_prefixes = names
    username = _first(lines, username_headers)
    if not username:
        return None
    user = User(
        username,
        groups=_values(lines, group_headers),
        uid=_first(lines, uid_headers),
        extra=_extra(lines, extra_prefixes),
        from_front_proxy=True,
    )
    return _in_group(user)


# kube-apiserver sends the same lines with each request of a user.
_cached_user: Final = lru_cache(maxsize=MAX_CACHED_IDENTITIES)(_named_user)


def _first(lines: Lines, names: Sequence[bytes]) -> str:
    """The first value under the first of these names whose first value is not empty; headerrequest.headerValue."""
    return next((_text(lines[name][0]) for name in names if name in lines and lines[name][0]), "")


def _values(lines: Lines, names: Sequence[bytes]) -> tuple[str, ...]:
    """All values that are not empty under these names, name by name."""
    return tuple(_text(value) for name in names for value in lines.get(name, ()) if value)


def _extra(lines: Lines, prefixes: Sequence[bytes]) -> dict[str, tuple[str, ...]]:
    """The user's extra values by key; keys arrive percent-encoded, since header names cannot hold every byte."""
    extra: defaultdict[str, list[str]] = defaultdict(list)
    for prefix in prefixes:
        for name, values in lines.items():
            if name.startswith(prefix):
                extra[_unescaped(name.removeprefix(prefix))].extend(map(_text, values))
    return {key: tuple(values) for key, values in extra.items()}


def _unescaped(key: bytes) -> str:
    # A key with a broken escape is taken as it is: headerrequest.unescapeExtraKey.
    return _text(key if _BROKEN_ESCAPE.search(key) else unquote_to_bytes(key))


def _text(value: bytes) -> str:
    """A header value as text: UTF-8, as Go sends it, or else Latin-1."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


def _by_certificate(config: RequestHeaderConfig, chain: Chain, _headers: Headers, now: float) -> User | None:
    """The user whom a client certificate names, None without a certificate; raises InvalidCredentials."""
    if not chain:
        return None
    leaf = config.clients.verify(chain, now)
    CLIENT_CERTIFICATE_EXPIRATION.observe(_not_after(leaf) - now)
    name = _common_name(leaf)
    if not name:
        raise InvalidCredentials("it has no common name")
    uids = _subject_values(leaf, _UID)
    if len(uids) > 1:
        raise InvalidCredentials("it has several uids")
    return User(
        name,
        groups=_subject_values(leaf, NameOID.ORGANIZATION_NAME),
        uid="".join(uids),
        extra={CREDENTIAL_ID: (f"X509SHA256={sha256(chain[0]).hexdigest()}",)},
    )


@lru_cache(maxsize=16)
def _not_after(leaf: x509.Certificate) -> float:
    """When a certificate expires, in seconds since 1970."""
    return leaf.not_valid_after_utc.timestamp()


@lru_cache(maxsize=16)
def _common_name(leaf: x509.Certificate) -> str:
    """The last common name in the subject of a certificate, as Go reads it; empty if there is none."""
    return next(reversed(_subject_values(leaf, NameOID.COMMON_NAME)), "")


def _subject_values(leaf: x509.Certificate, kind: x509.ObjectIdentifier) -> tuple[str, ...]:
    """The attributes of one kind in the subject of a certificate."""
    return tuple(str(one.value) for one in leaf.subject.get_attributes_for_oid(kind))


def _websocket_token(lines: Lines) -> str:
    is_websocket = any(value.strip().lower() == b"websocket" for value in lines.get(b"upgrade", ()))
    return token_of(lines.get(b"sec-websocket-protocol", ())) if is_websocket else ""


_TOKENS: Final = {BEARER: bearer_token, WEBSOCKET: _websocket_token}
_BY_CONNECTION: Final = {FRONT_PROXY: _by_headers, CERTIFICATE: _by_certificate}
