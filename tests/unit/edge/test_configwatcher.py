"""Changes of extension-apiserver-authentication, and how they take effect."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from kubesum.edge.authn.configwatcher import AuthenticationConfigWatcher, Data
from kubesum.edge.authn.requestheader import EMPTY_CONFIG
from kubesum.edge.tls.certificates import authority, serving
from kubesum.edge.tls.servertls import ServerTls
from kubesum.kube.deltas import Deltas, ListStarted, SourceEvent, Synced
from kubesum.vocabulary.resource import Key
from tests.unit.edge.authenticationconfig import CLIENTS, CONFIG, PROXIES
from tests.unit.edge.clientcertificates import SM2

CONFIG_MAP: Key = ("kube-system", "extension-apiserver-authentication")
SERVING = serving(authority("ca"), ["kubesum.test"])


def new_watcher() -> AuthenticationConfigWatcher:
    """A watcher without a list and watch; tests call `apply`."""

    async def nothing() -> AsyncIterator[SourceEvent[Data]]:
        return
        yield

    return AuthenticationConfigWatcher(nothing, ServerTls(SERVING))


def test_the_configuration_is_empty_until_it_is_loaded() -> None:
    watcher = new_watcher()

    assert (watcher.current, watcher.is_loaded) == (EMPTY_CONFIG, False)


UNUSABLE = {
    "names that are no list": {"requestheader-username-headers": "X-Remote-User"},
    "a bundle that is none": {"client-ca-file": "nonsense"},
    "the other bundle": {"requestheader-client-ca-file": "-----BEGIN CERTIFICATE-----\n"},
}


@pytest.mark.parametrize("change", UNUSABLE.values(), ids=UNUSABLE)
def test_an_invalid_content_changes_nothing(change: dict[str, str]) -> None:
    """[A1] Also not the valid part of it."""
    watcher = new_watcher()
    watcher.apply(CONFIG)
    before = watcher.current

    watcher.apply(CONFIG | {"requestheader-allowed-names": '["other"]'} | change)

    assert (watcher.current, watcher.is_loaded) == (before, True)


def test_an_invalid_content_at_the_start_is_not_loaded() -> None:
    watcher = new_watcher()

    watcher.apply({"client-ca-file": "nonsense"})
    assert not watcher.is_loaded

    watcher.apply(CONFIG)
    assert watcher.is_loaded


def test_a_deleted_configmap_changes_nothing() -> None:
    watcher = new_watcher()
    watcher.apply(CONFIG)
    before = watcher.current

    watcher.apply(None)

    assert watcher.current is before


def test_the_same_content_is_not_applied_again() -> None:
    """Each list of the ConfigMap emptied the cache of verified chains."""
    watcher = new_watcher()
    watcher.apply(CONFIG)
    before = watcher.current

    watcher.apply(dict(CONFIG))

    assert watcher.current is before


def test_a_first_content_without_authorities_is_loaded() -> None:
    """[A2] In a cluster without aggregation tokens work."""
    watcher = new_watcher()

    watcher.apply({})

    assert watcher.is_loaded
    assert not watcher.current.bundle


def test_an_authority_with_an_unsupported_key_is_loaded() -> None:
    """The process ended, again after each start."""
    watcher = new_watcher()
    strange = (SM2 + PROXIES.pem).decode()

    watcher.apply(CONFIG | {"requestheader-client-ca-file": strange, "requestheader-allowed-names": "[]"})

    assert watcher.is_loaded
    assert watcher.current.front_proxies.bundle == SM2 + PROXIES.pem


async def test_other_configmaps_are_ignored() -> None:
    """Also where a server ignores the selector of the watch."""
    synced = asyncio.Event()

    async def list_watch() -> AsyncIterator[SourceEvent[Data]]:
        yield ListStarted()
        yield Deltas([(("kube-system", "other"), {"client-ca-file": PROXIES.pem.decode()})])
        yield Deltas([(CONFIG_MAP, CONFIG), (("default", CONFIG_MAP[1]), {})])
        yield Deltas([(("kube-system", "other"), None)])
        yield Synced()
        synced.set()

    watcher = AuthenticationConfigWatcher(list_watch, ServerTls(SERVING))
    await watcher.run()

    assert synced.is_set()
    assert watcher.current.clients.bundle == CLIENTS.pem
