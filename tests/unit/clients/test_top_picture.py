"""The picture in the README is up to date, and loads nothing from other servers."""

import re
from pathlib import Path

from kubesum.clients.model.views import VIEWS

ROOT = Path(__file__).parents[3]
PICTURE = (ROOT / "docs" / "top.svg").read_text()


def test_the_readme_shows_the_picture() -> None:
    assert "](docs/top.svg)" in (ROOT / "README.md").read_text()


def test_the_picture_shows_the_current_views() -> None:
    shown = re.sub(r"<[^>]*>", "", PICTURE).replace("&#160;", " ")

    assert "[1 nodes] 2 namespaces  3 workloads  4 unhealthy  5 images" in shown
    assert len(VIEWS) == 5


def test_the_picture_loads_nothing() -> None:
    assert "@font-face" not in PICTURE
    assert set(re.findall(r"url\((.)", PICTURE)) == {"#"}
    assert re.findall(r"href|src=", PICTURE) == []
