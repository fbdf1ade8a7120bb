"""The images that a pod uses, in containers and volumes, and those that cannot be pulled."""

from typing import Any

import msgspec
import pytest

from kubesum.kube.objects.core import Pod
from kubesum.semantics.facts import ImageUser, UsedImage
from kubesum.semantics.pods.images import used_images, uses

DIGEST = "sha256:" + "0123456789abcdef" * 4


def images(spec: dict[str, Any], status: dict[str, Any]) -> tuple[UsedImage, ...]:
    pod = msgspec.convert({"metadata": {"name": "p"}, "spec": spec, "status": status}, Pod)
    return used_images(uses(pod))


def test_app_init_and_ephemeral_containers_use_images() -> None:
    found = images(
        {
            "containers": [{"name": "a", "image": "nginx"}, {"name": "none"}],
            "initContainers": [
                {"name": "i", "image": "busybox:1"},
                {"name": "s", "image": "proxy:2", "restartPolicy": "Always"},
            ],
            "ephemeralContainers": [{"name": "e", "image": "debug:3"}],
        },
        {"containerStatuses": [{"name": "a", "imageID": f"docker.io/library/nginx@{DIGEST}"}]},
    )

    assert [(one.repository, one.tag, one.digest, one.user) for one in found] == [
        ("docker.io/library/nginx", "latest", DIGEST, ImageUser.CONTAINER),
        ("docker.io/library/busybox", "1", "", ImageUser.INIT_CONTAINER),
        ("docker.io/library/proxy", "2", "", ImageUser.INIT_CONTAINER),
        ("docker.io/library/debug", "3", "", ImageUser.CONTAINER),
    ]


@pytest.mark.parametrize(
    ("image", "floating"),
    [
        ("nginx", True),
        ("nginx:latest", True),
        ("nginx:1", False),
        (f"nginx:latest@{DIGEST}", False),
        (f"nginx@{DIGEST}", False),
    ],
)
def test_a_tag_is_floating_if_it_is_latest_or_absent_without_a_digest(image: str, floating: bool) -> None:
    assert images({"containers": [{"name": "a", "image": image}]}, {})[0].floating is floating


@pytest.mark.parametrize(
    ("state", "failing"),
    [
        ({"waiting": {"reason": "ImagePullBackOff"}}, True),
        ({"waiting": {"reason": "ErrImagePull"}}, True),
        ({"waiting": {"reason": "ErrImageNeverPull"}}, True),
        ({"waiting": {"reason": "InvalidImageName"}}, True),
        ({"waiting": {"reason": "ImageInspectError"}}, True),
        ({"waiting": {"reason": "RegistryUnavailable"}}, True),
        ({"waiting": {"reason": "SignatureValidationFailed"}}, True),
        ({"waiting": {"reason": "CrashLoopBackOff"}}, False),
        ({"running": {}}, False),
        ({}, False),
    ],
)
def test_a_pull_fails_while_the_container_waits_with_its_reason(state: dict[str, Any], failing: bool) -> None:
    spec = {"initContainers": [{"name": "i", "image": "nginx"}]}

    assert images(spec, {"initContainerStatuses": [{"name": "i", "state": state}]})[0].pull_failures == int(failing)


ARTIFACT = "quay.io/example/artifact:1.0.0"


def with_volumes(
    references: dict[str, str], *statuses: dict[str, Any], image: str = "app:1"
) -> tuple[UsedImage, ...]:
    """The images of a pod with these volumes, and one container for each status."""
    spec = {
        "containers": [{"name": status["name"], "image": image} for status in statuses],
        "volumes": [
            {"name": "token", "projected": {"sources": []}},
            *({"name": name, "image": {"reference": reference}} for name, reference in references.items()),
        ],
    }
    return images(spec, {"containerStatuses": list(statuses)})


def waits(name: str, message: str, reason: str = "ErrImagePull") -> dict[str, Any]:
    return {"name": name, "state": {"waiting": {"reason": reason, "message": message}}}


def test_the_image_of_a_volume_is_used_whether_or_not_it_is_mounted() -> None:
    """[C13]"""
    found = with_volumes({"artifact": ARTIFACT, "other": "", "model": f"model@{DIGEST}"}, {"name": "app"})

    assert [(one.image, one.user, one.floating) for one in found] == [
        ("docker.io/library/app:1", ImageUser.CONTAINER, False),
        (ARTIFACT, ImageUser.VOLUME, False),
        (f"docker.io/library/model@{DIGEST}", ImageUser.VOLUME, False),
    ]


def test_the_digest_of_a_volume_is_in_the_status_of_a_container_that_mounts_it() -> None:
    mounted = {"name": "artifact", "mountPath": "/a", "volumeStatus": {"image": {"imageRef": f"quay.io/x@{DIGEST}"}}}

    found = with_volumes(
        {"artifact": ARTIFACT},
        {"name": "app", "volumeMounts": [{"name": "artifact"}, {"name": "token", "volumeStatus": {}}]},
        {"name": "other", "volumeMounts": [mounted]},
    )

    assert found[-1].digest == DIGEST


@pytest.mark.parametrize(
    ("message", "reason", "of_volume"),
    [
        (f'failed to pull image "{ARTIFACT}": not found', "ErrImagePull", True),
        (f'Back-off pulling image "{ARTIFACT}": ErrImagePull: not found', "ImagePullBackOff", True),
        (f"image pull failed for {ARTIFACT} because the registry is unavailable", "RegistryUnavailable", True),
        (f"initializing source docker://{ARTIFACT}: reading manifest", "ErrImagePull", True),
        (f'Container image "{ARTIFACT}" is not present with pull policy of Never', "ErrImageNeverPull", True),
        (f"cannot pull {ARTIFACT}.", "ErrImagePull", True),
        ('Back-off pulling image "app:1"', "ImagePullBackOff", False),
        ('failed to pull and unpack image "docker.io/library/app:1"', "ErrImagePull", False),
        (f'failed to pull image "{ARTIFACT}.1"', "ErrImagePull", False),
        (f'failed to pull image "mirror.example.org/{ARTIFACT}"', "ErrImagePull", False),
        ("not found", "ErrImagePull", False),
        ("", "ErrImagePull", False),
    ],
)
def test_the_message_says_whether_the_image_of_a_volume_fails(message: str, reason: str, of_volume: bool) -> None:
    found = with_volumes({"artifact": ARTIFACT}, waits("app", message, reason))

    assert [one.pull_failures for one in found] == [int(not of_volume), int(of_volume)]


def test_every_container_that_waits_for_a_volume_is_a_failure_of_its_image() -> None:
    message = f'failed to pull image "{ARTIFACT}"'

    found = with_volumes({"one": ARTIFACT, "same": ARTIFACT}, waits("app", message), waits("other", message))

    assert [one.pull_failures for one in found] == [0, 0, 2, 0]


def test_an_image_of_a_container_and_a_volume_fails_once() -> None:
    found = with_volumes({"own": "app:1"}, waits("app", 'failed to pull image "app:1"'))

    assert [one.pull_failures for one in found] == [1, 0]
