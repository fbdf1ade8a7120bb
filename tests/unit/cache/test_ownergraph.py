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


async def test_owners_may_control_each_other() -> None:
    """References are written by clients: a cycle of them must not keep the process busy for ever."""
    computation = Computation()
    for name, by in (("a", "b"), ("b", "a"), ("a", "")):
        computation.put("statefulsets", owned(name, name, by=by))

    rows = await computation.settled("workloadsummaries")

    assert {name for _, name in rows} == {"statefulset.a"}
