"""The images that a pod uses: in containers and volumes, and which of them cannot be pulled."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final

import msgspec

from kubesum.kube.objects.core import Container, ContainerStatus, Pod, PodStatus, Volume
from kubesum.semantics.facts import ImageUser, UsedImage
from kubesum.semantics.imagereferences import DEFAULT_TAG, LONGEST_CACHED, parsed, running_digest

# kube-apiserver takes pods of 8,000 containers.
_MOST_CACHED_USES: Final = 64
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


def used_images(uses: tuple[Use, ...]) -> tuple[UsedImage, ...]:
    """The images of one pod; equal arguments of usual size share one result."""
    return _cached_images(uses) if len(uses) <= _MOST_CACHED_USES else _images(uses)


def _images(uses: tuple[Use, ...]) -> tuple[UsedImage, ...]:
    return tuple([_used_image(use) for use in uses])


_cached_images: Final = lru_cache(maxsize=8192)(_images)


def _used_image(use: Use) -> UsedImage:
    size = len(use.image) + len(use.image_id)
    return _cached_image(use) if size <= LONGEST_CACHED else _image(use)


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
