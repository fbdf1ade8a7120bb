"""The files of the page, as the package has them, and the Content-Security-Policy that fits them.

Browsers accept an import map only inline; the policy allows this one by its hash, and no other inline script.
"""

import re
from base64 import b64encode
from dataclasses import dataclass
from hashlib import sha256
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Final

MEDIA_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".mjs": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
"""By the end of a file's name; a file with another one is not served."""

_IMPORT_MAP: Final = re.compile(rb'<script type="importmap">(.*?)</script>', re.DOTALL)


@dataclass(frozen=True, slots=True)
class File:
    """A file: its content and its media type."""

    content: bytes
    media_type: str


def page_files() -> dict[str, File]:
    """All files by the path they are served at; that of the page is `/`."""
    root = files("kubesum.clients.page") / "static"
    found = {f"/static/{name}": file for name, file in _files(root, "")}
    found["/"] = found.pop("/static/index.html")
    return found


def content_security_policy(page: bytes) -> str:
    """The policy of a page: it loads, and connects to, nothing but its own origin."""
    scripts = [b64encode(sha256(script).digest()).decode() for script in _IMPORT_MAP.findall(page)]
    allowed = " ".join(f"'sha256-{digest}'" for digest in scripts)
    return (
        f"default-src 'none'; script-src 'self' {allowed}; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )


def _files(directory: Traversable, prefix: str) -> list[tuple[str, File]]:
    found: list[tuple[str, File]] = []
    for entry in directory.iterdir():
        name = f"{prefix}{entry.name}"
        if entry.is_dir():
            found += _files(entry, f"{name}/")
        elif media_type := MEDIA_TYPES.get(f".{entry.name.rpartition('.')[2]}"):
            found.append((name, File(entry.read_bytes(), media_type)))
    return found
