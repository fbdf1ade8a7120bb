"""The file of a bundle: a new one that only its owner may read, a device or pipe, or standard output."""

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from errno import EISDIR
from functools import partial
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Final

from kubesum.vocabulary.errors import UsageError

STDOUT: Final = Path("-")


def path_of(given: str, now: datetime) -> Path:
    """The path that --bundle names; without a name, a file in the working directory named after the time."""
    return Path(given or f"kubesum-bundle-{now:%Y%m%dT%H%M%SZ}.tar.gz")


@contextmanager
def opened(path: Path) -> Iterator[Callable[[bytes], object]]:
    """Writes content to a file that is at `path` once it is complete; both raise UsageError.

    The file is made at once, so that a folder that cannot be written to is known before the cluster is read.
    """
    if path == STDOUT:
        yield _stdout().write
        return
    # To replace a device or a pipe, such as /dev/null, by a file would take it from all processes.
    is_replaced = path.is_dir() or path.is_file() or not path.exists()
    with (_replaced if is_replaced else _device)(path) as file:
        yield partial(_write, path, file)


@contextmanager
def _replaced(path: Path) -> Iterator[IO[bytes]]:
    with _unless_unwritable(path):
        if path.is_dir():
            raise IsADirectoryError(EISDIR, os.strerror(EISDIR))
        file = NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", buffering=0, delete=False)  # noqa: SIM115 - closed below
    try:
        with file:
            yield file
        with _unless_unwritable(path):
            os.replace(file.name, path)
    finally:
        Path(file.name).unlink(missing_ok=True)


@contextmanager
def _device(path: Path) -> Iterator[IO[bytes]]:
    with _unless_unwritable(path):
        file = path.open("wb", buffering=0)
    with file:
        yield file


def _write(path: Path, file: IO[bytes], content: bytes) -> None:
    rest = memoryview(content)
    with _unless_unwritable(path):
        while rest:
            # Less than all of it where the disk becomes full, and an error the next time.
            rest = rest[file.write(rest) :]


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
