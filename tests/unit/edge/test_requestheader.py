"""Parsing of the ConfigMap extension-apiserver-authentication."""

import pytest

from kubesum.edge.authn.requestheader import request_header_config
from kubesum.vocabulary.errors import UpstreamError
from tests.unit.edge.authenticationconfig import CLIENTS, CONFIG, PROXIES


def without(*keys: str) -> dict[str, str]:
    return {key: value for key, value in CONFIG.items() if key not in keys}


def test_all_keys_are_parsed() -> None:
    config = request_header_config(CONFIG)

    assert (config.clients.bundle, config.front_proxies.bundle) == (CLIENTS.pem, PROXIES.pem)
    assert config.bundle == CLIENTS.pem + PROXIES.pem
    assert config.allowed_names == {"front-proxy-client", "aggregator"}
    assert config.username_headers == (b"x-remote-user", b"x-user")
    assert config.uid_headers == (b"x-remote-uid",)
    assert config.group_headers == (b"x-remote-group",)
    assert config.extra_prefixes == (b"x-remote-extra-",)


def test_a_missing_key_trusts_nothing() -> None:
    """[A1] Also no header with a default name."""
    assert not request_header_config(without("client-ca-file")).clients
    assert not request_header_config(without("requestheader-client-ca-file")).front_proxies
    assert request_header_config(without("requestheader-allowed-names")).allowed_names == frozenset()
    assert request_header_config(without("requestheader-username-headers")).username_headers == ()
    assert request_header_config(without("requestheader-uid-headers")).uid_headers == ()
    assert request_header_config(without("requestheader-group-headers")).group_headers == ()
    assert request_header_config(without("requestheader-extra-headers-prefix")).extra_prefixes == ()
    assert not request_header_config({}).bundle


def test_empty_names_are_dropped() -> None:
    """An empty prefix would make every header an identity header."""
    config = request_header_config(
        CONFIG | {"requestheader-extra-headers-prefix": '["","X-A-"]', "requestheader-username-headers": '[""]'}
    )

    assert (config.extra_prefixes, config.username_headers) == ((b"x-a-",), ())


@pytest.mark.parametrize("key", [key for key in CONFIG if not key.endswith("-file")])
@pytest.mark.parametrize("text", ["[", "{}", '"X-Remote-User"', "[1]", "null", "[null]", "X-Remote-User"])
def test_names_that_are_no_json_list_are_an_error(key: str, text: str) -> None:
    with pytest.raises(UpstreamError, match=f"^{key} of the ConfigMap .* is no JSON list of names"):
        request_header_config(CONFIG | {key: text})


@pytest.mark.parametrize("key", ["client-ca-file", "requestheader-client-ca-file"])
def test_an_invalid_bundle_is_an_error(key: str) -> None:
    with pytest.raises(UpstreamError, match=f"^{key} of the ConfigMap .* holds no PEM certificates"):
        request_header_config(CONFIG | {key: "nonsense"})


@pytest.mark.parametrize(
    ("names", "proxies", "expected"),
    [
        ("[]", CLIENTS.pem, True),
        ("[]", PROXIES.pem + CLIENTS.pem, True),
        ("[]", PROXIES.pem, False),
        ('["front-proxy-client"]', CLIENTS.pem, False),
    ],
    ids=["one authority for both", "one in common", "two", "one for both, and names"],
)
def test_a_shared_authority_without_allowed_names_is_spoofable(names: str, proxies: bytes, expected: bool) -> None:
    config = request_header_config(
        CONFIG | {"requestheader-allowed-names": names, "requestheader-client-ca-file": proxies.decode()}
    )

    assert config.is_spoofable is expected
