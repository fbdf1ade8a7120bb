"""The objects of an informer, and how fresh they are."""

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
    """The times that the informer's clock gives: one second later at each call."""
    return iter(NOW + second for second in range(100))


@pytest.fixture
def informer(ticks: Iterator[float]) -> Informer:
    """An informer of nodes without any event yet."""
    return Informer(Scope(BY_NAME["nodes"]), lambda: next(ticks), asyncio.Event())


def test_an_informer_has_synced_after_the_initial_list(informer: Informer) -> None:
    informer.apply(ListStarted())
    assert (informer.last_event_at, informer.has_synced) == (None, False)
    changed(informer, node("a"))
    assert (list(informer.objects), informer.last_event_at, informer.has_synced) == ([("", "a")], NOW, False)
    informer.apply(Synced())
    assert (list(informer.objects), informer.last_event_at, informer.has_synced) == ([("", "a")], NOW + 1, True)


def test_objects_that_a_relist_does_not_contain_are_removed_at_its_end(informer: Informer) -> None:
    list_once(informer, node("a"), node("b"))

    informer.apply(ListStarted())
    changed(informer, node("b"))
    assert set(informer.objects) == {("", "a"), ("", "b")}
    informer.apply(Synced())

    assert set(informer.objects) == {("", "b")}


def test_a_deleted_object_is_removed(informer: Informer) -> None:
    list_once(informer, node("a"), node("b"))

    informer.apply(Deltas([(("", "a"), None), (("", "never"), None)]))

    assert set(informer.objects) == {("", "b")}


def test_changes_are_counted_and_bookmarks_are_not(informer: Informer) -> None:
    list_once(informer, node("a"))
    before = informer.changes

    informer.apply(Deltas([]))
    assert informer.changes == before
    changed(informer, node("a", cpu=70))
    assert informer.changes == before + 1


def test_an_error_keeps_the_objects_and_the_time_of_the_last_event(informer: Informer) -> None:
    list_once(informer, node("a"))

    informer.apply(WatchError(LOST, refused=False))
    informer.apply(ListStarted())

    assert (informer.error, informer.last_event_at, list(informer.objects)) == (LOST, NOW + 1, [("", "a")])


def test_any_event_clears_the_error(informer: Informer) -> None:
    list_once(informer, node("a"))
    informer.apply(WatchError(LOST, refused=False))

    informer.apply(Deltas([]))

    assert (informer.error, informer.last_event_at) == (None, NOW + 2)


def test_every_event_sets_changed(informer: Informer) -> None:
    changed_event = asyncio.Event()
    notifying = Informer(informer.scope, lambda: NOW, changed_event)

    every: list[SourceEvent[Any]] = [ListStarted(), Deltas([]), Synced(), WatchError(LOST, refused=False)]
    for event in every:
        changed_event.clear()
        notifying.apply(event)
        assert changed_event.is_set()


@pytest.mark.parametrize(
    ("last_event_at", "has_error", "expected"),
    [
        (None, False, (Tone.IDLE, "loading")),
        (NOW, False, (Tone.GOOD, "live")),
        (None, True, (Tone.BAD, "no data")),
    ],
)
def test_the_text_of_freshness(last_event_at: float | None, has_error: bool, expected: tuple[Tone, str]) -> None:
    assert freshness(last_event_at, has_error, NOW + 5) == expected


def test_the_text_of_old_data_has_its_time() -> None:
    assert freshness(NOW, True, NOW + 75.9)[1].endswith(":00:00, 75s ago")
