"""kubesum for one person on one machine: certificates that live as long as the process, and a kubeconfig.

Exactly one certificate may connect, made at the start together with its authority, whose key is kept nowhere.
It may read everything that is served, which is what the person whose kubeconfig reads the cluster may read.
"""

import tempfile
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from ssl import SSLContext
from typing import Final

import yaml

from kubesum.edge.tls import certificates, servertls
from kubesum.edge.tls.certificates import write_private
from kubesum.server.sockets import LOOPBACK
from kubesum.vocabulary.errors import UsageError

USER: Final = "kubesum-local"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Both ends of a connection: the server's TLS context, and the kubeconfig of its only client."""

    tls: SSLContext
    kubeconfig: bytes


def credentials(port: int) -> Credentials:
    """New certificates for a server on loopback and for its one client."""
    authority = certificates.authority(f"{USER}-ca")
    serving = certificates.serving(authority, (LOOPBACK, "localhost"))
    client = certificates.client(authority, USER)
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [
            {
                "name": USER,
                "cluster": {
                    "server": f"https://{LOOPBACK}:{port}",
                    "certificate-authority-data": b64encode(authority.certificate).decode(),
                },
            }
        ],
        "users": [
            {
                "name": USER,
                "user": {
                    "client-certificate-data": b64encode(client.certificate).decode(),
                    "client-key-data": b64encode(client.key).decode(),
                },
            }
        ],
        "contexts": [{"name": USER, "context": {"cluster": USER, "user": USER}}],
        "current-context": USER,
    }
    context = servertls.server_context(serving.certificate, serving.key, authority.certificate)
    return Credentials(context, yaml.safe_dump(document).encode())


@contextmanager
def written(kubeconfig: bytes, path: Path | None) -> Iterator[Path]:
    """The kubeconfig as a file that only its owner may read.

    At `path` it stays; without one it is a temporary file that goes when the context ends. Raises UsageError
    if it can't be written.
    """
    if path is not None:
        _write(path, kubeconfig)
        yield path
        return
    with tempfile.TemporaryDirectory(prefix="kubesum-") as directory:
        temporary = Path(directory) / "kubeconfig"
        _write(temporary, kubeconfig)
        yield temporary


def _write(path: Path, content: bytes) -> None:
    try:
        write_private(path, content)
    except OSError as error:
        raise UsageError(f"cannot write the kubeconfig {path}: {error.strerror}") from error
