"""The sync state of one kind: when it has synced, was denied, and is fresh."""

import pytest

from kubesum.cache.syncstate import SyncState
from kubesum.kube.deltas import Deltas, ListStarted, SourceEvent, Synced, WatchError
from kubesum.vocabulary.errors import UpstreamError

OUTAGE: SourceEvent[str] = WatchError(UpstreamError("cannot reach it"), refused=False)
REFUSAL: SourceEvent[str] = WatchError(UpstreamError("forbidden"), refused=True)


def observed(state: SyncState, *events: SourceEvent[str], now: float) -> SyncState:
    for one in events:
        list(state.changes(one, ()))
        state.observe(one, now)
    return state


@pytest.fixture
def state() -> SyncState:
    return observed(SyncState("pods"), ListStarted(), Synced(), now=1_000.0)


def test_a_kind_is_fresh_once_its_list_is_complete() -> None:
    state = observed(SyncState("pods"), ListStarted(), Deltas([(("a", "b"), "fact")]), now=1_000.0)
    before = state.is_fresh(1_000.0)

    observed(state, Synced(), now=1_001.0)

    assert (before, state.is_fresh(1_001.0)) == (False, True)


def test_a_kind_is_stale_after_150_s_without_a_sign_of_life(state: SyncState) -> None:
    assert state.is_fresh(1_150.0)
    assert not state.is_fresh(1_151.0)


def test_a_sign_of_life_makes_it_fresh_again(state: SyncState) -> None:
    observed(state, Deltas([]), now=1_200.0)

    assert state.is_fresh(1_300.0)


def test_a_kind_stays_fresh_while_the_server_is_away_for_30_s(state: SyncState) -> None:
    observed(state, OUTAGE, now=1_010.0)
    observed(state, OUTAGE, now=1_030.0)

    assert state.is_fresh(1_040.0)
    assert not state.is_fresh(1_041.0)


def test_the_beginning_of_a_list_is_no_sign_of_life(state: SyncState) -> None:
    """A server that went away and no longer had the version counted as fresh for ever."""
    for now in range(1_010, 1_050, 10):
        observed(state, ListStarted(), OUTAGE, now=now)

    assert not state.is_fresh(1_041.0)
    assert state.last_event_at == 1_000.0


def test_files_never_become_stale(state: SyncState) -> None:
    state.is_final = True

    assert state.is_fresh(9_999.0)


def test_a_denial_is_dated_from_its_first_attempt_and_cleared_by_the_next_list() -> None:
    state = observed(SyncState("pods"), ListStarted(), REFUSAL, now=1_000.0)
    observed(state, ListStarted(), REFUSAL, now=1_050.0)
    while_denied = (state.denied, state.denied_since, state.synced_or_denied.is_set())

    observed(state, ListStarted(), Synced(), now=1_060.0)

    assert while_denied == ("forbidden", 1_000.0, True)
    assert (state.denied, state.denied_since) == (None, None)
