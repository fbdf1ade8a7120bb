"""Copies the page's libraries out of the packages that npm has fetched: `make assets`.

npm verifies each package against the integrity in package-lock.json. Only the modules that the page imports are
copied, byte by byte, and the licences beside them.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
PACKAGES: Final = HERE / "node_modules"
TARGET: Final = HERE.parents[1] / "app/kubesum/clients/page/static/vendor"

FILES: Final = {
    "preact.mjs": "preact/dist/preact.mjs",
    "preact-hooks.mjs": "preact/hooks/dist/hooks.mjs",
    "preact-LICENSE": "preact/LICENSE",
    "htm.mjs": "htm/dist/htm.mjs",
    "htm-preact.mjs": "htm/preact/index.mjs",
    "htm-LICENSE": "htm/LICENSE",
    "d3-hierarchy.mjs": "d3-hierarchy/dist/d3-hierarchy.min.mjs",
    "d3-hierarchy-LICENSE": "d3-hierarchy/LICENSE",
}
"""The name of each file in the package, and where npm puts it."""


def vendored() -> Iterator[tuple[str, bytes]]:
    """The name and the content of each file, as npm has fetched it."""
    for name, source in FILES.items():
        yield name, (PACKAGES / source).read_bytes()


def main() -> None:
    """Writes the files, and removes all others beside them."""
    TARGET.mkdir(parents=True, exist_ok=True)
    for old in TARGET.iterdir():
        old.unlink()
    for name, content in vendored():
        (TARGET / name).write_bytes(content)


if __name__ == "__main__":
    main()
