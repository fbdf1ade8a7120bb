"""The versions of kubesum, Python and the libraries of this machine, and of the cluster."""

import platform
import re
from collections.abc import Mapping
from importlib import metadata
from typing import Final

from kubesum import __version__
from kubesum.doctor.bundle.redaction import JsonValue

_DISTRIBUTION: Final = "kubesum"
_NAME: Final = re.compile(r"[A-Za-z0-9._-]+")


def versions(kubernetes: JsonValue) -> Mapping[str, JsonValue]:
    """All versions; `kubernetes` is the response to /version, None without one."""
    return {
        "kubesum": __version__,
        "python": platform.python_version(),
        "implementation": platform.python_implementation(),
        "platform": platform.platform(),
        "libraries": _libraries(),
        "kubernetes": kubernetes,
    }


def _libraries() -> Mapping[str, str]:
    """The installed ones of those that kubesum requires, also of its extras."""
    found = {}
    for name in _required():
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return dict(sorted(found.items()))


def _required() -> list[str]:
    """The names in requirements such as `aiohttp>=3.13`."""
    try:
        requirements = metadata.requires(_DISTRIBUTION) or []
        return [name[0] for one in requirements if (name := _NAME.match(one))]
    except metadata.PackageNotFoundError:
        # It runs from its sources.
        return []
