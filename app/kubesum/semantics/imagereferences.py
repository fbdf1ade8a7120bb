"""Image references: their parts, the digests of running images, and the names of ImageSummaries.

References are parsed as container runtimes parse them (github.com/distribution/reference, normalize.go), with the
default tag `latest` (kubernetes/pkg/util/parsers/parsers.go). An invalid reference is no error: its pods exist, and
their summaries show InvalidImageName.
"""

import re
from functools import lru_cache
from sys import intern
from typing import Final

import msgspec

from kubesum.semantics.names import slug, with_hash

DEFAULT_REGISTRY: Final = "docker.io"
DEFAULT_TAG: Final = "latest"
LONGEST_CACHED: Final = 1024
"""In characters: caches hold thousands of values, and kube-apiserver takes images of a megabyte."""

_LEGACY_REGISTRY: Final = "index.docker.io"
_OFFICIAL: Final = "library/"
_LONGEST_SLUG: Final = 200
_DIGEST: Final = re.compile(r"[a-z0-9+._-]{1,32}:[0-9a-fA-F]{32,128}")


class Reference(msgspec.Struct, frozen=True, gc=False):
    """An image reference, normalised."""

    text: str
    """The reference in full."""
    registry: str
    repository: str
    """With its registry, `docker.io/library/nginx`."""
    tag: str
    """Empty where only a digest is given."""
    digest: str
    """Empty where none is given."""
    row: str
    """The name of its ImageSummary: repository and tag, or the first 12 digits of the digest if there is no tag."""


def parsed(image: str) -> Reference:
    """The normalised parts of a reference; accepts any text."""
    return _cached_parsed(image) if len(image) <= LONGEST_CACHED else _parsed(image)


def _parsed(image: str) -> Reference:
    named, _, digest = image.partition("@")
    name, tag = _split_tag(named)
    registry, path = _split_registry(name)
    repository = f"{registry}/{path}"
    tag = tag or ("" if digest else DEFAULT_TAG)
    text = repository + (f":{tag}" if tag else "") + (f"@{digest}" if digest else "")
    version = tag or digest.rpartition(":")[2][:12]
    return Reference(
        text=image if text == image else text,
        registry=intern(registry),
        repository=intern(repository),
        tag=intern(tag),
        digest=digest,
        row=with_hash(slug(f"{repository}-{version}"), _LONGEST_SLUG, text),
    )


_cached_parsed: Final = lru_cache(maxsize=8192)(_parsed)


def _split_tag(named: str) -> tuple[str, str]:
    name, _, tag = named.rpartition(":")
    # A colon before the last slash belongs to a port.
    return (name, tag) if name and "/" not in tag else (named, "")


def _split_registry(name: str) -> tuple[str, str]:
    first, slash, rest = name.partition("/")
    if not slash or not _is_registry(first):
        registry, path = DEFAULT_REGISTRY, name
    else:
        registry, path = (DEFAULT_REGISTRY if first == _LEGACY_REGISTRY else first), rest
    if registry == DEFAULT_REGISTRY and "/" not in path:
        path = _OFFICIAL + path
    return registry, path


def _is_registry(first: str) -> bool:
    # Repositories are lower case; a first part with capitals is a host.
    return first == "localhost" or "." in first or ":" in first or first != first.lower()


def running_digest(image_id: str) -> str:
    """The digest in the imageID of a container status; empty if there is none.

    Runtimes write `docker.io/library/nginx@sha256:..`, `docker-pullable://nginx@sha256:..`, or `sha256:..` alone for
    an image that was never in a registry.
    """
    digest = image_id.rpartition("@")[2].rpartition("//")[2]
    return digest if _DIGEST.fullmatch(digest) else ""
