"""The server's side of TLS: what it shows, who may connect, and how both change while it runs.

HTTP/1.1 only, TLS 1.2 and newer. Sessions are never resumed, because a resumed one skips the verification of
the client's certificate and forgets its intermediates; renegotiation is off. Clusters' CAs lack extensions
that the strict mode of newer Pythons demands, so that mode is off.

A context in use is never changed: a pair that does not fit would leave it broken, and no authority can be taken
out of it. A new one is made aside and takes its place for the connections that come.
"""

import logging
import ssl
import sys
import tempfile
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kubesum.edge.tls.certificates import KeyPair
from kubesum.edge.tls.certpool import Chain
from kubesum.operations.logs import LogReduction
from kubesum.operations.metrics import HANDSHAKES_FAILED, SERVING_CERTIFICATE_NOT_AFTER

log = logging.getLogger(__name__)

_LOG_REDUCTION: Final = LogReduction()


def mutual_tls_context(certificate_pem: bytes, key_pem: bytes, client_ca_pem: bytes) -> ssl.SSLContext:
    """A context that shows `certificate_pem` and requires a client certificate of `client_ca_pem`.

    `certificate_pem` is the leaf and then its intermediates. Raises ssl.SSLError for PEM that is none and for
    a key that does not belong to the certificate.
    """
    context = _context(certificate_pem, key_pem)
    SERVING_CERTIFICATE_NOT_AFTER.set(expiry(KeyPair(certificate_pem, key_pem)))
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(cadata=client_ca_pem.decode("ascii"))
    return context


def optional_client_cert_context(certificate_pem: bytes, key_pem: bytes, client_ca_pem: bytes) -> ssl.SSLContext:
    """The same, but clients need not show a certificate; without any authority they are not asked for one.

    Python cannot ask and leave the verdict to others: a certificate that no authority vouches for ends the handshake.
    """
    context = _context(certificate_pem, key_pem)
    if client_ca_pem.strip():
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=client_ca_pem.decode("ascii"))
    return context


class _ContextWithChain(ssl.SSLContext):
    """A context that knows what it shows, which OpenSSL keeps to itself."""

    chain: Chain = ()


def _context(certificate_pem: bytes, key_pem: bytes) -> ssl.SSLContext:
    context = _ContextWithChain(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    # As for Go, a bundle need not go up to a root: whatever it holds is trusted.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.sslobject_class = _Connection
    _load_pair(context, certificate_pem, key_pem)
    certificates = x509.load_pem_x509_certificates(certificate_pem)
    context.chain = tuple(one.public_bytes(Encoding.DER) for one in certificates)
    return context


def _load_pair(context: ssl.SSLContext, certificate_pem: bytes, key_pem: bytes) -> None:
    # OpenSSL takes a key from a file only; a temporary file is readable by its owner alone and gone at once.
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(key_pem.rstrip() + b"\n" + certificate_pem)
        file.flush()
        # With no password OpenSSL would ask for it on the terminal, and everybody would wait.
        context.load_cert_chain(file.name, password="")


class ReloadableContext(ssl.SSLContext):
    """Stands for another context, `current`, that may be replaced at any time.

    Both event loops ask the context that they were given for each new connection, and for nothing else.
    """

    current: ssl.SSLContext

    def __new__(cls, current: ssl.SSLContext) -> "ReloadableContext":
        """A context that stands for `current`."""
        made = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        made.current = current
        return made

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        """A new connection, set up as the current context has it."""
        return self.current.wrap_bio(*arguments, **named)


class _Connection(ssl.SSLObject):
    """A connection that tells when its handshake fails: event loops drop those without a word."""

    def do_handshake(self) -> None:
        """Goes on with the handshake."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLCertVerificationError as error:
            _note_failure("certificate", error.verify_message)
            raise
        except ssl.SSLError as error:
            HANDSHAKES_FAILED.labels("protocol").inc()
            log.debug("handshake failed", extra={"reason": error.reason})
            raise


def _note_failure(cause: str, reason: str) -> None:
    HANDSHAKES_FAILED.labels(cause).inc()
    if _LOG_REDUCTION.should_log(reason):
        # Who issued it is not known: OpenSSL forgets a chain that it refuses.
        log.warning("a client certificate is refused in the handshake", extra={"reason": reason})


class ServerTls:
    """What a server shows and whom it lets connect, both replaceable; `context` stands for them."""

    def __init__(self, pair: KeyPair) -> None:
        """Shows `pair` and asks for no client certificate until it knows an authority of clients.

        Raises ValueError for a pair that nobody could use.
        """
        self._pair = pair
        self._client_bundle = b""
        self.context: Final = ReloadableContext(_usable(pair, b""))
        SERVING_CERTIFICATE_NOT_AFTER.set(expiry(pair))

    @property
    def pair(self) -> KeyPair:
        """What is shown."""
        return self._pair

    def show(self, pair: KeyPair, now: float) -> None:
        """Shows another pair to those who connect from now on (seconds since 1970).

        Raises ValueError for one that nobody could use; what was shown before is shown on.
        """
        leaf = x509.load_pem_x509_certificate(pair.certificate)
        if leaf.not_valid_after_utc.timestamp() <= now:
            raise ValueError("the certificate has expired")
        if leaf.not_valid_before_utc.timestamp() > now:
            raise ValueError("the certificate is not valid yet")
        self.context.current = _usable(pair, self._client_bundle)
        self._pair = pair
        SERVING_CERTIFICATE_NOT_AFTER.set(expiry(pair))

    def set_client_ca(self, client_bundle: bytes) -> None:
        """Lets those connect whom these authorities (PEM) vouch for, and those without a certificate.

        Raises ValueError for authorities that are none; whoever could connect before still can.
        """
        self.context.current = _usable(self._pair, client_bundle)
        self._client_bundle = client_bundle


def _usable(pair: KeyPair, client_bundle: bytes) -> ssl.SSLContext:
    try:
        return optional_client_cert_context(pair.certificate, pair.key, client_bundle)
    except ssl.SSLError as error:
        what = "certificate, key and the authorities of clients" if client_bundle else "certificate and key"
        raise ValueError(f"{what} are of no use together: {error.reason or error}") from error
    except OSError as error:
        raise ValueError(f"no temporary file can be written: {error.strerror}") from error


def expiry(pair: KeyPair) -> float:
    """When a pair's certificate expires, in seconds since 1970; raises ValueError for what is none."""
    return x509.load_pem_x509_certificate(pair.certificate).not_valid_after_utc.timestamp()


def client_chain(connection: ssl.SSLObject | None) -> Chain:
    """The certificates that the client showed in the handshake, DER, its own first; empty if it showed none."""
    # Without one, the lists below hold None.
    if connection is None or connection.getpeercert(binary_form=True) is None:
        return ()
    if sys.version_info >= (3, 13):
        return tuple(connection.get_unverified_chain())
    # Not public before 3.13, and the same since 3.10; what is public forgets the intermediates.
    shown = connection._sslobj.get_unverified_chain()  # type: ignore[attr-defined]
    return tuple(ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in shown)


def serving_chain(connection: ssl.SSLObject | None) -> Chain:
    """The certificates that the server showed on a connection, its own first."""
    return connection.context.chain if connection and isinstance(connection.context, _ContextWithChain) else ()


def client_certificate_requested(connection: ssl.SSLObject | None) -> bool:
    """Whether the client was asked for a certificate in the handshake."""
    return connection is not None and connection.context.verify_mode is not ssl.CERT_NONE
