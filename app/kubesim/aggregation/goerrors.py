"""Errors of requests in the words of Go's net/http and crypto/x509, which kube-apiserver reports.

The texts were taken from kube-apiserver 1.36. Why a certificate is rejected is read from the certificate itself,
because OpenSSL checks in another order and reports less.
"""

import asyncio
import ssl
from datetime import UTC, datetime
from typing import Final

import aiohttp
from cryptography import x509

_HANDSHAKE_S: Final = 10.0
"""For the certificate of a server that has sent it a moment ago; after it there is no reason to show."""


async def go_error(error: Exception, requested: str, connected: str, host: str) -> str:
    """The error of a request to the address `requested`, which was sent to `connected` and verified for `host`."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return f"tls: failed to verify certificate: x509: {await _verification_error(connected, host)}"
    if isinstance(error, ConnectionRefusedError) or isinstance(error.__cause__, ConnectionRefusedError):
        return f"dial tcp {requested}: connect: connection refused"
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return "EOF"
    if isinstance(error, TimeoutError):
        return (
            "net/http: request canceled while waiting for connection (Client.Timeout exceeded while awaiting headers)"
        )
    return str(error) or type(error).__name__


async def _verification_error(connected: str, host: str) -> str:
    """Why the certificate of a server is rejected, checked in the order of crypto/x509/verify.go."""
    try:
        certificate = await _peer_certificate(connected, host)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except OSError as error:
        return str(error)
    except x509.ExtensionNotFound:
        return "certificate relies on legacy Common Name field, use SANs instead"
    now, ends = datetime.now(UTC), certificate.not_valid_after_utc
    if now > ends:
        return f"certificate has expired or is not yet valid: current time {_time(now)} is after {_time(ends)}"
    dns_names = names.get_values_for_type(x509.DNSName)
    if host not in dns_names:
        return f"certificate is valid for {', '.join(dns_names)}, not {host}"
    return "certificate signed by unknown authority"


async def _peer_certificate(connected: str, host: str) -> x509.Certificate:
    """The certificate of a server, unverified."""
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname, unverified.verify_mode = False, ssl.CERT_NONE
    address, _, port = connected.rpartition(":")
    async with asyncio.timeout(_HANDSHAKE_S):
        _, writer = await asyncio.open_connection(address, int(port), ssl=unverified, server_hostname=host)
    try:
        return x509.load_der_x509_certificate(writer.get_extra_info("ssl_object").getpeercert(binary_form=True))
    finally:
        writer.close()


def _time(moment: datetime) -> str:
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"
