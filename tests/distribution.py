"""In which order tests run, and which of them run in one process when `make test` runs several.

A unit is a file: its tests share fixtures. Of some folders it is all files: what they share takes long to make.
"""

from collections.abc import Iterable
from typing import Final

import pytest
from xdist.scheduler import LoadScopeScheduling

_SHARING_FOLDERS: Final = ("tests/dist", "tests/monitoring")
_SHORT: Final = "tests/unit/"


def unit(nodeid: str) -> str:
    """The unit of a test."""
    file = nodeid.partition("::")[0]
    folder = file.rpartition("/")[0]
    return folder if folder in _SHARING_FOLDERS else file


def arranged(items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """The tests by units; the short ones come last, so that no process waits long for another at the end."""
    units: dict[str, list[pytest.Item]] = {}
    for item in items:
        units.setdefault(unit(item.nodeid), []).append(item)
    return [item for name in sorted(units, key=lambda name: name.startswith(_SHORT)) for item in units[name]]


class UnitScheduling(LoadScopeScheduling):
    """Gives each process one unit after the other."""

    def _split_scope(self, nodeid: str) -> str:
        return unit(nodeid)
