"""The connections to the API server, which share TLS and credentials as kubernetes_asyncio sets them up."""

from dataclasses import dataclass
from typing import Self

import aiohttp

from kubesum.kube.clientlibrary import ApiClient, Configuration
from kubesum.kube.credentials import fingerprint
from kubesum.kube.failures import cause
from kubesum.vocabulary.errors import UsageError


@dataclass(frozen=True, slots=True)
class ConnectionPool:
    """A pool of connections, all with the same CA and client certificate."""

    api: ApiClient
    session: aiohttp.ClientSession
    fingerprint: bytes
    """Of the certificates and the key, to compare with those of a configuration that is loaded again."""

    @classmethod
    def of(cls, configuration: Configuration) -> Self:
        """The pool for a configuration; raises UsageError for certificates or a key that cannot be used."""
        try:
            digest = fingerprint(configuration)
            api = ApiClient(configuration)
        except OSError as error:
            files = (configuration.ssl_ca_cert, configuration.cert_file, configuration.key_file)
            named = ", ".join(name for name in files if name)
            raise UsageError(
                f"the certificates for {configuration.host} ({named}) cannot be used: {cause(error)}"
            ) from error
        # The session of ApiClient reads ~/.netrc and keeps cookies; only its connector, which holds TLS, is used.
        session = aiohttp.ClientSession(
            connector=api.rest_client.pool_manager.connector,
            connector_owner=False,
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return cls(api, session, digest)

    async def close(self) -> None:
        """Ends all connections."""
        await self.session.close()
        await self.api.close()
