"""One informer: when it counts as synced, as refused, and as following what it listed."""

import pytest

from kubesum.cache.syncstate import Informer
from kubesum.kube.deltas import Complete, News, Objects, Relisting, Trouble
from kubesum.vocabulary.errors import UpstreamError

OUTAGE: News[str] = Trouble(UpstreamError("cannot reach it"), refused=False)
REFUSAL: News[str] = Trouble(UpstreamError("forbidden"), refused=True)


def heard(informer: Informer, *news: News[str], now: float) -> Informer:
    for one in news:
        list(informer.changes(one, ()))
        informer.hear(one, now)
    return informer


@pytest.fixture
def informer() -> Informer:
    return heard(Informer("pods"), Relisting(), Complete(), now=1_000.0)


def test_an_informer_is_in_step_once_its_list_is_whole() -> None:
    informer = heard(Informer("pods"), Relisting(), Objects([(("a", "b"), "fact")]), now=1_000.0)
    before = informer.is_in_step(1_000.0)

    heard(informer, Complete(), now=1_001.0)

    assert (before, informer.is_in_step(1_001.0)) == (False, True)


def test_a_watch_without_a_sign_of_life_falls_out_of_step(informer: Informer) -> None:
    assert informer.is_in_step(1_150.0)
    assert not informer.is_in_step(1_151.0)


def test_a_sign_of_life_puts_it_back_into_step(informer: Informer) -> None:
    heard(informer, Objects([]), now=1_200.0)

    assert informer.is_in_step(1_300.0)


def test_a_server_may_be_away_for_half_a_minute(informer: Informer) -> None:
    heard(informer, OUTAGE, now=1_010.0)
    heard(informer, OUTAGE, now=1_030.0)

    assert informer.is_in_step(1_040.0)
    assert not informer.is_in_step(1_041.0)


def test_to_ask_for_a_list_in_vain_is_no_sign_of_life(informer: Informer) -> None:
    """A server that went away and took the version with it counted as followed for ever."""
    for now in range(1_010, 1_050, 10):
        heard(informer, Relisting(), OUTAGE, now=now)

    assert not informer.is_in_step(1_041.0)
    assert informer.heard_at == 1_000.0


def test_files_never_fall_out_of_step(informer: Informer) -> None:
    informer.is_final = True

    assert informer.is_in_step(9_999.0)


def test_a_refusal_is_dated_from_its_first_attempt_and_forgotten_when_it_is_lifted() -> None:
    informer = heard(Informer("pods"), Relisting(), REFUSAL, now=1_000.0)
    heard(informer, Relisting(), REFUSAL, now=1_050.0)
    while_refused = (informer.refused, informer.refused_since, informer.settled.is_set())

    heard(informer, Relisting(), Complete(), now=1_060.0)

    assert while_refused == ("forbidden", 1_000.0, True)
    assert (informer.refused, informer.refused_since) == (None, None)
