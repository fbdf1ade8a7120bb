"""What a feed holds and how fresh it knows that to be."""

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from kubesum.clients.model.cells import Tone
from kubesum.clients.model.informer import Feed
from kubesum.clients.model.views import BY_NAME, Scope
from kubesum.clients.terminal.headline import freshness
from kubesum.kube.deltas import Deltas, ListStarted, SourceEvent, Synced, WatchError
from kubesum.vocabulary.errors import UpstreamError
from tests.unit.clients.topfixtures import NOW, changed, listed, node

LOST = UpstreamError("cannot reach https://127.0.0.1:6443: connection refused")


@pytest.fixture
def ticks() -> Iterator[float]:
    """The time that a feed sees: one second later each time it looks."""
    return iter(NOW + second for second in range(100))


@pytest.fixture
def feed(ticks: Iterator[float]) -> Feed:
    """A feed of nodes that has heard nothing yet."""
    return Feed(Scope(BY_NAME["nodes"]), lambda: next(ticks), asyncio.Event())


def test_a_feed_is_whole_once_a_list_is(feed: Feed) -> None:
    feed.take(ListStarted())
    assert (feed.heard_at, feed.is_whole) == (None, False)
    changed(feed, node("a"))
    assert (list(feed.objects), feed.heard_at, feed.is_whole) == ([("", "a")], NOW, False)
    feed.take(Synced())
    assert (list(feed.objects), feed.heard_at, feed.is_whole) == ([("", "a")], NOW + 1, True)


def test_objects_that_a_new_list_does_not_bring_are_gone_at_its_end(feed: Feed) -> None:
    listed(feed, node("a"), node("b"))

    feed.take(ListStarted())
    changed(feed, node("b"))
    assert set(feed.objects) == {("", "a"), ("", "b")}
    feed.take(Synced())

    assert set(feed.objects) == {("", "b")}


def test_an_object_that_is_deleted_is_gone(feed: Feed) -> None:
    listed(feed, node("a"), node("b"))

    feed.take(Deltas([(("", "a"), None), (("", "never"), None)]))

    assert set(feed.objects) == {("", "b")}


def test_every_change_counts_and_signs_of_life_do_not(feed: Feed) -> None:
    listed(feed, node("a"))
    before = feed.changes

    feed.take(Deltas([]))
    assert feed.changes == before
    changed(feed, node("a", cpu=70))
    assert feed.changes == before + 1


def test_trouble_keeps_what_is_known_and_when_it_was_true(feed: Feed) -> None:
    listed(feed, node("a"))

    feed.take(WatchError(LOST, refused=False))
    feed.take(ListStarted())

    assert (feed.trouble, feed.heard_at, list(feed.objects)) == (LOST, NOW + 1, [("", "a")])


def test_a_sign_of_life_ends_trouble(feed: Feed) -> None:
    listed(feed, node("a"))
    feed.take(WatchError(LOST, refused=False))

    feed.take(Deltas([]))

    assert (feed.trouble, feed.heard_at) == (None, NOW + 2)


def test_all_news_wake_whoever_draws(feed: Feed) -> None:
    changed_event = asyncio.Event()
    waking = Feed(feed.scope, lambda: NOW, changed_event)

    every: list[SourceEvent[Any]] = [ListStarted(), Deltas([]), Synced(), WatchError(LOST, refused=False)]
    for news in every:
        changed_event.clear()
        waking.take(news)
        assert changed_event.is_set()


@pytest.mark.parametrize(
    ("heard_at", "has_trouble", "expected"),
    [
        (None, False, (Tone.IDLE, "loading")),
        (NOW, False, (Tone.GOOD, "live")),
        (None, True, (Tone.BAD, "no data")),
    ],
)
def test_freshness_in_words(heard_at: float | None, has_trouble: bool, expected: tuple[Tone, str]) -> None:
    assert freshness(heard_at, has_trouble, NOW + 5) == expected


def test_old_data_says_since_when() -> None:
    assert freshness(NOW, True, NOW + 75.9)[1].endswith(":00:00, 75s ago")
