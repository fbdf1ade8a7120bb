"""What is removed from texts and objects before they enter a bundle, and what stays."""

from base64 import b64encode
from typing import Any

import pytest

from kubesum.doctor.bundle.redaction import redacted, redacted_text
from kubesum.edge.tls import certificates

PAIR = certificates.authority("some-ca")
KEY, CERTIFICATE = PAIR.key.decode(), PAIR.certificate.decode()
JWT = "eyJhbGciOiJSUzI1NiIsImtpZCI6ImEifQ.eyJpc3MiOiJrdWJlcm5ldGVzIn0.c2lnbmF0dXJlLW9mLWEtdG9rZW4"
BOTH = b64encode(PAIR.certificate + PAIR.key).decode()
LINES_OF_KEY = [line for line in KEY.splitlines() if not line.startswith("-")]


CREDENTIALS = (
    (f"token {JWT} refused", JWT),
    (f"path=/a/{JWT[:40]}…", JWT[:40]),
    (f"x_{JWT}", JWT.rpartition(".")[2]),
    ("Authorization: Bearer s3cr3t", "s3cr3t"),
    ('"authorization": "Custom s3cr3t and-more"', "and-more"),
    ("authorization=s3cr3t", "s3cr3t"),
    ("Basic amFuZTpodW50ZXIy", "amFuZTpodW50ZXIy"),
    ("sent Bearer s3cr3t-token-of-16", "s3cr3t"),
    ("base64url.bearer.authorization.k8s.io.czNjcjN0", "czNjcjN0"),
    ("https://jane:hunter2@example.com/", "hunter2"),
    ("https://example.com/?access_token=s3cr3t&a=b", "s3cr3t"),
    ("PASSWORD=hunter2", "hunter2"),
    ("DB_PASS: hunter2", "hunter2"),
    ("password='hunter 2'", "hunter 2"),
    ('{"db.password":"hun\\"ter2"}', "ter2"),
    ('{"message":"{\\"password\\":\\"hunter2\\"}"}', "hunter2"),
    ('password="hunter2', "hunter2"),
    ("password: hunter,2", ",2"),
    ('{"auths":{"a":{"auth":"aHVudGVyMg=="}}}', "aHVudGVyMg"),
    ("--client-key-data=c2VjcmV0", "c2VjcmV0"),
    ("ghp_0123456789abcdefghij0123456789abcdef", "0123456789abc"),
    ("sha256~0123456789abcdefghij0123456789", "0123456789abc"),
    ("AKIAIOSFODNN7EXAMPLE", "IOSFODNN7"),
    ("kubeadm join with abcdef.0123456789abcdef", "0123456789abcdef"),
    (f"read {KEY}", LINES_OF_KEY[0]),
    (KEY.replace("\n", "\\n"), LINES_OF_KEY[0]),
    (KEY.rpartition("-----END")[0], LINES_OF_KEY[-1]),
    (f"a line\n{KEY.partition('KEY-----')[2]}", LINES_OF_KEY[0]),
    (f"{KEY}{CERTIFICATE}{KEY}", LINES_OF_KEY[-1]),
    (b64encode(PAIR.key).decode(), b64encode(PAIR.key).decode()[40:80]),
    (BOTH, BOTH[-80:-40]),
    ("-----BEGIN PGP PRIVATE KEY BLOCK-----\nc3VjaA\n-----END PGP PRIVATE KEY BLOCK-----", "c3VjaA"),
    ("AccountKey=czNjcjN0==;EndpointSuffix=core", "czNjcjN0"),
    ("encryption_key: s3cr3t", "s3cr3t"),
    ("https://example.com/a?sv=1&sig=s3cr3t", "s3cr3t"),
    ("https://example.com/a?X-Amz-Signature=s3cr3t", "s3cr3t"),
    ("https://jane:hun@ter2@example.com/", "ter2"),
    ("kubesum --token s3cr3t --v=2", "s3cr3t"),
    ("sh -c 'kubesum --db-password s3cr3t'", "s3cr3t"),
    ("npm_0123456789abcdefghij0123456789abcdef", "0123456789abc"),
    ("dckr_pat_0123456789abcdefghij", "0123456789abc"),
    ("sk-proj-0123456789abcdefghij", "0123456789abc"),
)


@pytest.mark.parametrize(("text", "secret"), CREDENTIALS, ids=range(len(CREDENTIALS)))
def test_credentials_in_a_text(text: str, secret: str) -> None:
    assert secret in text
    assert secret not in redacted_text(text)
    assert "REDACTED" in redacted_text(text)


OF_USE = (
    "12:00:00 WARNING authentication failed reason=the token is expired",
    'secrets "kubesum-tls" is forbidden: User "jane" cannot get resource "secrets" in API group ""',
    "tokenreviews.authentication.k8s.io is forbidden: User cannot create",
    "--authorization-always-allow-paths=/healthz,/livez,/readyz",
    "--tls-secret=kubesum-tls --tls-private-key-file=/etc/kubesum/tls/tls.key",
    'kubesum_authentication_attempts{result="success"} 12.0',
    "image ghcr.io/kubesum/kubesum@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    CERTIFICATE,
    b64encode(PAIR.certificate).decode(),
    "passes all checks: ok",
    "basic authentication is off",
    "https://127.0.0.1:6443/apis?watch=1",
    "https://127.0.0.1:6443/apis of jane@example.com",
    "--token-auth-file /etc/tokens --tls-secret kubesum-tls",
    "pod sk-frontend-6d9f: signature algorithm ecdsa-with-SHA256",
)


@pytest.mark.parametrize("text", OF_USE, ids=range(len(OF_USE)))
def test_what_is_of_use_stays(text: str) -> None:
    assert redacted_text(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "a" * 1_000_000,
        "token " * 200_000,
        "-----BEGIN PRIVATE KEY-----," * 40_000,
        "eyJaaaaaa-" * 100_000,
        'password="' * 100_000,
        "LS0tLS1CRUdJTi" * 80_000,
        "-----END PRIVATE KEY----- a " * 40_000,
        "a://" * 200_000,
        "a://" + "b@" * 500_000,
        "--token " * 120_000,
        "--" + "token" * 200_000,
    ],
    ids=lambda text: text[:16],
)
def test_a_hostile_log_takes_no_quadratic_time(text: str) -> None:
    """A megabyte would take minutes, longer than the timeout of the tests."""
    assert len(redacted_text(text)) <= len(text)


def test_an_object_keeps_its_shape_and_loses_its_values() -> None:
    container: dict[str, Any] = {
        "name": "kubesum",
        "args": [
            "serve",
            "--tls-secret=kubesum-tls",
            "--password",
            "hunter2",
            "--token=hunter2",
            "--secure-port",
            "1",
        ],
        "env": [
            {"name": "PASSWORD", "value": "hunter2"},
            {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
            {"name": "EMPTY"},
        ],
        "livenessProbe": {"httpGet": {"httpHeaders": [{"name": "X-Key", "value": "hunter2"}], "path": "/livez"}},
    }
    metadata = {
        "annotations": {
            "kubectl.kubernetes.io/last-applied-configuration": '{"hunter2": 1}',
            "deployment.kubernetes.io/revision": "3",
        },
        "managedFields": [{"manager": "hunter2"}],
        "name": "a",
    }

    assert redacted({"metadata": metadata, "spec": {"containers": [container], "replicas": 2}}) == {
        "metadata": {
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "REDACTED (14 characters)",
                "deployment.kubernetes.io/revision": "3",
            },
            "name": "a",
        },
        "spec": {
            "containers": [
                {
                    "name": "kubesum",
                    "args": [
                        *("serve", "--tls-secret=kubesum-tls", "--password", "REDACTED", "--token=REDACTED"),
                        *("--secure-port", "1"),
                    ],
                    "env": [
                        {"name": "PASSWORD", "value": "REDACTED (7 characters)"},
                        {"name": "NODE", "valueFrom": {"fieldRef": {"fieldPath": "spec.nodeName"}}},
                        {"name": "EMPTY"},
                    ],
                    "livenessProbe": {
                        "httpGet": {
                            "httpHeaders": [{"name": "X-Key", "value": "REDACTED (7 characters)"}],
                            "path": "/livez",
                        }
                    },
                }
            ],
            "replicas": 2,
        },
    }


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"data": {"a": "hunter2"}}, {"data": {"a": "REDACTED (7 characters)"}}),
        ({"data": ["hunter2"]}, {"data": "REDACTED"}),
        ({"binaryData": {"a": "aHVudGVyMg=="}}, {"binaryData": {"a": "REDACTED (12 characters)"}}),
        ({"annotations": ["hunter2"]}, {"annotations": "REDACTED"}),
        ({"env": "hunter2"}, {"env": "hunter2"}),
        ({"env": {"a": "hunter2"}}, {"env": "REDACTED"}),
        ({"env": ["hunter2", {"value": 2}]}, {"env": ["REDACTED", {"value": "REDACTED"}]}),
        ({"password": "hunter2", "secretName": "a"}, {"password": "REDACTED", "secretName": "a"}),
        (
            {"csi": {"volumeAttributes": {"key": "hunter2"}}},
            {"csi": {"volumeAttributes": {"key": "REDACTED (7 characters)"}}},
        ),
        ({"annotations": None, "data": {}}, {"annotations": None, "data": {}}),
    ],
)
def test_shapes_that_no_object_should_have(given: object, left: object) -> None:
    assert redacted(given) == left
