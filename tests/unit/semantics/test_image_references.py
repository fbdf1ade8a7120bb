"""Images: references, digests, and the names of rows."""

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesum.kube.objects.core import Pod
from kubesum.semantics.facts import ImageUser, UsedImage
from kubesum.semantics.images import parsed, running_digest, used_images, uses

SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")
DIGEST = "sha256:" + "0123456789abcdef" * 4


@pytest.mark.parametrize(
    ("image", "registry", "repository", "tag", "digest"),
    [
        ("nginx", "docker.io", "docker.io/library/nginx", "latest", ""),
        ("nginx:1.25", "docker.io", "docker.io/library/nginx", "1.25", ""),
        ("grafana/grafana", "docker.io", "docker.io/grafana/grafana", "latest", ""),
        ("docker.io/nginx", "docker.io", "docker.io/library/nginx", "latest", ""),
        ("index.docker.io/nginx:1", "docker.io", "docker.io/library/nginx", "1", ""),
        ("index.docker.io/a/b:1", "docker.io", "docker.io/a/b", "1", ""),
        ("registry.k8s.io/pause:3.10", "registry.k8s.io", "registry.k8s.io/pause", "3.10", ""),
        ("localhost/app", "localhost", "localhost/app", "latest", ""),
        ("localhost:5000/app", "localhost:5000", "localhost:5000/app", "latest", ""),
        ("kind:5000/team/app:v2", "kind:5000", "kind:5000/team/app", "v2", ""),
        ("127.0.0.1/app:v2", "127.0.0.1", "127.0.0.1/app", "v2", ""),
        ("[::1]:5000/app:v2", "[::1]:5000", "[::1]:5000/app", "v2", ""),
        ("HARBOR/app", "HARBOR", "HARBOR/app", "latest", ""),
        ("localhost:5000", "docker.io", "docker.io/library/localhost", "5000", ""),
        (f"nginx@{DIGEST}", "docker.io", "docker.io/library/nginx", "", DIGEST),
        (f"ghcr.io/a/b:v1@{DIGEST}", "ghcr.io", "ghcr.io/a/b", "v1", DIGEST),
        (f"kind:5000/b@{DIGEST}", "kind:5000", "kind:5000/b", "", DIGEST),
    ],
)
def test_references_are_parsed_as_container_runtimes_parse_them(
    image: str, registry: str, repository: str, tag: str, digest: str
) -> None:
    found = parsed(image)

    assert (found.registry, found.repository, found.tag, found.digest) == (registry, repository, tag, digest)


@pytest.mark.parametrize(
    ("image", "text"),
    [
        ("nginx", "docker.io/library/nginx:latest"),
        (f"nginx@{DIGEST}", f"docker.io/library/nginx@{DIGEST}"),
        (f"ghcr.io/a/b:v1@{DIGEST}", f"ghcr.io/a/b:v1@{DIGEST}"),
    ],
)
def test_equal_images_have_one_reference(image: str, text: str) -> None:
    assert parsed(image).text == text


@pytest.mark.parametrize(
    ("image", "row"),
    [
        ("nginx", "docker.io-library-nginx-latest-86cee2c108"),
        ("docker.io/library/nginx:latest", "docker.io-library-nginx-latest-86cee2c108"),
        ("kind:5000/Team_x/app:V2", "kind-5000-team-x-app-v2-d0658dbfc1"),
        (f"nginx@{DIGEST}", "docker.io-library-nginx-0123456789ab-d50838d989"),
        (f"ghcr.io/a/b:v1@{DIGEST}", "ghcr.io-a-b-v1-83c29e1399"),
        ("ghcr.io/a/b:_._x", "ghcr.io-a-b.x-1ba358841c"),
    ],
)
def test_rows_are_named_after_repository_and_tag_and_a_hash(image: str, row: str) -> None:
    assert parsed(image).row == row


@given(st.text(min_size=1, max_size=400))
def test_any_reference_has_a_row_with_a_valid_name(image: str) -> None:
    row = parsed(image).row

    assert len(row) <= 211
    assert SUBDOMAIN.fullmatch(row)


@pytest.mark.parametrize(
    ("image_id", "digest"),
    [
        (f"docker.io/library/nginx@{DIGEST}", DIGEST),
        (f"docker-pullable://nginx@{DIGEST}", DIGEST),
        (DIGEST, DIGEST),
        (f"docker://{DIGEST}", DIGEST),
        ("", ""),
        ("docker.io/library/nginx:latest", ""),
        ("sha256:short", ""),
    ],
)
def test_the_running_digest_is_found_in_the_ids_of_all_runtimes(image_id: str, digest: str) -> None:
    assert running_digest(image_id) == digest


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
