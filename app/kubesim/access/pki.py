"""The certificates, keys and tokens of one simulated cluster.

There are two unrelated authorities: one signs the API server and its users, the other only the aggregator's client
certificate. An extension server that trusted the first for front proxies would let any user impersonate any other.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from secrets import token_urlsafe
from typing import Final

from kubesim.access import certificates
from kubesim.access.authentication import PEOPLE, User, service_account
from kubesim.access.certificates import KeyPair
from kubesim.store.store import JsonObject

FRONT_PROXY: Final = "front-proxy-client"
"""Common name of the certificate that the aggregator presents to extension servers."""

_SERVER_HOSTS: Final = ("localhost", "kubernetes", "kubernetes.default.svc", "127.0.0.1")


@dataclass(frozen=True, slots=True)
class Pki:
    """The credentials of one simulated cluster.

    `authority` signed the server and the `people` (by context name), `front_proxy_authority` the aggregator's client
    certificate. The pairs of paths are files of a certificate and its key: Python's TLS reads them only from files.
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
        """The valid bearer tokens and their users."""
        return {self.service_token: self.service_account}


def create(directory: Path, account: JsonObject) -> Pki:
    """New authorities and certificates, and a token of the ServiceAccount `account`; files go to `directory`."""
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
