"""The credentials of `kubesum local`, which live as long as its process, and the kubeconfig that holds them.

Exactly one client certificate may connect. Its CA is created at the start, and the CA's key is not stored. The client
may read everything that is served, which is what the user of the cluster's kubeconfig may read [decisions 18].
"""

import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from typing import Any, Final

import yaml

from kubesum.edge.tls import certificates, servertls
from kubesum.edge.tls.certificates import KeyPair, write_private
from kubesum.server.sockets import LOOPBACK
from kubesum.vocabulary.errors import UsageError

USER: Final = "kubesum-local"


@dataclass(frozen=True, slots=True)
class LocalCredentials:
    """The TLS context of the server, and the kubeconfig of its only client, in YAML."""

    tls: SSLContext
    kubeconfig: bytes


def local_credentials(port: int) -> LocalCredentials:
    """New certificates for a server on loopback and for its client."""
    authority = certificates.authority(f"{USER}-ca")
    serving = certificates.serving(authority, (LOOPBACK, "localhost"))
    context = servertls.mutual_tls_context(serving.certificate, serving.key, authority.certificate)
    config = _config(f"https://{LOOPBACK}:{port}", authority, certificates.client(authority, USER))
    return LocalCredentials(context, yaml.safe_dump(config).encode())


def _config(url: str, authority: KeyPair, client: KeyPair) -> dict[str, Any]:
    cluster = {"server": url, "certificate-authority-data": b64encode(authority.certificate).decode()}
    user = {
        "client-certificate-data": b64encode(client.certificate).decode(),
        "client-key-data": b64encode(client.key).decode(),
    }
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": USER, "cluster": cluster}],
        "users": [{"name": USER, "user": user}],
        "contexts": [{"name": USER, "context": {"cluster": USER, "user": USER}}],
        "current-context": USER,
    }


@contextmanager
def kubeconfig_file(kubeconfig: bytes, path: Path | None) -> Iterator[Path]:
    """Writes the kubeconfig to a file that only its owner may read, and gives its path.

    The file at `path` is kept; without a path, it is temporary and removed on exit. Raises UsageError if it cannot be
    written.
    """
    if path is not None:
        _write(path, kubeconfig)
        yield path
        return
    with temporary_directory() as directory:
        temporary = directory / "kubeconfig"
        _write(temporary, kubeconfig)
        yield temporary


@contextmanager
def temporary_directory() -> Iterator[Path]:
    """A directory that only this user can read, removed on exit. Raises UsageError if none can be made."""
    with ExitStack() as stack:
        try:
            name = stack.enter_context(tempfile.TemporaryDirectory(prefix="kubesum-"))
        except OSError as error:
            raise UsageError(
                f"cannot make a temporary directory: {error.strerror}; set TMPDIR to a directory that can be written"
            ) from error
        yield Path(name)


def _write(path: Path, content: bytes) -> None:
    try:
        write_private(path, content)
    except OSError as error:
        raise UsageError(f"cannot write the kubeconfig {path}: {error.strerror}") from error
