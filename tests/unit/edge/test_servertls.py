"""Changes of certificate and client authorities, valid and invalid ones."""

import os
import tempfile
import time
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from kubesum.edge.tls.certificates import KeyPair, serving
from kubesum.edge.tls.servertls import ServerTls
from kubesum.operations.metrics import SERVING_CERTIFICATE_NOT_AFTER
from tests.unit.edge.clientcertificates import DAY, NOW, Issued, certificate_for
from tests.wire import CA, CLIENTS, HOST, PAIR

OTHER = serving(CA, [HOST])


def encrypted(pair: Issued) -> KeyPair:
    key = pair.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))
    return KeyPair(pair.pem, key)


SELF = certificate_for("a", ca=False)
USELESS = {
    "nothing": (KeyPair(b"", b""), r".+"),
    "half a certificate": (KeyPair(SELF.pem[:300], SELF.pair().key), r".+"),
    "half a key": (KeyPair(SELF.pem, SELF.pair().key[:100]), "cannot be used together: one of them is not in PEM"),
    "another's key": (KeyPair(SELF.pem, OTHER.key), "KEY_VALUES_MISMATCH"),
    "a key with a password": (encrypted(SELF), "cannot be used together"),
    "expired": (certificate_for("a", ends=NOW - DAY / 4).pair(), "the certificate has expired"),
    "not valid yet": (certificate_for("a", begins=NOW + DAY).pair(), "the certificate is not valid yet"),
}


@pytest.mark.parametrize(("pair", "reason"), USELESS.values(), ids=USELESS)
def test_an_unusable_pair_changes_nothing(pair: KeyPair, reason: str) -> None:
    """A key with a password asked for it on the terminal, and blocked the event loop."""
    tls = ServerTls(PAIR)
    before = tls.context.current

    with pytest.raises(ValueError, match=reason):
        tls.set_certificate(pair, NOW.timestamp())

    assert (tls.context.current, tls.pair) == (before, PAIR)


def test_an_unusable_client_bundle_changes_nothing() -> None:
    tls = ServerTls(PAIR)
    tls.set_client_ca(CLIENTS.certificate)
    before = tls.context.current

    with pytest.raises(ValueError, match="cannot be used"):
        tls.set_client_ca(b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")

    assert tls.context.current is before


def test_a_full_disk_changes_nothing_where_keys_cannot_be_kept_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python loads keys from files only, and a full disk ended the process."""
    tls = ServerTls(PAIR)
    before = tls.context.current
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")

    with pytest.raises(ValueError, match="cannot write a temporary file"):
        tls.set_certificate(OTHER, time.time())
    with pytest.raises(ValueError, match="cannot write a temporary file"):
        tls.set_client_ca(CLIENTS.certificate)

    assert (tls.context.current, tls.pair) == (before, PAIR)


def test_keys_are_on_no_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    if not hasattr(os, "memfd_create"):
        pytest.skip("needs files in memory, as Linux has them")
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")

    ServerTls(PAIR).set_client_ca(CLIENTS.certificate)


def test_no_key_is_left_in_a_temporary_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "memfd_create", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    ServerTls(PAIR).set_client_ca(CLIENTS.certificate)

    assert list(tmp_path.iterdir()) == []


def test_the_expiry_of_the_certificate_is_a_metric() -> None:
    pair = certificate_for("a", ends=NOW + DAY).pair()

    tls = ServerTls(pair)
    assert SERVING_CERTIFICATE_NOT_AFTER._value.get() == (NOW + DAY).timestamp()

    tls.set_certificate(certificate_for("a", ends=NOW + 2 * DAY).pair(), NOW.timestamp())
    assert SERVING_CERTIFICATE_NOT_AFTER._value.get() == (NOW + 2 * DAY).timestamp()
