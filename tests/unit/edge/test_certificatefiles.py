"""A serving certificate in files, as a kubelet, cert-manager or a person writes them."""

import asyncio
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from kubesum.edge.tls.certificatefiles import CertificateFiles
from kubesum.edge.tls.certificates import KeyPair
from kubesum.operations.metrics import CERTIFICATE_RELOADS
from kubesum.vocabulary.errors import UsageError
from tests.leaping import leaping
from tests.unit.edge.clientcertificates import DAY, NOW, certificate_for, root

CA = root()
OLD = certificate_for("kubesum.test", CA).pair()
NEW = certificate_for("kubesum.test", CA).pair()


@dataclass
class Clock:
    """A clock that tests set."""

    now: datetime = NOW

    def __call__(self) -> float:
        return self.now.timestamp()


@dataclass
class Mount:
    """A Secret as a kubelet mounts it: `tls.crt` is a link through `..data` into a folder that is replaced."""

    home: Path
    count: int = 0

    def put(self, pair: KeyPair) -> None:
        self.count += 1
        folder = self.home / f"..{self.count}"
        folder.mkdir()
        (folder / "tls.crt").write_bytes(pair.certificate)
        (folder / "tls.key").write_bytes(pair.key)
        (self.home / "..data_tmp").symlink_to(folder.name)
        os.replace(self.home / "..data_tmp", self.home / "..data")
        for name in ("tls.crt", "tls.key"):
            if not (self.home / name).is_symlink():
                (self.home / name).symlink_to(f"..data/{name}")

    def files(self, clock: Clock | None = None) -> CertificateFiles:
        return CertificateFiles(self.home / "tls.crt", self.home / "tls.key", clock or Clock())


@pytest.fixture
def mount(tmp_path: Path) -> Mount:
    mount = Mount(tmp_path)
    mount.put(OLD)
    return mount


def errors() -> float:
    return float(CERTIFICATE_RELOADS.labels("error")._value.get())


def test_a_change_of_a_mounted_secret_is_loaded(mount: Mount) -> None:
    files = mount.files()
    assert files.tls.pair == OLD

    files.reload()
    assert files.tls.pair == OLD

    mount.put(NEW)
    files.reload()
    assert files.tls.pair == NEW

    mount.put(OLD)
    files.reload()
    assert files.tls.pair == OLD


def test_files_with_the_same_content_are_not_reloaded(mount: Mount) -> None:
    """Also if they are written again, or touched."""
    files = mount.files()
    before = files.tls.context.current

    mount.put(OLD)
    files.reload()

    assert files.tls.context.current is before


@pytest.mark.parametrize("first", ["tls.crt", "tls.key"])
def test_files_written_one_after_the_other_are_loaded_when_they_fit(tmp_path: Path, first: str) -> None:
    certificate, key = tmp_path / "tls.crt", tmp_path / "tls.key"
    certificate.write_bytes(OLD.certificate)
    key.write_bytes(OLD.key)
    files = CertificateFiles(certificate, key, Clock())
    parts = {"tls.crt": NEW.certificate, "tls.key": NEW.key}
    before = errors()

    (tmp_path / first).write_bytes(parts.pop(first))
    files.reload()
    assert (files.tls.pair, errors()) == (OLD, before + 1)

    ((other, content),) = parts.items()
    (tmp_path / other).write_bytes(content)
    files.reload()
    assert files.tls.pair == NEW


USELESS = {
    "half written": KeyPair(NEW.certificate[:300], NEW.key),
    "empty": KeyPair(b"", b""),
    "no certificate": KeyPair(b"nonsense", NEW.key),
    "another's key": KeyPair(NEW.certificate, OLD.key),
    "over": certificate_for("kubesum.test", CA, ends=NOW - DAY / 2).pair(),
}


@pytest.mark.parametrize("pair", USELESS.values(), ids=USELESS)
def test_an_unusable_pair_is_rejected_and_a_good_one_is_loaded(mount: Mount, pair: KeyPair) -> None:
    files = mount.files()
    before = errors()

    mount.put(pair)
    files.reload()
    assert (files.tls.pair, errors()) == (OLD, before + 1)

    mount.put(NEW)
    files.reload()
    assert files.tls.pair == NEW


def test_a_certificate_that_begins_later_is_loaded_then(mount: Mount) -> None:
    """Its content does not change any more, so that it was never tried again."""
    clock = Clock()
    files = mount.files(clock)
    later = certificate_for("kubesum.test", CA, begins=NOW + DAY / 24).pair()

    mount.put(later)
    files.reload()
    assert files.tls.pair == OLD

    clock.now += DAY / 24
    files.reload()
    assert files.tls.pair == later


def test_the_current_pair_stays_if_the_files_are_deleted(mount: Mount) -> None:
    files = mount.files()
    before = errors()

    (mount.home / "..data").unlink()
    files.reload()
    assert (files.tls.pair, errors()) == (OLD, before + 1)

    mount.put(NEW)
    files.reload()
    assert files.tls.pair == NEW


@pytest.mark.parametrize("pair", USELESS.values(), ids=USELESS)
def test_an_unusable_pair_at_the_start_is_an_error(mount: Mount, pair: KeyPair) -> None:
    mount.put(pair)

    with pytest.raises(UsageError, match=r"tls\.crt and .*tls\.key cannot be served: .+"):
        mount.files()


def test_missing_files_at_the_start_are_an_error(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"tls\.crt cannot be read: No such file or directory"):
        Mount(tmp_path).files()


def test_the_files_are_reloaded_periodically(mount: Mount) -> None:
    async def main() -> None:
        files = mount.files()
        running = asyncio.create_task(files.run())
        await asyncio.sleep(0)
        mount.put(NEW)
        await asyncio.sleep(3)
        assert files.tls.pair == NEW
        running.cancel()

    leaping(main())
