"""The server's side of TLS: who may connect, and how.

HTTP/1.1 only, TLS 1.2 and newer. Sessions are never resumed, because a resumed one skips the verification of
the client's certificate and forgets its intermediates; renegotiation is off. Clusters' CAs lack extensions
that the strict mode of newer Pythons demands, so that mode is off.
"""

import ssl
import tempfile

from cryptography import x509

from app import telemetry


def server_context(certificate_pem: bytes, key_pem: bytes, client_ca_pem: bytes) -> ssl.SSLContext:
    """A context that shows `certificate_pem` and requires a client certificate of `client_ca_pem`.

    `certificate_pem` is the leaf and then its intermediates. Raises ssl.SSLError for PEM that is none and for
    a key that does not belong to the certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    _load_pair(context, certificate_pem, key_pem)
    expiry = x509.load_pem_x509_certificate(certificate_pem).not_valid_after_utc
    telemetry.SERVING_CERTIFICATE_NOT_AFTER.set(expiry.timestamp())
    context.verify_mode = ssl.CERT_REQUIRED
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    context.load_verify_locations(cadata=client_ca_pem.decode("ascii"))
    return context


def _load_pair(context: ssl.SSLContext, certificate_pem: bytes, key_pem: bytes) -> None:
    # OpenSSL takes a key from a file only; a temporary file is readable by its owner alone and gone at once.
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(key_pem.rstrip() + b"\n" + certificate_pem)
        file.flush()
        context.load_cert_chain(file.name)
