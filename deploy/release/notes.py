"""The notes of a release: what CHANGELOG.md says of one version.

As a program, `python -m deploy.release.notes VERSION`, it prints them.
"""

import re
import sys
from pathlib import Path

CHANGELOG = Path(__file__).parents[2] / "CHANGELOG.md"


class Unwritten(SystemExit):
    """The changelog says nothing of a version."""


def notes(changelog: str, version: str) -> str:
    """The section of a version without its heading and without the links at the end; raises Unwritten."""
    # A section ends where the next begins, or where the links do that headings refer to.
    section = rf"^## \[{re.escape(version)}\][^\n]*\n(.*?)(?=^## |^\[[^\]\n]+\]: |\Z)"
    found = re.search(section, changelog, re.DOTALL | re.MULTILINE)
    if found is None or not found[1].strip():
        raise Unwritten(
            f"CHANGELOG.md says nothing of {version}: rename the section [Unreleased] to [{version}] - DATE"
        )
    return found[1].strip() + "\n"


if __name__ == "__main__":
    sys.stdout.write(notes(CHANGELOG.read_text(), sys.argv[1]))
