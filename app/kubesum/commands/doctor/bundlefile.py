"""The file of a bundle: a new one that only its owner may read, or standard output."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from errno import EISDIR
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Final

from kubesum.vocabulary.errors import UsageError

STDOUT: Final = Path("-")


def path_of(given: str, now: datetime) -> Path:
    """The path that --bundle names; without a name, a file in the working directory named after the time."""
    return Path(given or f"kubesum-bundle-{now:%Y%m%dT%H%M%SZ}.tar.gz")


@contextmanager
def opened(path: Path) -> Iterator[IO[bytes]]:
    """A file to write to, which is at `path` once it is complete; raises UsageError.

    It is made at once, so that a folder that cannot be written to is known before the cluster is read.
    """
    if path == STDOUT:
        yield _stdout()
        return
    with _unless_unwritable(path):
        if path.is_dir():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        file = NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False)  # noqa: SIM115 - closed below
    try:
        with file:
            yield file
        with _unless_unwritable(path):
            os.replace(file.name, path)
    finally:
        Path(file.name).unlink(missing_ok=True)


def _stdout() -> IO[bytes]:
    if sys.stdout.isatty():
        raise UsageError("the bundle is binary, so it is not written to a terminal; redirect it, or name a file")
    return sys.stdout.buffer


@contextmanager
def _unless_unwritable(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(f"the bundle {path} cannot be written: {error.strerror}; name another file") from error
