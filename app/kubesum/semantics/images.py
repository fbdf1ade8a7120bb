"""Images: parsing of references, digests of running images, and the names of ImageSummaries.

References are parsed as container runtimes parse them (github.com/distribution/reference, normalize.go), with the
default tag `latest` (kubernetes/pkg/util/parsers/parsers.go). An invalid reference is no error: its pods exist, and
their summaries show InvalidImageName.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from sys import intern
from typing import Final

import msgspec

from kubesum.kube.objects.core import Container, ContainerStatus, Pod, PodStatus, Volume
from kubesum.semantics.facts import ImageUser, UsedImage
from kubesum.semantics.names import slug, with_hash

DEFAULT_REGISTRY: Final = "docker.io"
DEFAULT_TAG: Final = "latest"

_LEGACY_REGISTRY: Final = "index.docker.io"
_OFFICIAL: Final = "library/"
_LONGEST_SLUG: Final = 200
# Caches hold thousands of values; kube-apiserver takes images of a megabyte and pods of 8,000 containers.
_LONGEST_CACHED: Final = 1024
_MOST_CACHED_USES: Final = 64
_DIGEST: Final = re.compile(r"[a-z0-9+._-]{1,32}:[0-9a-fA-F]{32,128}")
# kubernetes/pkg/kubelet/images/types.go and k8s.io/cri-api/pkg/errors.
_PULL_FAILURES: Final = frozenset(
    {
        "ImagePullBackOff",
        "ErrImagePull",
        "ErrImageNeverPull",
        "ImageInspectError",
        "InvalidImageName",
        "RegistryUnavailable",
        "SignatureValidationFailed",
    }
)


_WORD: Final = re.compile(r"[A-Za-z0-9_.:/@-]+")


class Use(msgspec.Struct, frozen=True, gc=False):
    """The use of an image by one container or volume, from the pod's spec and status."""

    image: str
    image_id: str
    user: ImageUser
    pull_failures: int = 0


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
    return _cached_parsed(image) if len(image) <= _LONGEST_CACHED else _parsed(image)


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


def used_images(uses: tuple[Use, ...]) -> tuple[UsedImage, ...]:
    """The images of one pod; equal arguments of usual size share one result."""
    return _cached_images(uses) if len(uses) <= _MOST_CACHED_USES else _images(uses)


def _images(uses: tuple[Use, ...]) -> tuple[UsedImage, ...]:
    return tuple([_used_image(use) for use in uses])


_cached_images: Final = lru_cache(maxsize=8192)(_images)


def _used_image(use: Use) -> UsedImage:
    size = len(use.image) + len(use.image_id)
    return _cached_image(use) if size <= _LONGEST_CACHED else _image(use)


def _image(use: Use) -> UsedImage:
    reference = parsed(use.image)
    return UsedImage(
        row=reference.row,
        image=reference.text,
        registry=reference.registry,
        repository=reference.repository,
        tag=reference.tag,
        digest=running_digest(use.image_id),
        floating=not reference.digest and reference.tag == DEFAULT_TAG,
        user=use.user,
        pull_failures=use.pull_failures,
    )


_cached_image: Final = lru_cache(maxsize=8192)(_image)


def uses(pod: Pod) -> tuple[Use, ...]:
    """The image uses of app, init and ephemeral containers and of volumes, without those that name no image.

    The kubelet pulls the image of every volume, mounted or not (kubernetes/pkg/kubelet/kuberuntime/
    kuberuntime_manager.go, getImageVolumes).
    """
    spec, status = pod.spec, pod.status
    images = [volume for volume in spec.volumes if volume.image and volume.image.reference]
    volumes = _ImageVolumes(images, status) if images else None
    found = _uses(spec.containers, status.container_statuses, ImageUser.CONTAINER, volumes)
    if spec.init_containers:
        found += _uses(spec.init_containers, status.init_container_statuses, ImageUser.INIT_CONTAINER, volumes)
    if spec.ephemeral_containers:
        found += _uses(spec.ephemeral_containers, status.ephemeral_container_statuses, ImageUser.CONTAINER, volumes)
    return tuple([*found, *volumes.uses()] if volumes is not None else found)


class _ImageVolumes:
    """The image volumes of one pod, and the containers that wait for them."""

    def __init__(self, volumes: Iterable[Volume], status: PodStatus) -> None:
        self._references: Final = {volume.name: volume.image.reference for volume in volumes if volume.image}
        self._failures: Final[Counter[str]] = Counter()
        # By reference, as it is written and normalised; of several with one image, the first.
        names = [
            (text, name)
            for name, reference in self._references.items()
            for text in (reference, parsed(reference).text)
        ]
        self._volumes: Final = dict(reversed(names))
        statuses = (
            *status.container_statuses,
            *status.init_container_statuses,
            *status.ephemeral_container_statuses,
        )
        mounts = [mount for one in statuses for mount in one.volume_mounts]
        self._image_ids: Final = {
            mount.name: mount.volume_status.image.image_ref
            for mount in mounts
            if mount.volume_status is not None and mount.volume_status.image is not None
        }

    def take_failure(self, image: str, message: str) -> bool:
        """Whether a container that waits with this message waits for a volume, and not for its own `image`.

        The kubelet reports a volume whose image can't be pulled as the state of the containers that mount it
        (toKubeContainerImageVolumes); only the message names the image.
        """
        named = _named(message)
        if image in named or parsed(image).text in named:
            return False
        found = next((self._volumes[one] for one in named if one in self._volumes), None)
        if found is not None:
            self._failures[found] += 1
        return found is not None

    def uses(self) -> Iterator[Use]:
        """The use of the image of each volume."""
        for name, reference in self._references.items():
            yield Use(reference, self._image_ids.get(name, ""), ImageUser.VOLUME, self._failures[name])


def _named(message: str) -> list[str]:
    """What may be a reference in a message, whose runtimes write `"nginx:1"`, `for nginx:1 because` or `docker://..:`."""
    return [word.rstrip(".:").rpartition("//")[2] for word in _WORD.findall(message)]


def _uses(
    containers: Sequence[Container],
    statuses: Sequence[ContainerStatus],
    user: ImageUser,
    volumes: _ImageVolumes | None,
) -> list[Use]:
    by_name = {status.name: status for status in statuses}
    return [
        _use(container.image, by_name.get(container.name), user, volumes)
        for container in containers
        if container.image
    ]


def _use(image: str, status: ContainerStatus | None, user: ImageUser, volumes: _ImageVolumes | None) -> Use:
    if status is None:
        return Use(image, "", user)
    waiting = status.state.waiting
    if waiting is None or waiting.reason not in _PULL_FAILURES:
        return Use(image, status.image_id, user)
    is_of_volume = volumes is not None and volumes.take_failure(image, waiting.message)
    return Use(image, status.image_id, user, int(not is_of_volume))
