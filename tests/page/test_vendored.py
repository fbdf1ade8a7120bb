"""The page's libraries in the package are those that package-lock.json has, byte for byte, with their licences."""

import json

import pytest

from deploy.assets.vendor import FILES, HERE, PACKAGES, TARGET, vendored


def test_the_package_holds_these_files_and_no_others() -> None:
    assert sorted(path.name for path in TARGET.iterdir()) == sorted(FILES)


def test_they_are_those_that_npm_fetches() -> None:
    if not PACKAGES.exists():
        pytest.skip("the libraries are not fetched: make assets, which needs npm")

    assert {name: (TARGET / name).read_bytes() for name in FILES} == dict(vendored())


def test_every_library_is_pinned_by_its_digest() -> None:
    lock = json.loads((HERE / "package-lock.json").read_text())["packages"]
    named = json.loads((HERE / "package.json").read_text())

    for name, version in (named["dependencies"] | named["devDependencies"]).items():
        assert lock[f"node_modules/{name}"]["version"] == version
        assert lock[f"node_modules/{name}"]["integrity"].startswith("sha512-")
