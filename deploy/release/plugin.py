"""The plugin for krew: an archive with a script that runs the package, and the manifest that tells where it is.

With Python and the compiled dependencies in it there would be an archive for each platform; uv chooses among the
same wheels when the plugin first runs, so that one script does for all. It keeps to the versions in uv.lock.
As a program, `python -m deploy.release.plugin REPOSITORY DIRECTORY`, it writes both files into the directory, where
constraints.txt names these versions; REPOSITORY is the address of the repository whose releases hold the archive.
"""

import gzip
import hashlib
import io
import string
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

from kubesum import __version__

ROOT = Path(__file__).parents[2]
SCRIPT = "kubectl-kubesum"
MANIFEST = "kubesum.yaml"
CONSTRAINTS = "constraints.txt"


def main(repository: str, directory: Path) -> None:
    """Writes the archive and the manifest."""
    archive = directory / f"{SCRIPT}-v{__version__}.tar.gz"
    archive.write_bytes(packed(members(directory)))
    (directory / MANIFEST).write_text(manifest(repository, archive))


def members(directory: Path) -> dict[str, bytes]:
    """What is in the archive, by name."""
    return {
        SCRIPT: (ROOT / "deploy" / "release" / SCRIPT).read_bytes(),
        CONSTRAINTS: (directory / CONSTRAINTS).read_bytes() + f"kubesum=={__version__}\n".encode(),
        "LICENSE": (ROOT / "LICENSE").read_bytes(),
    }


def packed(files: Mapping[str, bytes]) -> bytes:
    """A tar.gz of files: the same bytes for the same files, since the manifest names their hash."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size, member.mode = len(content), 0o755 if name == SCRIPT else 0o644
            tar.addfile(member, io.BytesIO(content))
    return gzip.compress(archive.getvalue(), mtime=0)


def manifest(repository: str, archive: Path) -> str:
    """The manifest of a release whose archive is there already."""
    return string.Template((ROOT / "deploy" / "release" / MANIFEST).read_text()).substitute(
        version=__version__,
        repository=repository,
        archive=archive.name,
        sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
    )


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
