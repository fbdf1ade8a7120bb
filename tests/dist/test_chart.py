"""The chart as it is published."""

import tarfile
from pathlib import Path

from kubesum import __version__
from tests.chart.rendering import CHART, helm


def published(dist: Path) -> Path:
    return dist / f"kubesum-{__version__}.tgz"


def test_it_installs_the_published_image(dist: Path) -> None:
    shown = helm("template", "kubesum", published(dist)).stdout

    assert f"image: registry.example/tools/kubesum:{__version__}" in shown.replace('"', "")


def test_nothing_else_differs_from_the_repository(dist: Path) -> None:
    shown = helm("template", "kubesum", published(dist)).stdout

    assert shown.replace("registry.example/tools/kubesum", "kubesum") == helm("template", "kubesum", CHART).stdout


def test_its_page_tells_where_the_image_comes_from(dist: Path) -> None:
    with tarfile.open(published(dist)) as archive:
        readme = archive.extractfile("kubesum/README.md")
        assert readme is not None
        page = readme.read().decode()

    assert '| `image.repository` | `"registry.example/tools/kubesum"` |' in page
