"""TLS of the server: its certificate and the authorities of its clients, both replaceable while it runs.

HTTP/1.1 only, TLS 1.2 and newer; renegotiation is off. The strict mode of newer Pythons is off, because the
authorities of clusters lack extensions that it demands.

Sessions are not resumed, because a resumed one skips the verification of the client's certificate. No tickets are
sent; but OpenSSL keeps the sessions of TLS 1.2, 10 KB each with a client certificate and up to 20,480, and Python
cannot turn that off. So a context that keeps one is replaced before the next connection. What is left to resume, by
connections that were accepted before or while there is no descriptor for another context, identifies nobody else: the
certificate of a session is verified with each request, as that of a handshake.

A context in use is never changed: a key that does not fit would break it, and no authority can be removed from it.
A new context replaces it for new connections.
"""

import logging
import os
import ssl
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import partial
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from kubesum.edge.tls.certificates import KeyPair
from kubesum.edge.tls.certpool import Chain
from kubesum.operations.logs import LogReduction
from kubesum.operations.metrics import HANDSHAKES_FAILED, SERVING_CERTIFICATE_NOT_AFTER

log = logging.getLogger(__name__)

MakeContext = Callable[[], ssl.SSLContext]

_LOG_REDUCTION: Final = LogReduction()
_MFD_NOEXEC_SEAL: Final = 0x8
"""linux/memfd.h; Python has no name for it."""


def mutual_tls_context(certificate_pem: bytes, key_pem: bytes, client_ca_pem: bytes) -> ssl.SSLContext:
    """A context that presents `certificate_pem` and requires a client certificate of `client_ca_pem`.

    `certificate_pem` is the leaf and then its intermediates. Raises ssl.SSLError for invalid PEM and for a key that
    does not belong to the certificate.
    """

    def make() -> ssl.SSLContext:
        context = _context(certificate_pem, key_pem)
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=client_ca_pem.decode("ascii"))
        return context

    made = ReloadableContext(make)
    SERVING_CERTIFICATE_NOT_AFTER.set(expiry(KeyPair(certificate_pem, key_pem)))
    return made


def optional_client_cert_context(certificate_pem: bytes, key_pem: bytes, client_ca_pem: bytes) -> ssl.SSLContext:
    """A context that verifies a client certificate if the client presents one.

    If `client_ca_pem` is empty, clients are not asked for a certificate. Python cannot ask for a certificate without
    verifying it: one that does not verify ends the handshake.
    """
    context = _context(certificate_pem, key_pem)
    if client_ca_pem.strip():
        context.verify_mode = ssl.CERT_OPTIONAL
        context.load_verify_locations(cadata=client_ca_pem.decode("ascii"))
    return context


class _ContextWithChain(ssl.SSLContext):
    """A context with the chain that it presents, which Python's contexts do not give."""

    chain: Chain = ()


def _context(certificate_pem: bytes, key_pem: bytes) -> ssl.SSLContext:
    context = _ContextWithChain(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION
    context.num_tickets = 0
    context.set_alpn_protocols(["http/1.1"])
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    # As in Go, every certificate of the bundle is a trust anchor, also an intermediate.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.sslobject_class = _Connection
    _load_pair(context, certificate_pem, key_pem)
    certificates = x509.load_pem_x509_certificates(certificate_pem)
    context.chain = tuple(one.public_bytes(Encoding.DER) for one in certificates)
    return context


def _load_pair(context: ssl.SSLContext, certificate_pem: bytes, key_pem: bytes) -> None:
    # Python loads a key from a file only.
    with _file_in_memory(key_pem.rstrip() + b"\n" + certificate_pem) as path:
        # Without a password argument OpenSSL would ask for one on the terminal, and block the event loop.
        context.load_cert_chain(path, password="")


@contextmanager
def _file_in_memory(content: bytes) -> Iterator[str]:
    """The path of a file that no other user can read, and that is on no disk where the system has such files."""
    if hasattr(os, "memfd_create"):
        with open(_anonymous_file(), "wb") as file:
            file.write(content)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.NamedTemporaryFile(suffix=".pem") as named:
        named.write(content)
        named.flush()
        yield named.name


def _anonymous_file() -> int:
    """The descriptor of a new file in memory."""
    try:
        # Hosts with vm.memfd_noexec=2 allow no others.
        return os.memfd_create("certificate", os.MFD_CLOEXEC | _MFD_NOEXEC_SEAL)
    except OSError:
        # The flag is of Linux 6.3.
        return os.memfd_create("certificate")


class ReloadableContext(ssl.SSLContext):
    """A context that sets up new connections by another context, which may be replaced at any time.

    asyncio and uvloop call nothing but `wrap_bio`, once for each connection.
    """

    current: ssl.SSLContext
    _make: MakeContext

    def __new__(cls, make: MakeContext) -> "ReloadableContext":
        """A context that delegates to those of `make`; raises what it raises."""
        made = super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)
        made.use(make)
        return made

    def use(self, make: MakeContext) -> None:
        """Delegates to the contexts of `make` from now on; raises what it raises, and changes nothing then."""
        self.current = make()
        self._make = make

    def wrap_bio(self, *arguments: Any, **named: Any) -> ssl.SSLObject:
        """A new connection of the current context."""
        if self.current.session_stats()["number"]:
            # Without descriptors none can be made: the key is read from a file in memory.
            with suppress(OSError, ValueError):
                self.current = self._make()
        return self.current.wrap_bio(*arguments, **named)


class _Connection(ssl.SSLObject):
    """A connection that counts and logs a failed handshake, which event loops drop silently."""

    def do_handshake(self) -> None:
        """Continues the handshake."""
        try:
            super().do_handshake()
        except (ssl.SSLWantReadError, ssl.SSLWantWriteError):
            raise
        except ssl.SSLCertVerificationError as error:
            _record_failure("certificate", error.verify_message)
            raise
        except ssl.SSLError as error:
            HANDSHAKES_FAILED.labels("protocol").inc()
            log.debug("handshake failed", extra={"reason": error.reason})
            raise


def _record_failure(cause: str, reason: str) -> None:
    HANDSHAKES_FAILED.labels(cause).inc()
    if _LOG_REDUCTION.should_log(reason):
        # Without the issuer: OpenSSL does not keep a chain that it rejects.
        log.warning("client certificate rejected in the TLS handshake", extra={"reason": reason})


class ServerTls:
    """The certificate of a server and the authorities of its clients, in effect through `context`."""

    def __init__(self, pair: KeyPair) -> None:
        """Presents `pair`, and asks for no client certificate until `set_client_ca`.

        Raises ValueError for a pair that cannot be used.
        """
        self._pair = pair
        self._client_bundle = b""
        self.context: Final = ReloadableContext(partial(_usable, pair, b""))
        SERVING_CERTIFICATE_NOT_AFTER.set(expiry(pair))

    @property
    def pair(self) -> KeyPair:
        """The certificate and key in use."""
        return self._pair

    def set_certificate(self, pair: KeyPair, now: float) -> None:
        """Presents `pair` on new connections; `now` is in seconds since 1970.

        Raises ValueError for a pair that cannot be used, and keeps the current one.
        """
        leaf = x509.load_pem_x509_certificate(pair.certificate)
        if leaf.not_valid_after_utc.timestamp() <= now:
            raise ValueError("the certificate has expired")
        if leaf.not_valid_before_utc.timestamp() > now:
            raise ValueError("the certificate is not valid yet")
        self.context.use(partial(_usable, pair, self._client_bundle))
        self._pair = pair
        SERVING_CERTIFICATE_NOT_AFTER.set(expiry(pair))

    def set_client_ca(self, client_bundle: bytes) -> None:
        """Verifies client certificates of new connections against `client_bundle`, PEM.

        Raises ValueError for a bundle that cannot be used, and keeps the current one.
        """
        self.context.use(partial(_usable, self._pair, client_bundle))
        self._client_bundle = client_bundle


def _usable(pair: KeyPair, client_bundle: bytes) -> ssl.SSLContext:
    try:
        return optional_client_cert_context(pair.certificate, pair.key, client_bundle)
    except ssl.SSLError as error:
        what = "certificate, key and client authorities" if client_bundle else "certificate and key"
        # OpenSSL has no reason for what it cannot parse.
        cause = error.reason or "one of them is not in PEM, or the key has a password"
        raise ValueError(f"{what} cannot be used together: {cause}") from error
    except OSError as error:
        raise ValueError(f"cannot write a temporary file: {error.strerror}") from error


def expiry(pair: KeyPair) -> float:
    """When a pair's certificate expires, in seconds since 1970; raises ValueError if it cannot be parsed."""
    return x509.load_pem_x509_certificate(pair.certificate).not_valid_after_utc.timestamp()


def client_chain(connection: ssl.SSLObject | None) -> Chain:
    """The certificates that the client presented in the handshake; empty if it presented none."""
    # Without a certificate the lists below hold None.
    if connection is None or connection.getpeercert(binary_form=True) is None:
        return ()
    if sys.version_info >= (3, 13):
        return tuple(connection.get_unverified_chain())
    # Public since 3.13, and unchanged since 3.10; the public functions of older versions omit the intermediates.
    presented = connection._sslobj.get_unverified_chain()  # type: ignore[attr-defined]
    return tuple(ssl.PEM_cert_to_DER_cert(one.public_bytes()) for one in presented)


def serving_chain(connection: ssl.SSLObject | None) -> Chain:
    """The certificates that the server presented on a connection; empty without TLS."""
    return connection.context.chain if connection and isinstance(connection.context, _ContextWithChain) else ()


def client_certificate_requested(connection: ssl.SSLObject | None) -> bool:
    """Whether the client was asked for a certificate in the handshake."""
    return connection is not None and connection.context.verify_mode is not ssl.CERT_NONE
