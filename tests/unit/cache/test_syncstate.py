"""One informer: when it counts as synced, as refused, and as following what it listed."""

import pytest

from kubesum.cache.syncstate import SyncState
from kubesum.kube.deltas import Deltas, ListStarted, SourceEvent, Synced, WatchError
from kubesum.vocabulary.errors import UpstreamError

OUTAGE: SourceEvent[str] = WatchError(UpstreamError("cannot reach it"), refused=False)
REFUSAL: SourceEvent[str] = WatchError(UpstreamError("forbidden"), refused=True)


def heard(informer: SyncState, *news: SourceEvent[str], now: float) -> SyncState:
    for one in news:
        list(informer.changes(one, ()))
        informer.observe(one, now)
    return informer


@pytest.fixture
def informer() -> SyncState:
    return heard(SyncState("pods"), ListStarted(), Synced(), now=1_000.0)


def test_an_informer_is_in_step_once_its_list_is_whole() -> None:
    informer = heard(SyncState("pods"), ListStarted(), Deltas([(("a", "b"), "fact")]), now=1_000.0)
    before = informer.is_fresh(1_000.0)

    heard(informer, Synced(), now=1_001.0)

    assert (before, informer.is_fresh(1_001.0)) == (False, True)


def test_a_watch_without_a_sign_of_life_falls_out_of_step(informer: SyncState) -> None:
    assert informer.is_fresh(1_150.0)
    assert not informer.is_fresh(1_151.0)


def test_a_sign_of_life_puts_it_back_into_step(informer: SyncState) -> None:
    heard(informer, Deltas([]), now=1_200.0)

    assert informer.is_fresh(1_300.0)


def test_a_server_may_be_away_for_half_a_minute(informer: SyncState) -> None:
    heard(informer, OUTAGE, now=1_010.0)
    heard(informer, OUTAGE, now=1_030.0)

    assert informer.is_fresh(1_040.0)
    assert not informer.is_fresh(1_041.0)


def test_to_ask_for_a_list_in_vain_is_no_sign_of_life(informer: SyncState) -> None:
    """A server that went away and took the version with it counted as followed for ever."""
    for now in range(1_010, 1_050, 10):
        heard(informer, ListStarted(), OUTAGE, now=now)

    assert not informer.is_fresh(1_041.0)
    assert informer.last_event_at == 1_000.0


def test_files_never_fall_out_of_step(informer: SyncState) -> None:
    informer.is_final = True

    assert informer.is_fresh(9_999.0)


def test_a_refusal_is_dated_from_its_first_attempt_and_forgotten_when_it_is_lifted() -> None:
    informer = heard(SyncState("pods"), ListStarted(), REFUSAL, now=1_000.0)
    heard(informer, ListStarted(), REFUSAL, now=1_050.0)
    while_refused = (informer.denied, informer.denied_since, informer.synced_or_denied.is_set())

    heard(informer, ListStarted(), Synced(), now=1_060.0)

    assert while_refused == ("forbidden", 1_000.0, True)
    assert (informer.denied, informer.denied_since) == (None, None)
