"""The certificates and tokens of one simulated cluster.

Two authorities that know nothing of each other: one for the API server and its users, one for the aggregator
alone. An extension server that mixed them up would let any user speak for any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Final

from kubesim.access import certificates
from kubesim.access.accounts import PEOPLE, User, service_account
from kubesim.access.certificates import KeyPair
from kubesim.store.store import JsonObject

FRONT_PROXY: Final = "front-proxy-client"
"""Common name of the certificate that the aggregator presents to extension servers."""

_SERVER_HOSTS: Final = ("localhost", "kubernetes", "kubernetes.default.svc", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Pki:
    """Everything secret in one simulated cluster.

    `authority` signed the server and the `people` (by context name); `front_proxy_authority` signed the
    aggregator's client certificate and nothing else. The two pairs of paths are files: TLS reads nothing else.
    """

    authority: KeyPair
    front_proxy_authority: KeyPair
    server_files: tuple[Path, Path]
    front_proxy_files: tuple[Path, Path]
    people: Mapping[str, KeyPair]
    service_account: User
    service_token: str

    @property
    def tokens(self) -> Mapping[str, User]:
        """The bearer tokens that exist, and whose they are."""
        return {self.service_token: self.service_account}


def create(directory: Path, account: JsonObject) -> Pki:
    """New authorities and certificates, and a token of the ServiceAccount `account`; TLS files go to `directory`."""
    metadata = account["metadata"]
    authority = certificates.authority("kubernetes-ca")
    front_proxy_authority = certificates.authority("front-proxy-ca")
    server = certificates.serving(authority, _SERVER_HOSTS)
    front_proxy = certificates.client(front_proxy_authority, FRONT_PROXY)
    return Pki(
        authority,
        front_proxy_authority,
        server.write(directory, "kube-apiserver"),
        front_proxy.write(directory, FRONT_PROXY),
        {context: certificates.client(authority, user.name, user.groups) for context, user in PEOPLE.items()},
        service_account(metadata["namespace"], metadata["name"]),
        token_urlsafe(32),
    )
