"""Image references, digests, and the names of rows."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesum.semantics.imagereferences import parsed, running_digest

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
