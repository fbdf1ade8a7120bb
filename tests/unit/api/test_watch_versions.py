"""The versions from which a watch can start, also those of other replicas, and what it sends then."""

import pytest

from kubesum.rollups.resourceversion import SHARED_TAG, TAGS
from kubesum.vocabulary.errors import ApiError, Expired, ServiceUnavailable, Timeout
from tests.unit.api.replicas import Replica, names, ready, versions
from tests.unit.web.fakeresources import NOW, Thing


async def refusal(replica: Replica, version: int) -> ApiError:
    """The error of a watch from a version."""
    with pytest.raises(ApiError) as raised:
        await replica.watch({"resourceVersion": str(version)})
    return raised.value


async def test_versions_from_which_a_watch_cannot_start() -> None:
    """[W5] [W9]"""
    replica = await Replica().start(Thing("a"))
    replica.world.now += 20
    now = int(replica.world.now * 1_000_000) * TAGS

    assert isinstance(await refusal(replica, 5), Expired)
    assert isinstance(await refusal(replica, int((NOW - 60) * 1_000_000) * TAGS + 7), Expired)
    assert isinstance(await refusal(replica, now - 30_000_000 * TAGS + 9), Expired)
    assert isinstance(await refusal(replica, now - 20_000_000 * TAGS + 9), ServiceUnavailable)
    assert isinstance(await refusal(replica, now + 61_000_000 * TAGS + 9), Timeout)
    too_large = await refusal(replica, (1 << 64) - 1)
    assert too_large.details is not None
    assert too_large.details.causes[0].reason == "ResourceVersionTooLarge"


async def test_from_a_version_of_another_replica_the_last_changes_are_replayed() -> None:
    replica = await Replica().start(Thing("old"), Thing("changed"), Thing("gone"))
    replica.world.now += 20
    await replica.put(Thing("changed", labels={"is": "new"}))
    await replica.put(Thing("new"))
    await replica.drop("gone")
    await replica.put(Thing("passing"))
    await replica.drop("passing")
    asked = replica.version - replica.tag + 9

    events = await replica.events_from(asked)

    assert names(events) == [
        ("MODIFIED", "changed"),
        ("MODIFIED", "new"),
        ("DELETED", "gone"),
        ("DELETED", "passing"),
    ]
    assert versions(events) == sorted(set(versions(events)))
    assert versions(events)[0] > asked
    assert [version % TAGS for version in versions(events)] == [SHARED_TAG] * 4


async def test_a_version_of_a_replica_with_the_same_tag_was_not_issued_here() -> None:
    """One in 999 pairs of replicas draws the same tag; a change that only one had published was lost."""
    replica = await Replica().start()
    replica.world.now += 20
    await replica.put(Thing("a"))
    await replica.put(Thing("b"))

    assert names(await replica.events_from(replica.version - TAGS)) == [("MODIFIED", "a"), ("MODIFIED", "b")]


async def test_a_replay_that_was_cut_off_is_replayed_again() -> None:
    """A version in the middle of a replay does not show that the client has all of it."""
    replica = await Replica().start()
    replica.world.now += 20
    await replica.put(Thing("a"), Thing("b"), Thing("c"))
    first = (await replica.events_from(replica.version - replica.tag + 9))[0]

    again = await replica.events_from(versions([first])[0])

    assert names(again) == [("MODIFIED", "a"), ("MODIFIED", "b"), ("MODIFIED", "c")]


async def test_changes_long_before_a_version_of_another_replica_are_not_replayed() -> None:
    replica = await Replica().start()
    replica.world.now += 20
    await replica.put(Thing("a"))
    replica.world.now += 20
    await replica.put(Thing("b"))

    assert names(await replica.events_from(replica.version - replica.tag + 9)) == [("MODIFIED", "b")]


async def test_no_change_is_lost_after_a_version_of_a_replica_with_a_fast_clock() -> None:
    replica = await Replica().start()
    replica.world.now += 20
    await replica.put(Thing("a"))
    asked = replica.version + 2_500_000 * TAGS + 2

    lines = await replica.watch({"resourceVersion": str(asked)})
    await replica.put(Thing("b"))
    events = await ready(lines)

    assert names(events) == [("MODIFIED", "a"), ("MODIFIED", "b")]
    assert asked < versions(events)[0] < versions(events)[1]


async def test_a_client_that_was_cut_off_before_a_deletion_gets_it() -> None:
    """A row that left the selection and changed again was coalesced into one event with the later version."""
    replica = await Replica().start(Thing("k", labels={"wood": "oak"}), Thing("l", labels={"wood": "oak"}))
    begun = replica.version
    replica.world.now += 2
    await replica.put(Thing("k", labels={"wood": "ash"}))
    replica.world.now += 2
    await replica.put(Thing("l", labels={"wood": "oak", "old": "yes"}))
    replica.world.now += 2
    await replica.put(Thing("k", labels={"wood": "elm"}))

    events = await replica.events_from(begun, labelSelector="wood=oak")
    cut_off_after_first = await replica.events_from(versions(events)[0], labelSelector="wood=oak")

    assert names(events) == [("DELETED", "k"), ("MODIFIED", "l")]
    assert names(cut_off_after_first) == [("MODIFIED", "l")]


async def test_a_row_that_may_have_been_selected_in_between_is_deleted() -> None:
    """The other replica may have published a state that was selected only for a moment."""
    replica = await Replica().start(Thing("a", labels={"wood": "ash"}), Thing("b", labels={"wood": "oak"}))
    replica.world.now += 20
    await replica.put(Thing("a", labels={"wood": "oak"}))
    await replica.put(Thing("a", labels={"wood": "elm"}))
    before = replica.version - replica.tag + 9
    await replica.put(Thing("b", uid="other", labels={"wood": "oak"}))
    after = replica.version - replica.tag + 9

    events = await replica.events_from(before, labelSelector="wood=oak")

    assert names(events) == [("DELETED", "a"), ("MODIFIED", "b")]
    assert events[0]["object"]["metadata"]["labels"] == {"wood": "oak"}
    assert names(await replica.events_from(after, labelSelector="wood=oak"))[1:] == [("MODIFIED", "b")]
