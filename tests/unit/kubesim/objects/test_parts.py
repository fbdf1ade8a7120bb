"""Parts of objects: managed fields and times."""

from datetime import UTC, datetime

from kubesim.objects.managedfields import owned_fields
from kubesim.objects.parts import stamp


def test_managed_fields_follow_the_shape_of_what_is_managed() -> None:
    fields = owned_fields({"nodeName": "a", "containers": [{"name": "app", "image": "nginx", "args": ["-v"]}]})

    assert fields == {
        "f:nodeName": {},
        "f:containers": {'k:{"name":"app"}': {".": {}, "f:name": {}, "f:image": {}, "f:args": {}}},
    }


def test_times_are_written_in_whole_seconds() -> None:
    assert stamp(datetime(2026, 1, 2, 3, 4, 5, 999999, tzinfo=UTC)) == "2026-01-02T03:04:05Z"
