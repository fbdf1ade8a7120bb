"""The chart as it is published: one that pulls the published image by default.

In the repository the image has no registry, since everybody who builds one has another. As a program,
`python -m deploy.release.chart IMAGE DIRECTORY`, it packs the chart into the directory.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from helm.reference import CHART, contents

PATH = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
"""Where helm is: beside Python, where `make setup` puts it, or wherever else."""


def pack(image: str, directory: str) -> None:
    """Packs the chart with a repository of an image as the default."""
    with TemporaryDirectory() as temporary:
        chart = Path(shutil.copytree(CHART, Path(temporary) / CHART.name))
        name_image(chart, image)
        command = ["helm", "package", str(chart), "--destination", directory]
        subprocess.run(command, env={**os.environ, "PATH": PATH}, check=True)  # noqa: S603 (a path, not a shell)


def name_image(chart: Path, image: str) -> None:
    """Makes a repository of an image the default, in the schema and in what is written from it."""
    path = chart / "values.schema.json"
    schema = json.loads(path.read_text())
    schema["properties"]["image"]["properties"]["repository"]["default"] = image
    path.write_text(json.dumps(schema, indent=2) + "\n")
    for written, content in contents(chart).items():
        written.write_text(content)


if __name__ == "__main__":
    pack(*sys.argv[1:])
