"""The notes of a release are a section of the changelog."""

import pytest

from deploy.release.notes import CHANGELOG, Unwritten, notes

WRITTEN = """\
# Changelog

## [Unreleased]

## [0.2.0] - 2026-12-24

### Added

- `kubesum doctor` sees more.

## [0.1.0] - 2026-11-30

### Added

- Everything.

[0.2.0]: https://example.org/compare/v0.1.0...v0.2.0
[0.1.0]: https://example.org/releases/v0.1.0
"""


def test_the_section_of_a_version_is_without_its_heading() -> None:
    assert notes(WRITTEN, "0.2.0") == "### Added\n\n- `kubesum doctor` sees more.\n"


def test_the_last_section_ends_where_the_links_begin() -> None:
    assert notes(WRITTEN, "0.1.0") == "### Added\n\n- Everything.\n"


@pytest.mark.parametrize("version", ["0.3.0", "0.1", "Unreleased"])
def test_a_version_of_which_nothing_is_said_is_not_released(version: str) -> None:
    with pytest.raises(Unwritten, match=f"says nothing of {version}: rename the section"):
        notes(WRITTEN, version)


def test_the_changelog_always_has_a_section_for_what_comes_next() -> None:
    assert "\n## [Unreleased]\n" in CHANGELOG.read_text()
