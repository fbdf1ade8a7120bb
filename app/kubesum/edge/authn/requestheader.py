"""The authentication configuration that kube-apiserver publishes for extension API servers.

The ConfigMap extension-apiserver-authentication holds two bundles of authorities, of users and of the front proxy,
and the headers in which the front proxy names the user. Its data are parsed into one immutable
`RequestHeaderConfig`, so that a change of the ConfigMap takes effect as a whole.
Keys: kubernetes/pkg/controlplane/controller/clusterauthenticationtrust.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Final

import msgspec

from kubesum.edge.tls.certpool import CertPool
from kubesum.vocabulary.errors import UpstreamError
from kubesum.vocabulary.resource import Key

CONFIG_MAP: Final[Key] = ("kube-system", "extension-apiserver-authentication")

IdentityNames = tuple[tuple[bytes, ...], tuple[bytes, ...], tuple[bytes, ...], tuple[bytes, ...]]
"""Names of the headers of the user's name, uid and groups, and prefixes of those of the user's extra values."""

# Whatever headers are configured.
_ALWAYS_REMOVED: Final = (b"authorization", b"x-remote-", b"impersonate-", b"sec-websocket-protocol")
_NO_POOL: Final = CertPool(b"")


@dataclass(frozen=True)
class RequestHeaderConfig:
    """Authorities of client certificates, and the identity headers of the front proxy, names in lower case."""

    clients: CertPool = _NO_POOL
    front_proxies: CertPool = _NO_POOL
    allowed_names: frozenset[str] = frozenset()
    """The common names that a front proxy's certificate may have; empty for any."""
    username_headers: tuple[bytes, ...] = ()
    uid_headers: tuple[bytes, ...] = ()
    group_headers: tuple[bytes, ...] = ()
    extra_prefixes: tuple[bytes, ...] = ()

    @property
    def bundle(self) -> bytes:
        """The authorities of both pools."""
        return self.clients.bundle + self.front_proxies.bundle

    @cached_property
    def names(self) -> IdentityNames:
        """The names of all identity headers."""
        return self.username_headers, self.uid_headers, self.group_headers, self.extra_prefixes

    @cached_property
    def prefixes(self) -> tuple[bytes, ...]:
        """What the names of identity headers begin with."""
        return tuple(chain.from_iterable(self.names))

    @cached_property
    def removed_prefixes(self) -> tuple[bytes, ...]:
        """What the names of headers begin with that are removed from requests, with `-` in place of `_`."""
        return tuple([name.replace(b"_", b"-") for name in self.prefixes]) + _ALWAYS_REMOVED

    @cached_property
    def is_spoofable(self) -> bool:
        """Whether a user's certificate could pass for the front proxy's: an authority is in both pools."""
        return not self.allowed_names and bool(self.clients.keys & self.front_proxies.keys)


EMPTY_CONFIG: Final = RequestHeaderConfig()
"""In effect until the ConfigMap is loaded: no certificate and no header authenticates."""


def request_header_config(data: Mapping[str, str]) -> RequestHeaderConfig:
    """The configuration in the data of the ConfigMap; raises UpstreamError for data that cannot be parsed."""
    return RequestHeaderConfig(
        clients=_pool(data, "client-ca-file"),
        front_proxies=_pool(data, "requestheader-client-ca-file"),
        allowed_names=frozenset(_names(data, "requestheader-allowed-names")),
        username_headers=_headers(data, "requestheader-username-headers"),
        # No default name: an aggregator that sets no uid header passes on the one that the client sent.
        uid_headers=_headers(data, "requestheader-uid-headers"),
        group_headers=_headers(data, "requestheader-group-headers"),
        extra_prefixes=_headers(data, "requestheader-extra-headers-prefix"),
    )


def _pool(data: Mapping[str, str], key: str) -> CertPool:
    try:
        return CertPool(data.get(key, "").encode())
    except ValueError as error:
        raise UpstreamError(f"{_where(key)} holds no PEM certificates: {error}") from error


def _headers(data: Mapping[str, str], key: str) -> tuple[bytes, ...]:
    return tuple(name.lower().encode() for name in _names(data, key) if name)


def _names(data: Mapping[str, str], key: str) -> tuple[str, ...]:
    text = data.get(key, "")
    if not text:
        return ()
    try:
        return msgspec.json.decode(text, type=tuple[str, ...])
    except msgspec.DecodeError as error:
        raise UpstreamError(f"{_where(key)} is no JSON list of names: {error}") from error


def _where(key: str) -> str:
    return f"{key} of the ConfigMap {'/'.join(CONFIG_MAP)}"
