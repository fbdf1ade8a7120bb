"""The owner graph with malformed objects."""

import pytest

from tests.computation import Computation, JsonObject


def owned(name: str, uid: str, *, by: str = "", version: str = "v1") -> JsonObject:
    reference = {"apiVersion": f"apps/{version}", "kind": "Deployment", "name": by, "uid": by, "controller": True}
    return {"metadata": {"namespace": "blue", "name": name, "uid": uid, "ownerReferences": [reference] if by else []}}


@pytest.mark.parametrize("gone", ["a", "b"])
async def test_two_owners_of_one_uid_do_no_harm(gone: str) -> None:
    """A malformed object must never end the process."""
    computation = Computation()
    computation.put("replicasets", owned("a", "same", by="one"))
    computation.put("replicasets", owned("b", "same", by="two"))
    computation.delete("replicasets", ("blue", gone))
    computation.put("deployments", owned("one", "one"))
    computation.put("deployments", owned("two", "two"))

    rows = await computation.settled("workloadsummaries")

    assert {"deployment.one", "deployment.two"} <= {name for _, name in rows}


async def test_owners_that_control_each_other_are_placed() -> None:
    """References are written by clients: they may form a cycle."""
    computation = Computation()
    for name, by in (("a", "b"), ("b", "a"), ("a", "b")):
        found = owned(name, name, by=by)
        found["metadata"]["ownerReferences"][0]["kind"] = "ReplicaSet"
        computation.put("replicasets", found)
        computation.delete("replicasets", ("blue", "b"))
        computation.put("replicasets", found)

    assert await computation.settled("workloadsummaries")
