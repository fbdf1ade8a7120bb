"""A bundle as its reader sees it: unpacked, by name."""

import io
import json
import tarfile
from dataclasses import dataclass
from typing import Any

FOLDER = "kubesum-bundle/"


@dataclass(frozen=True)
class Unpacked:
    """The texts of a bundle by their names."""

    texts: dict[str, str]

    @property
    def index(self) -> dict[str, Any]:
        found: dict[str, Any] = self.json("index.json")
        return found

    def json(self, name: str) -> Any:
        """The document of this name."""
        return json.loads(self.texts[name])

    @property
    def missing(self) -> dict[str, str]:
        """The reason for each name that is missing."""
        return {one["name"]: one["reason"] for one in self.index["missing"]}

    def names(self, name: str) -> list[str]:
        """The names of the objects in a list."""
        return [one["metadata"]["name"] for one in self.json(name)["items"]]


def unpacked(archive: bytes) -> Unpacked:
    """Unpacks an archive; its files are all in one folder, and its index names them all."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as files:
        members = files.getmembers()
        contents = [files.extractfile(member) for member in members]
        texts = {
            member.name.removeprefix(FOLDER): content.read().decode()
            for member, content in zip(members, contents, strict=True)
            if content is not None
        }
    assert all(member.name.startswith(FOLDER) and member.isfile() for member in members)
    found = Unpacked(texts)
    entries = {one["name"]: one["bytes"] for one in found.index["entries"]}
    assert ["index.json", *entries] == list(texts)
    assert entries == {name: len(text.encode()) for name, text in texts.items() if name != "index.json"}
    assert not entries.keys() & found.missing.keys()
    return found
