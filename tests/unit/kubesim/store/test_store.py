"""The store: one counter of changes, objects in order, and the changes after a version."""

import asyncio
from typing import Any

import pytest

from kubesim.apierrors import Expired
from kubesim.store.store import CHANGES_KEPT, Store


def named(name: str, namespace: str = "default", **rest: Any) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": namespace}, **rest}


def test_changes_after_a_version_are_in_order() -> None:
    store = Store()
    first = store.put("pods", named("a"))
    store.put("pods", named("b"))
    store.put("nodes", {"metadata": {"name": "n"}})
    store.put("pods", named("a", spec={"nodeName": "n"}))

    changes = store.changes_since("pods", first.version)

    assert [(change.last.name, change.before is None) for change in changes] == [("b", True), ("a", False)]
    assert store.changes_since("pods", store.version) == []


def test_a_version_whose_next_change_is_dropped_is_expired() -> None:
    store = Store()
    oldest = store.put("pods", named("a")).version
    for _ in range(CHANGES_KEPT):
        store.put("pods", named("b"))

    assert len(store.changes_since("pods", oldest)) == CHANGES_KEPT
    store.put("pods", named("b"))
    with pytest.raises(Expired, match=r"too old resource version: 2 \(3\)"):
        store.changes_since("pods", oldest)


def test_seeded_objects_are_not_changes() -> None:
    store = Store()
    store.seed("pods", [named("b"), named("a")])

    assert [stored.name for stored in store.list("pods")] == ["a", "b"]
    assert store.changes_since("pods", store.version) == []
    with pytest.raises(Expired):
        store.changes_since("pods", 1)


def test_a_deletion_has_the_last_state_with_its_own_version() -> None:
    store = Store()
    created = store.put("pods", named("a", spec={"nodeName": "n"}))

    last = store.delete("pods", "default", "a")

    assert last is not None
    assert last.version == created.version + 1
    assert last.decoded()["metadata"]["resourceVersion"] == str(last.version)
    assert last.decoded()["spec"] == {"nodeName": "n"}
    assert store.get("pods", "default", "a") is None
    assert store.delete("pods", "default", "a") is None


def test_a_replaced_object_keeps_its_uid_and_a_new_one_of_that_name_gets_another() -> None:
    store = Store()
    first = store.put("pods", named("a")).decoded()["metadata"]
    second = store.put("pods", named("a")).decoded()["metadata"]
    store.delete("pods", "default", "a")
    third = store.put("pods", named("a")).decoded()["metadata"]

    assert second["uid"] == first["uid"]
    assert second["creationTimestamp"] == first["creationTimestamp"]
    assert third["uid"] != first["uid"]


def test_put_does_not_modify_its_argument() -> None:
    given = named("a", kind="Pod", apiVersion="v1")

    Store().put("pods", given)

    assert given == {"metadata": {"name": "a", "namespace": "default"}, "kind": "Pod", "apiVersion": "v1"}


def test_objects_are_listed_by_namespace_and_name() -> None:
    store = Store()
    for namespace, name in (("b", "x"), ("a", "z"), ("a", "y"), ("ab", "w")):
        store.put("pods", named(name, namespace))
    store.delete("pods", "a", "z")

    assert [stored.key for stored in store.list("pods")] == [("a", "y"), ("ab", "w"), ("b", "x")]
    assert [stored.key for stored in store.list("pods", "a")] == [("a", "y")]
    assert store.list("pods", "none") == []


async def test_next_changes_waits_for_a_change_of_the_resource() -> None:
    store = Store()
    waiting = asyncio.ensure_future(store.next_changes("pods", store.version))

    store.put("nodes", {"metadata": {"name": "n"}})
    await asyncio.sleep(0)
    assert not waiting.done()
    store.put("pods", named("a"))

    assert [change.last.name for change in await waiting] == ["a"]
