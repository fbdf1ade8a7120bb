"""Parsing of extension-apiserver-authentication, and how its changes take effect."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from kubesum.edge.authn.configwatcher import AuthenticationConfigWatcher, Data
from kubesum.edge.authn.requestheader import EMPTY_CONFIG, request_header_config
from kubesum.edge.tls.certificates import authority, serving
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube.deltas import Deltas, ListStarted, SourceEvent, Synced
from kubesum.vocabulary.errors import UpstreamError
from kubesum.vocabulary.resource import Key
from tests.unit.edge.clientcertificates import SM2, root

CLIENTS, PROXIES = root("clients"), root("proxies")
CONFIG: dict[str, str] = {
    "client-ca-file": CLIENTS.pem.decode(),
    "requestheader-client-ca-file": PROXIES.pem.decode(),
    "requestheader-allowed-names": '["front-proxy-client","aggregator"]',
    "requestheader-username-headers": '["X-Remote-User","X-User"]',
    "requestheader-uid-headers": '["X-Remote-Uid"]',
    "requestheader-group-headers": '["X-Remote-Group"]',
    "requestheader-extra-headers-prefix": '["X-Remote-Extra-"]',
}
HERE: Key = ("kube-system", "extension-apiserver-authentication")
SERVING = serving(authority("ca"), ["kubesum.test"])


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


def watching() -> AuthenticationConfigWatcher:
    """A watcher without a list and watch; tests call `apply`."""

    async def nothing() -> AsyncIterator[SourceEvent[Data]]:
        return
        yield

    return AuthenticationConfigWatcher(nothing, ServerTls(SERVING))


def test_the_configuration_is_empty_until_it_is_loaded() -> None:
    watcher = watching()

    assert (watcher.current, watcher.is_loaded) == (EMPTY_CONFIG, False)


UNUSABLE = {
    "names that are no list": {"requestheader-username-headers": "X-Remote-User"},
    "a bundle that is none": {"client-ca-file": "nonsense"},
    "the other bundle": {"requestheader-client-ca-file": "-----BEGIN CERTIFICATE-----\n"},
}


@pytest.mark.parametrize("change", UNUSABLE.values(), ids=UNUSABLE)
def test_an_invalid_content_changes_nothing(change: dict[str, str]) -> None:
    """[A1] Also not the valid part of it."""
    watcher = watching()
    watcher.apply(CONFIG)
    before = watcher.current

    watcher.apply(CONFIG | {"requestheader-allowed-names": '["other"]'} | change)

    assert (watcher.current, watcher.is_loaded) == (before, True)


def test_an_invalid_content_at_the_start_is_not_loaded() -> None:
    watcher = watching()

    watcher.apply({"client-ca-file": "nonsense"})
    assert not watcher.is_loaded

    watcher.apply(CONFIG)
    assert watcher.is_loaded


def test_a_deleted_configmap_changes_nothing() -> None:
    watcher = watching()
    watcher.apply(CONFIG)
    before = watcher.current

    watcher.apply(None)

    assert watcher.current is before


def test_the_same_content_is_not_applied_again() -> None:
    """Each list of the ConfigMap emptied the cache of verified chains."""
    watcher = watching()
    watcher.apply(CONFIG)
    before = watcher.current

    watcher.apply(dict(CONFIG))

    assert watcher.current is before


def test_a_first_content_without_authorities_is_loaded() -> None:
    """[A2] In a cluster without aggregation tokens work."""
    watcher = watching()

    watcher.apply({})

    assert watcher.is_loaded
    assert not watcher.current.bundle


def test_an_authority_with_an_unsupported_key_is_loaded() -> None:
    """The process ended, again after each start."""
    watcher = watching()
    strange = (SM2 + PROXIES.pem).decode()

    watcher.apply(CONFIG | {"requestheader-client-ca-file": strange, "requestheader-allowed-names": "[]"})

    assert watcher.is_loaded
    assert watcher.current.front_proxies.bundle == SM2 + PROXIES.pem


async def test_other_configmaps_are_ignored() -> None:
    """Also where a server ignores the selector of the watch."""
    synced = asyncio.Event()

    async def feed() -> AsyncIterator[SourceEvent[Data]]:
        yield ListStarted()
        yield Deltas([(("kube-system", "other"), {"client-ca-file": PROXIES.pem.decode()})])
        yield Deltas([(HERE, CONFIG), (("default", HERE[1]), {})])
        yield Deltas([(("kube-system", "other"), None)])
        yield Synced()
        synced.set()

    watcher = AuthenticationConfigWatcher(feed, ServerTls(SERVING))
    await watcher.run()

    assert synced.is_set()
    assert watcher.current.clients.bundle == CLIENTS.pem
