"""What a feed holds and how fresh it knows that to be."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from kubesum.clients.model.cells import Tone
from kubesum.clients.model.explanations import freshness
from kubesum.clients.model.informer import Informer
from kubesum.clients.model.views import BY_NAME, Scope
from kubesum.kube.deltas import Deltas, ListStarted, SourceEvent, Synced, WatchError
from kubesum.vocabulary.errors import UpstreamError
from tests.unit.clients.topfixtures import NOW, changed, list_once, node

LOST = UpstreamError("cannot reach https://127.0.0.1:6443: connection refused")


@pytest.fixture
def ticks() -> Iterator[float]:
    """The time that a feed sees: one second later each time it looks."""
    return iter(NOW + second for second in range(100))


@pytest.fixture
def informer(ticks: Iterator[float]) -> Informer:
    """A feed of nodes that has heard nothing yet."""
    return Informer(Scope(BY_NAME["nodes"]), lambda: next(ticks), asyncio.Event())


def test_a_feed_is_whole_once_a_list_is(informer: Informer) -> None:
    informer.apply(ListStarted())
    assert (informer.last_event_at, informer.has_synced) == (None, False)
    changed(informer, node("a"))
    assert (list(informer.objects), informer.last_event_at, informer.has_synced) == ([("", "a")], NOW, False)
    informer.apply(Synced())
    assert (list(informer.objects), informer.last_event_at, informer.has_synced) == ([("", "a")], NOW + 1, True)


def test_objects_that_a_new_list_does_not_bring_are_gone_at_its_end(informer: Informer) -> None:
    list_once(informer, node("a"), node("b"))

    informer.apply(ListStarted())
    changed(informer, node("b"))
    assert set(informer.objects) == {("", "a"), ("", "b")}
    informer.apply(Synced())

    assert set(informer.objects) == {("", "b")}


def test_an_object_that_is_deleted_is_gone(informer: Informer) -> None:
    list_once(informer, node("a"), node("b"))

    informer.apply(Deltas([(("", "a"), None), (("", "never"), None)]))

    assert set(informer.objects) == {("", "b")}


def test_every_change_counts_and_signs_of_life_do_not(informer: Informer) -> None:
    list_once(informer, node("a"))
    before = informer.changes

    informer.apply(Deltas([]))
    assert informer.changes == before
    changed(informer, node("a", cpu=70))
    assert informer.changes == before + 1


def test_trouble_keeps_what_is_known_and_when_it_was_true(informer: Informer) -> None:
    list_once(informer, node("a"))

    informer.apply(WatchError(LOST, refused=False))
    informer.apply(ListStarted())

    assert (informer.error, informer.last_event_at, list(informer.objects)) == (LOST, NOW + 1, [("", "a")])


def test_a_sign_of_life_ends_trouble(informer: Informer) -> None:
    list_once(informer, node("a"))
    informer.apply(WatchError(LOST, refused=False))

    informer.apply(Deltas([]))

    assert (informer.error, informer.last_event_at) == (None, NOW + 2)


def test_all_news_wake_whoever_draws(informer: Informer) -> None:
    changed_event = asyncio.Event()
    waking = Informer(informer.scope, lambda: NOW, changed_event)

    every: list[SourceEvent[Any]] = [ListStarted(), Deltas([]), Synced(), WatchError(LOST, refused=False)]
    for event in every:
        changed_event.clear()
        waking.apply(event)
        assert changed_event.is_set()


@pytest.mark.parametrize(
    ("last_event_at", "has_error", "expected"),
    [
        (None, False, (Tone.IDLE, "loading")),
        (NOW, False, (Tone.GOOD, "live")),
        (None, True, (Tone.BAD, "no data")),
    ],
)
def test_freshness_in_words(last_event_at: float | None, has_error: bool, expected: tuple[Tone, str]) -> None:
    assert freshness(last_event_at, has_error, NOW + 5) == expected


def test_old_data_says_since_when() -> None:
    assert freshness(NOW, True, NOW + 75.9)[1].endswith(":00:00, 75s ago")
