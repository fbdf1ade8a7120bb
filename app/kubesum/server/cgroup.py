"""The memory that the kernel lets the process use, and uses it: control groups, version 2 and 1.

docs.kernel.org/admin-guide/cgroup-v2.html and .../cgroup-v1/memory.html. In a container the files of its own group
are at the root of the mount, while /proc may name the path of the group on the node.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PROC: Final = Path("/proc/self/cgroup")
MOUNT: Final = Path("/sys/fs/cgroup")
_UNLIMITED: Final = 1 << 60
"""Version 1 has a number just below 2^63 for no limit."""


@dataclass(frozen=True, slots=True)
class _Names:
    """The files of one version."""

    limits: tuple[str, ...]
    usage: str
    inactive: str
    """The entry of memory.stat that counts the pages of files not used lately, which the kernel drops first."""


_V2: Final = _Names(("memory.max", "memory.high"), "memory.current", "inactive_file")
_V1: Final = _Names(("memory.limit_in_bytes",), "memory.usage_in_bytes", "total_inactive_file")


@dataclass(frozen=True, slots=True)
class MemoryGroup:
    """The group of the process whose limit is the lowest: its own, or one that this is in."""

    directory: Path
    limit_bytes: int
    """The lowest of its limits: above memory.high the kernel slows the process down, above memory.max it kills it."""
    names: _Names

    def used_bytes(self) -> int:
        """What counts against the limit, without inactive pages of files, as kubelets compute the working set.

        Raises OSError or ValueError if the kernel's files cannot be read.
        """
        used = int((self.directory / self.names.usage).read_text())
        for line in (self.directory / "memory.stat").read_text().splitlines():
            name, _, value = line.partition(" ")
            if name == self.names.inactive:
                return max(0, used - int(value))
        return used


def memory_group(proc: Path = PROC, mount: Path = MOUNT) -> MemoryGroup | None:
    """The group that limits the memory of this process; None if no limit is set or readable."""
    found = [
        MemoryGroup(directory, limit, names)
        for directory, names in _directories(proc, mount)
        if (limit := _limit(directory, names)) is not None
    ]
    return min(found, key=lambda group: group.limit_bytes, default=None)


def _directories(proc: Path, mount: Path) -> Iterator[tuple[Path, _Names]]:
    """The directories of the group of the process and of those it is in, from the innermost to the root."""
    try:
        lines = proc.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            root, names = mount / "memory", _V1
        elif number == "0":
            root, names = mount, _V2
        else:
            continue
        # A path outside of the namespace of the container begins with `/..`.
        parts = () if ".." in path else Path(path).parts[1:]
        for count in range(len(parts), -1, -1):
            yield root.joinpath(*parts[:count]), names


def _limit(directory: Path, names: _Names) -> int | None:
    limits = [limit for name in names.limits if (limit := _number(directory / name)) is not None]
    return min(limits, default=None)


def _number(path: Path) -> int | None:
    """The limit that a file holds; None for `max`, and if there is no such file."""
    try:
        limit = int(path.read_text())
    except (OSError, ValueError):
        return None
    return limit if limit < _UNLIMITED else None
