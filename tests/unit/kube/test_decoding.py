"""Decoding of valid and invalid lists, objects and watch events."""

import json
from typing import Any

import msgspec
import pytest
from prometheus_client import REGISTRY

from kubesum.kube.decoding import Decoded, Decoder
from kubesum.kube.deltas import WatchedResource
from kubesum.kube.objects.meta import Metadata
from kubesum.vocabulary.errors import UpstreamError
from tests.unit.kube.reflectorsteps import PODS
from tests.unit.kube.scriptedserver import JsonObject, bookmark, event, pod, status

# Python 3.14 nests as deep as the stack reaches, 8 MiB as a rule.
DEEP = "[" * 1_000_000 + "]" * 1_000_000


class Anything(msgspec.Struct, frozen=True):
    """A view that fits every object, even a Status."""

    metadata: Metadata = Metadata()


ANYTHING: WatchedResource[str] = WatchedResource(
    "things", "example.org", "v1", "Thing", Anything, lambda view: view.metadata.name
)


def raw(document: Any) -> msgspec.Raw:
    return msgspec.Raw(json.dumps(document).encode())


def skipped(reason: str) -> float:
    return REGISTRY.get_sample_value("kubesum_object_errors_total", {"resource": "pods", "reason": reason}) or 0


def listed(**more: Any) -> bytes:
    return json.dumps({"kind": "PodList", "metadata": {"resourceVersion": "9"}, **more}).encode()


def test_a_page_has_its_version_and_continue_token() -> None:
    page = Decoder(PODS).page(
        listed(metadata={"resourceVersion": "9", "continue": "abc"}, items=[pod("a"), pod("b")])
    )

    assert (page.version, page.continue_token, len(page.items)) == ("9", "abc", 2)


def test_a_page_whose_items_are_null_is_empty() -> None:
    assert Decoder(PODS).page(listed(items=None)).items == ()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b'{"kind":"PodList","metadata":{"resourceVersion":"9"},"items":[{"a":',
        b'{"kind":"PodList","metadata":{},"items":[]}',
        b'{"kind":"Status","metadata":{},"code":200}',
        b'{"kind":"PodList","metadata":{"resourceVersion":"9"},"items":{}}',
        b'{"kind":"PodList","metadata":{"resourceVersion":"9"},"items":[%s]}' % DEEP.encode(),
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_no_complete_list_is_an_error(body: bytes) -> None:
    with pytest.raises(UpstreamError, match="the response for /api/v1/pods cannot be decoded"):
        Decoder(PODS).page(body)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"status": {"phase": "Impossible"}}, "content"),
        ({"status": {"phase": {}}}, "shape"),
        ({"spec": []}, "shape"),
        ({"spec": {"containers": [{"name": {}}]}}, "shape"),
        ({"spec": {"containers": "none"}}, "shape"),
    ],
)
def test_an_invalid_object_is_counted_and_treated_as_absent(changes: JsonObject, reason: str) -> None:
    before = skipped(reason)

    found = Decoder(PODS).objects([raw(pod("a")), raw(pod("bad") | changes), raw(pod("b"))])

    assert found == [(("shop", "a"), "Running"), (("shop", "bad"), None), (("shop", "b"), "Running")]
    assert skipped(reason) == before + 1


def test_an_object_that_is_read_in_part_is_counted_and_kept() -> None:
    before = skipped("part")
    labelled = pod("a")
    labelled["metadata"]["labels"] = {"a": {}}

    assert Decoder(PODS).objects([raw(labelled)]) == [(("shop", "a"), "Running")]
    assert skipped("part") == before + 1


def test_an_object_is_decoded_with_its_version() -> None:
    decoder = Decoder(PODS)

    assert decoder.object(raw(pod("a", version="17"))) == Decoded(("shop", "a"), "Running", 17)
    assert decoder.object(raw(pod("a", version="x"))).version == 0
    assert decoder.object(raw(pod("a", version="9" * 5000))).version == 0


@pytest.mark.parametrize("item", [5, None, [], "pod", {"metadata": {"name": []}}, {"metadata": []}])
def test_an_item_that_is_no_object_has_an_empty_key(item: Any) -> None:
    assert Decoder(PODS).objects([raw(item)]) == [(("", ""), None)]


def test_nulls_are_treated_as_absent_fields() -> None:
    hollow = pod("a") | {"spec": {"containers": [None, {"name": "c", "resources": None}], "nodeName": None}}
    hollow["status"] |= {"conditions": None}

    assert Decoder(PODS).objects([raw(hollow)]) == [(("shop", "a"), "Running")]


def test_unknown_fields_and_values_are_accepted() -> None:
    strange = pod("a", "Levitating") | {"apiVersion": "v7", "whatever": {"deep": [1, 2, {"x": None}]}}

    assert Decoder(PODS).objects([raw(strange)]) == [(("shop", "a"), "Levitating")]


def test_events_have_the_last_version() -> None:
    lines = [event("ADDED", pod("a", version="5")), event("DELETED", pod("b", version="7")), bookmark("9")]

    events = Decoder(PODS).events(lines, "4")

    assert events.changes == [(("shop", "a"), "Running"), (("shop", "b"), None)]
    assert (events.version, events.initial_events_end, events.error) == ("9", False, None)


def test_versions_that_are_no_numbers_are_never_older() -> None:
    lines = [event("MODIFIED", pod("a", version="abc")), event("MODIFIED", pod("b", version=""))]

    events = Decoder(PODS).events(lines, "100")

    assert [key for key, _ in events.changes] == [("shop", "a"), ("shop", "b")]
    assert events.version == "abc"


def test_a_deletion_counts_whatever_its_version() -> None:
    assert Decoder(PODS).events([event("DELETED", pod("a", version="3"))], "100").changes == [(("shop", "a"), None)]


def test_nothing_after_an_error_is_read() -> None:
    lines = [event("ADDED", pod("a")), event("ERROR", status(410, "Expired", "too old")), b"not JSON"]

    events = Decoder(PODS).events(lines, "")

    assert events.changes == [(("shop", "a"), "Running")]
    assert events.error is not None
    assert (events.error.code, events.error.reason, events.error.message) == (410, "Expired", "too old")


def test_an_error_event_is_recognised_even_if_the_view_fits_it() -> None:
    events = Decoder(ANYTHING).events([event("ERROR", status(410, "Expired", "too old"))], "1")

    assert events.error is not None
    assert events.error.code == 410


def test_a_bookmark_without_a_version_ends_no_list() -> None:
    unversioned = {"kind": "Pod", "metadata": {"annotations": {"k8s.io/initial-events-end": "true"}}}

    assert not Decoder(PODS).events([event("BOOKMARK", unversioned)], "").initial_events_end


@pytest.mark.parametrize("line", [b"<html>", b"{}", b'{"type":"ADDED"', b"[]", b'{"type":"ADDED","object":'])
def test_a_line_that_is_no_event_is_an_error(line: bytes) -> None:
    with pytest.raises(UpstreamError, match="cannot be decoded"):
        Decoder(PODS).events([line], "1")
