"""The certificate and its authority: verified in every mode, by whoever keeps it."""

import pytest

from kubesum.resources import RESOURCES
from kubesum.vocabulary.resource import GROUP, ROLLUP_GROUP, VERSION
from tests.chart.rendering import NAMESPACE, Values, objects, one, refusal
from tests.chart.valuesets import (
    AUTHORITY,
    AUTHORITY_BASE64,
    CERT_MANAGER,
    COMPANY_ISSUER,
    OWN_SECRET,
    SETS,
    UNVERIFIED,
)
from tests.computation import JsonObject

REGISTRATION = {
    "group": "summary.kubesum.dev",
    "version": "v1alpha1",
    "groupPriorityMinimum": 1000,
    "versionPriority": 15,
    "service": {"name": "kubesum", "namespace": NAMESPACE, "port": 443},
}


def registration(values: Values) -> JsonObject:
    return one(objects(values), "APIService", f"{VERSION}.{GROUP}")


def test_every_group_that_is_served_is_registered() -> None:
    registered = {one["metadata"]["name"] for one in objects() if one["kind"] == "APIService"}

    groups = {(resource.version, resource.group) for resource in RESOURCES} | {(VERSION, ROLLUP_GROUP)}
    assert registered == {f"{version}.{group}" for version, group in groups}


def test_both_registrations_lead_to_one_service_and_differ_in_priority_alone() -> None:
    """Of two kinds with one short name, kubectl takes that of the group of higher priority."""
    rollups = one(objects(), "APIService", f"{VERSION}.{ROLLUP_GROUP}")

    assert rollups["spec"] == {**REGISTRATION, "group": ROLLUP_GROUP, "groupPriorityMinimum": 900}


def test_kubesum_fills_an_empty_secret_and_names_its_authority_itself() -> None:
    secret = one(objects(), "Secret", "kubesum-tls")

    assert (secret["type"], sorted(secret)) == ("Opaque", ["apiVersion", "kind", "metadata", "type"])
    assert registration({})["spec"] == REGISTRATION
    assert "annotations" not in registration({})["metadata"]


def test_cert_manager_makes_an_authority_that_outlives_its_certificates() -> None:
    found = objects(CERT_MANAGER)

    assert one(found, "Issuer", "kubesum-selfsigned")["spec"] == {"selfSigned": {}}
    assert one(found, "Certificate", "kubesum-ca")["spec"] == {
        "isCA": True,
        "commonName": "kubesum-ca",
        "secretName": "kubesum-ca",
        "duration": "87600h",
        "privateKey": {"algorithm": "ECDSA", "size": 256},
        "issuerRef": {"kind": "Issuer", "name": "kubesum-selfsigned"},
    }
    assert one(found, "Issuer", "kubesum-ca")["spec"] == {"ca": {"secretName": "kubesum-ca"}}
    assert one(found, "Certificate", "kubesum-serving")["spec"] == {
        "secretName": "kubesum-serving",
        "dnsNames": ["kubesum", "kubesum.kubesum-system", "kubesum.kubesum-system.svc"],
        "usages": ["digital signature", "server auth"],
        "duration": "2160h",
        "renewBefore": "720h",
        "privateKey": {"algorithm": "ECDSA", "size": 256, "rotationPolicy": "Always"},
        "issuerRef": {"kind": "Issuer", "name": "kubesum-ca"},
    }


def test_cert_manager_names_the_authority() -> None:
    api_service = registration(CERT_MANAGER)

    assert api_service["spec"] == REGISTRATION
    assert api_service["metadata"]["annotations"] == {
        "cert-manager.io/inject-ca-from": "kubesum-system/kubesum-serving"
    }
    assert not [one for one in objects(CERT_MANAGER) if one["kind"] == "Secret"]


def test_an_issuer_that_exists_is_used() -> None:
    made = [one for one in objects(COMPANY_ISSUER) if one["apiVersion"] == "cert-manager.io/v1"]

    assert [(one["kind"], one["spec"]["issuerRef"]) for one in made] == [
        ("Certificate", {"kind": "ClusterIssuer", "name": "company"})
    ]


def test_the_authority_of_a_secret_is_the_one_that_the_values_name() -> None:
    assert registration(OWN_SECRET)["spec"] == REGISTRATION | {"caBundle": AUTHORITY_BASE64}
    assert not [one for one in objects(OWN_SECRET) if one["kind"] == "Secret"]


def test_nothing_is_verified_only_where_the_values_say_so() -> None:
    assert registration(UNVERIFIED)["spec"] == REGISTRATION | {"insecureSkipTLSVerify": True}


@pytest.mark.parametrize("values", SETS.values(), ids=SETS.keys())
def test_an_authority_never_comes_with_an_order_not_to_verify(values: Values) -> None:
    """The API server refuses an APIService that has both."""
    spec = registration(values)["spec"]

    assert not ("caBundle" in spec and "insecureSkipTLSVerify" in spec)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"certificates": {"mode": "secret"}},
            "certificates.secret.name is missing: certificates.mode secret needs the name of the Secret",
        ),
        (
            {"certificates": {"mode": "secret", "secret": {"name": "own"}}},
            "apiService.caBundle is missing: the CA certificate could not be read from ca.crt of the Secret own",
        ),
        (
            {"apiService": {"caBundle": AUTHORITY}},
            "apiService.caBundle is for certificates.mode secret: in mode self-managed it is set automatically",
        ),
        (
            CERT_MANAGER | {"apiService": {"insecureSkipTLSVerify": True}},
            "apiService.insecureSkipTLSVerify is for certificates.mode secret: in mode cert-manager the certificate "
            "is verified",
        ),
        (
            OWN_SECRET | {"apiService": {"insecureSkipTLSVerify": True, "caBundle": AUTHORITY}},
            "apiService.caBundle and apiService.insecureSkipTLSVerify exclude each other",
        ),
    ],
)
def test_what_cannot_be_verified_is_refused(values: Values, sentence: str) -> None:
    assert sentence in refusal(values)
