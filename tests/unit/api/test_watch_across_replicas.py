"""A client that moves its watch between replicas, which receive the same changes and publish them at different times.

A state that lasts for less than the gathering time is published by one replica and skipped by the other. The client's
copy must always become equal to a list, without ever listing again.
"""

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest

from kubesum.rollups.resourceversion import SHARED_TAG, TAGS
from kubesum.vocabulary.errors import Expired, ServiceUnavailable
from kubesum.vocabulary.resource import ComputedResource, Key, Source
from tests.hanging import HANGS_AFTER_S
from tests.unit.api.replicas import Replica, names, versions
from tests.unit.api.watchwalk import PILES, WATCHED, Walk, flush
from tests.unit.web.fakeresources import BOXES, NOW, Thing

A: Key = ("", "a")
OAK, ASH, ELM = (Thing("a", labels={"wood": wood}) for wood in ("oak", "ash", "elm"))


async def two_replicas(*boxes: Thing, resource: ComputedResource = BOXES) -> tuple[Replica, Replica]:
    """Two replicas that have served the same boxes for half a minute."""
    one, other = Replica(7, resource=resource), Replica(8, resource=resource)
    for replica in (one, other):
        await replica.start(*boxes)
        replica.world.now = NOW + 30
    return one, other


async def test_a_skipped_creation_is_sent_as_deletion() -> None:
    """[W11] A client that had the object from the other replica kept it until it listed again."""
    one, other = await two_replicas()
    for replica in (one, other):
        replica.apply(A, OAK)
    await flush(one)
    other.apply(A, None)
    await flush(other)

    (event,) = await other.events_from(one.version)

    assert (event["type"], event["object"]["metadata"]["name"]) == ("DELETED", "a")
    assert event["object"]["metadata"]["labels"] == {"wood": "oak"}
    assert event["object"]["status"] == {"size": 1}
    assert int(event["object"]["metadata"]["resourceVersion"]) > one.version


async def test_a_row_that_changed_and_changed_back_is_sent_as_it_is() -> None:
    one, other = await two_replicas(OAK)
    for replica in (one, other):
        replica.apply(A, ASH)
    await flush(one)
    other.apply(A, OAK)
    await flush(other)

    (event,) = await other.events_from(one.version)

    assert (event["type"], event["object"]["metadata"]["labels"]) == ("MODIFIED", {"wood": "oak"})


async def test_a_row_that_changed_back_while_it_rested_is_sent_as_it_is() -> None:
    one, other = await two_replicas(OAK)
    await flush(one)
    for box in (Thing("a", labels={"wood": "oak", "old": ""}), ASH, OAK):
        other.apply(A, box)
        await other.world.engine.publish()
    await flush(other)

    labels = [event["object"]["metadata"]["labels"] for event in await other.events_from(one.version)]

    assert labels == [{"wood": "oak"}]


async def test_a_row_that_was_deleted_and_recreated_is_sent_as_it_is() -> None:
    one, other = await two_replicas(OAK)
    for replica in (one, other):
        replica.apply(A, None)
    await flush(one)
    other.apply(A, OAK)
    await flush(other)

    assert names(await other.events_from(one.version + TAGS)) == [("MODIFIED", "a")]


async def test_a_skipped_state_that_was_selected_is_deleted() -> None:
    """[W10] A skipped state that was not selected is not sent."""
    one, other = await two_replicas(OAK)
    for box in (ASH, ELM):
        other.apply(A, box)
    await flush(one, other)

    events = {wood: await other.events_from(one.version, labelSelector=f"wood={wood}") for wood in ("ash", "fir")}

    assert names(events["ash"]) == [("DELETED", "a")]
    assert events["ash"][0]["object"]["metadata"]["labels"] == {"wood": "ash"}
    assert events["fir"] == []


async def test_a_status_that_may_have_been_skipped_is_deleted() -> None:
    """The statuses of groups are not computed for skipped states, so they may have been selected."""
    one, other = await two_replicas(Thing("x", labels={"wood": "oak"}), resource=PILES)
    for replica in (one, other):
        replica.apply(("", "y"), Thing("y", labels={"wood": "oak"}))
    await flush(one)
    other.apply(("", "y"), None)
    await flush(other)

    selected = await other.events_from(one.version, fieldSelector="status.boxes=2")
    named = await other.events_from(one.version, fieldSelector="status.boxes=2,metadata.name=ash")

    assert names(selected) == [("DELETED", "oak")]
    assert named == []


async def test_a_skipped_group_is_deleted_with_its_status() -> None:
    one, other = await two_replicas(resource=PILES)
    for replica in (one, other):
        replica.apply(A, OAK)
    await flush(one)
    other.apply(A, None)
    await flush(other)

    (event,) = await other.events_from(one.version)

    assert (event["type"], event["object"]["metadata"]["name"]) == ("DELETED", "oak")
    assert event["object"]["status"] == {"boxes": 1}


async def test_states_that_are_skipped_after_the_move_are_sent_too() -> None:
    """The first replica had received and published the change already."""
    one, other = await two_replicas()
    one.apply(A, OAK)
    await flush(one)
    async with aclosing(await other.watch({"resourceVersion": str(one.version)})) as lines:
        told = asyncio.ensure_future(anext(lines))
        await asyncio.sleep(0)
        other.apply(A, OAK)
        other.apply(A, None)
        await flush(other)

        assert names([json.loads(await asyncio.wait_for(told, HANGS_AFTER_S))]) == [("DELETED", "a")]


async def test_no_skipped_states_are_sent_when_the_resumption_is_over() -> None:
    one, other = await two_replicas()
    told: list[list[dict[str, Any]]] = []
    async with aclosing(await other.watch({"resourceVersion": str(one.version)})) as lines:
        for name in ("first", "second", "third"):
            reading = asyncio.ensure_future(anext(lines))
            for _ in range(10):
                await asyncio.sleep(0)
            for key, box in ((A, OAK), (A, None), (("", name), Thing(name))):
                other.apply(key, box)
            other.world.now += 6
            await other.world.engine.publish()
            told.append([json.loads(line) for line in (await asyncio.wait_for(reading, HANGS_AFTER_S)).splitlines()])

    assert [names(events) for events in told] == [
        [("DELETED", "a"), ("MODIFIED", "first")],
        [("ADDED", "second")],
        [("ADDED", "third")],
    ]
    assert [version % TAGS for events in told for version in versions(events)] == [SHARED_TAG] * 3 + [8]
    assert versions(told[2]) == [other.version]


async def test_no_replayed_deletion_removes_an_object_that_the_client_has() -> None:
    """Cut off after the deletion of the older object, a client that had the newer one lost it for good."""
    one, other = await two_replicas(OAK)
    for replica in (one, other):
        replica.apply(A, Thing("a", uid="newer", labels={"wood": "ash"}))
        await flush(replica)

    assert names(await other.events_from(one.version + TAGS)) == [("MODIFIED", "a")]
    assert names(await other.events_from(one.version - 8_000_000 * TAGS)) == [("MODIFIED", "a")]


async def test_watches_within_one_replica_get_no_skipped_states() -> None:
    one, _ = await two_replicas(OAK)
    start = one.version
    for box in (ASH, OAK):
        one.apply(A, box)
    await flush(one)

    assert await one.events_from(start) == []


async def test_a_client_with_a_copy_lists_again_on_another_replica() -> None:
    """[W5] Its copy lost objects that live, and it was sent deletions of objects that it never had."""
    one, other = await two_replicas(OAK)

    with pytest.raises(Expired, match="is not of this replica, or too old; list again"):
        await other.events_from(one.version, allowWatchBookmarks="true")


async def test_an_object_that_changed_before_it_was_published_is_not_deleted() -> None:
    """Nearly every new pod was DELETED and ADDED: it is created, bound and started within the gathering time."""
    one, other = await two_replicas()
    for replica in (one, other):
        for box in (OAK, ASH, ELM):
            replica.apply(A, box)
        await flush(replica)

    assert names(await other.events_from(one.version)) == [("MODIFIED", "a")]


async def test_what_a_replay_sent_before_it_was_cut_off_is_deleted_again() -> None:
    """A client kept an object of the first replica, which had come long after the version of the other's rows."""
    one, other = await two_replicas()
    asked = other.version
    for replica in (one, other):
        replica.world.now += 20
    for name in ("a", "b"):
        one.apply(("", name), Thing(name, labels={"wood": "oak"}))
    await flush(one)
    for box in (OAK, None):
        other.apply(A, box)
    await flush(other)

    first, _ = await one.events_from(asked, labelSelector="wood=oak")
    events = await other.events_from(versions([first])[0], labelSelector="wood=oak")

    assert names([first]) == [("MODIFIED", "a")]
    assert names(events) == [("DELETED", "a")]


async def test_a_change_that_a_slow_client_was_not_sent_is_sent_by_another_replica() -> None:
    """A client kept the state of before: its change and one much later are one event, which it did not read."""
    one, other = await two_replicas(OAK)
    asked = one.version
    for replica in (one, other):
        for box in (ASH, Thing("b")):
            replica.apply(("", box.name), box)
            await flush(replica)
            replica.world.now += 20
    for box in (ELM, ASH):
        one.apply(A, box)
        await flush(one)
        other.apply(A, box)
    await flush(other)

    first, second = await one.events_from(asked)
    events = await other.events_from(versions([first])[0])

    assert names([first, second]) == [("ADDED", "b"), ("MODIFIED", "a")]
    assert names(events) == [("MODIFIED", "b"), ("MODIFIED", "a")]
    assert events[1]["object"]["metadata"]["labels"] == {"wood": "ash"}


async def test_a_watch_from_before_a_list_of_the_source_continues_on_its_own_replica_alone() -> None:
    """A client kept what another replica had shown: here it came and went between a watch of pods and a new list."""
    one, other = await two_replicas()
    asked, own = one.version, other.version
    other.world.now += 1
    other.world.engine.note_missed(Source.PODS)

    with pytest.raises(Expired, match="too old resource version"):
        await other.events_from(asked)
    one.world.now += 2
    one.apply(A, OAK)
    await flush(one)
    with pytest.raises(ServiceUnavailable):
        await other.events_from(one.version)
    other.world.engine.note_missed(Source.NODES)
    assert await other.events_from(own) == []


async def test_a_watch_expires_when_skipped_states_were_dropped() -> None:
    """[W9] Incomplete events must not be sent as if they were complete."""
    one, other = await two_replicas()
    for number in range(20_001):
        key = ("", f"box-{number}")
        other.apply(key, Thing(key[1]))
        other.apply(key, None)
    before = one.version
    one.world.now += 1
    await flush(other)

    with pytest.raises(Expired, match="too old resource version"):
        await other.events_from(before)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("watched", WATCHED)
async def test_a_copy_always_becomes_equal_to_a_list(watched: str, seed: int) -> None:
    client = await Walk(watched, seed, rounds=60).run()

    assert client.moves > 60
    assert client.lists == 1


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("watched", WATCHED)
async def test_a_copy_becomes_equal_to_a_list_of_three_replicas_that_restart(watched: str, seed: int) -> None:
    client = await Walk(watched, seed, replicas=3, restarts=0.03, rounds=60).run()

    assert client.moves > 50
