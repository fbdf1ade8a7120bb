"""What a Go client says when it cannot reach a server: the words in which people meet these errors.

Taken from a kube-apiserver 1.36 in front of servers with each of the troubles. Why a certificate is not believed
is looked up in the certificate itself, since OpenSSL checks in another order and names fewer facts.
"""

import asyncio
import ssl
from datetime import UTC, datetime
from typing import Final

import aiohttp
from cryptography import x509

_HANDSHAKE_S: Final = 2.0


async def go_error(error: Exception, service_address: str, connected: str, host: str) -> str:
    """The error of a request to `service_address`, which was made to `connected` and verified as `host`."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"tls: failed to verify certificate: x509: {await _verification_error(connected, host)}"
    if isinstance(error, ConnectionRefusedError) or isinstance(error.__cause__, ConnectionRefusedError):
        return f"dial tcp {service_address}: connect: connection refused"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "EOF"
    if isinstance(error, TimeoutError):
        return (
            "net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)"
        )
    return str(error) or type(error).__name__


async def _verification_error(connected: str, host: str) -> str:
    """What is wrong with the certificate of a server; crypto/x509/verify.go, in its order."""
    try:
        shown = await _peer_certificate(connected, host)
        names = shown.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except OSError as error:
        return str(error)
    except x509.ExtensionNotFound:
        return "certificate relies on legacy Common Name field, use SANs instead"
    now, ends = datetime.now(UTC), shown.not_valid_after_utc
    if now > ends:
        return f"certificate has expired or is not yet valid: current time {_time(now)} is after {_time(ends)}"
    dns_names = names.get_values_for_type(x509.DNSName)
    if host not in dns_names:
        return f"certificate is valid for {', '.join(dns_names)}, not {host}"
    return "certificate signed by unknown authority"


async def _peer_certificate(connected: str, host: str) -> x509.Certificate:
    """The certificate that a server shows to whoever asks."""
    blind = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    blind.check_hostname, blind.verify_mode = False, ssl.CERT_NONE
    address, _, port = connected.rpartition(":")
    async with asyncio.timeout(_HANDSHAKE_S):
        _, writer = await asyncio.open_connection(address, int(port), ssl=blind, server_hostname=host)
    try:
        return x509.load_der_x509_certificate(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
    finally:
        writer.close()


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
