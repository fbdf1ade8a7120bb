"""Pods that tests and the simulated cluster build from parts."""

from datetime import UTC, datetime

import msgspec

from kubesim.objects.parts import condition, container, container_status, owned_fields, pod, pod_spec, running, stamp

WHEN = datetime(2026, 1, 20, 12, 0, tzinfo=UTC)


def test_a_pod_built_from_parts_has_the_size_of_a_real_one() -> None:
    app = container("app", "nginx:1.29", {"cpu": "100m"}, {"memory": "1Gi"})
    status = {
        "phase": "Running",
        "conditions": [condition("Ready", True, WHEN)],
        "containerStatuses": [container_status("app", "nginx:1.29", running(WHEN), restarts=3)],
    }

    built = pod("web-1", "shop", pod_spec([app], {"nodeName": "worker-1"}), status, {"labels": {"a": "b"}})

    assert built["metadata"]["labels"] == {"a": "b"}
    assert built["spec"]["nodeName"] == "worker-1"
    assert built["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "100m"}, "limits": {"memory": "1Gi"}}
    assert built["status"]["containerStatuses"][0]["ready"] is True
    assert 5_000 < len(msgspec.json.encode(built)) < 10_000


def test_managed_fields_follow_the_shape_of_what_is_managed() -> None:
    fields = owned_fields({"nodeName": "a", "containers": [{"name": "app", "image": "nginx", "args": ["-v"]}]})

    assert fields == {
        "f:nodeName": {},
        "f:containers": {'k:{"name":"app"}': {".": {}, "f:name": {}, "f:image": {}, "f:args": {}}},
    }


def test_a_moment_is_written_in_whole_seconds() -> None:
    assert stamp(datetime(2026, 1, 2, 3, 4, 5, 999999, tzinfo=UTC)) == "2026-01-02T03:04:05Z"
