"""Objects that no view fits: what is made of them, and what is never made of them."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubesum.kube.fitting import Fitted, Written, fitted
from kubesum.kube.lenientjson import loaded
from kubesum.kube.objects.apps import Replicated
from kubesum.kube.objects.batch import CronJob, Job
from kubesum.kube.objects.core import Node, Pod
from kubesum.vocabulary.errors import ObjectError


def fit(document: Any, view: Any = Pod) -> Fitted[Any]:
    """An object as JSON holds it, made to fit."""
    return fitted(loaded(json.dumps(document).encode()), view)


def pod(**parts: Any) -> Any:
    return {"metadata": {"name": "a", "namespace": "team"}} | parts


def reason(document: Any, view: Any = Pod) -> str:
    with pytest.raises(ObjectError) as caught:
        fit(document, view)
    return str(caught.value)


def test_null_counts_as_absent() -> None:
    found = fit(
        pod(
            spec={"nodeName": None, "containers": [None, {"name": "c", "resources": None, "image": None}]},
            status={"phase": "Running", "conditions": None, "containerStatuses": [{"started": None, "state": None}]},
        )
    )

    assert found.left_out == ()
    assert found.view.spec.node_name == ""
    assert [one.name for one in found.view.spec.containers] == ["c"]
    assert found.view.status.conditions == ()


def test_null_in_a_map_is_the_zero_value_as_in_go() -> None:
    found = fit(
        {
            "metadata": {"name": "n", "labels": {"a": None, "b": "x"}},
            "status": {"capacity": {"nvidia.com/gpu": None, "cpu": "4"}},
        },
        Node,
    )

    assert found.view.metadata.labels == {"a": "", "b": "x"}
    assert found.view.status.capacity == {"nvidia.com/gpu": 0, "cpu": "4"}


def test_numbers_and_booleans_are_text_where_text_belongs_as_they_are_written() -> None:
    document = (
        b'{"metadata":{"name":7,"namespace":"t","labels":{"v":1.10,"e":1e3,"big":12345678901234567890,"on":true}}}'
    )

    view = fitted(loaded(document), Pod).view

    assert view.metadata.name == "7"
    assert view.metadata.labels == {"v": "1.10", "e": "1e3", "big": "12345678901234567890", "on": "true"}


def test_yaml_says_how_numbers_were_written() -> None:
    labels = {"a": Written("1_000", 1000), "b": Written("yes", True), "c": Written("08", 8)}

    assert fitted({"metadata": {"labels": labels}}, Pod).view.metadata.labels == {"a": "1_000", "b": "yes", "c": "08"}


def test_a_quantity_is_the_number_that_was_meant() -> None:
    requests = {"cpu": Written("0o17", 15), "memory": Written("1_000", 1000), "pods": "3"}
    document = {"metadata": {"labels": None}, "spec": {"overhead": requests, "containers": None}}

    assert fitted(document, Pod).view.spec.overhead == {"cpu": 15, "memory": 1000, "pods": "3"}


@pytest.mark.parametrize(("written", "replicas"), [(3, 3), (3.0, 3), ("3", 3), ("-1", -1), (None, 1), (2**70, 2**70)])
def test_text_and_whole_floats_are_integers_where_integers_belong(written: Any, replicas: int) -> None:
    assert fit({"metadata": {}, "spec": {"replicas": written}}, Replicated).view.spec.replicas == replicas


def test_text_is_a_boolean_where_a_boolean_belongs() -> None:
    assert fit({"metadata": {}, "spec": {"suspend": "true"}}, CronJob).view.spec.suspend is True


@pytest.mark.parametrize(
    ("parts", "left_out"),
    [
        ({"metadata": {"labels": {"a": [1], "b": "x"}}}, "metadata.labels['a']: a list instead of text"),
        ({"metadata": {"labels": "none"}}, "metadata.labels: 'none' instead of a map"),
        (
            {"metadata": {"creationTimestamp": "yesterday"}},
            "metadata.creationTimestamp: 'yesterday' instead of a time",
        ),
        ({"spec": {"priorityClassName": {}}}, "spec.priorityClassName: a map instead of text"),
        ({"spec": {"volumes": {}}}, "spec.volumes: a map instead of a list"),
        ({"spec": {"containers": [{"image": []}]}}, "spec.containers[0].image: a list instead of text"),
        (
            {"status": {"conditions": [{"type": "Ready"}, {"type": "Odd", "message": {}}]}},
            "status.conditions[1].message: a map instead of text",
        ),
        (
            {"status": {"containerStatuses": [{"name": "c", "lastState": {"terminated": {"exitCode": "many"}}}]}},
            "status.containerStatuses[0].lastState.terminated.exitCode: 'many' instead of an integer",
        ),
        (
            {"status": {"qosClass": 5, "ephemeralContainerStatuses": {}}},
            "status.ephemeralContainerStatuses: a map instead of a list",
        ),
    ],
)
def test_a_pod_is_kept_without_a_part_that_is_only_shown(parts: Any, left_out: str) -> None:
    assert fit(pod() | {"metadata": {}} | parts).left_out == (left_out,)


def test_what_is_beside_a_part_that_is_left_out_stays() -> None:
    found = fit(
        pod(metadata={"name": "a", "labels": {"a": {}, "b": "x"}}, spec={"containers": [{"image": {}, "name": "c"}]})
    )

    assert found.view.metadata.labels == {"b": "x"}
    assert [(one.name, one.image) for one in found.view.spec.containers] == [("c", "")]
    assert len(found.left_out) == 2


def test_a_node_is_kept_without_an_amount_that_it_states_as_a_list() -> None:
    found = fit({"metadata": {"name": "n"}, "status": {"allocatable": {"cpu": "4", "memory": ["8Gi"]}}}, Node)

    assert found.view.status.allocatable == {"cpu": "4"}
    assert found.left_out == ("status.allocatable['memory']: a list instead of text or a number",)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ({"metadata": []}, "metadata: a list instead of a map"),
        ({"metadata": {"name": {}}}, "metadata.name: a map instead of text"),
        ({"metadata": {"namespace": []}}, "metadata.namespace: a list instead of text"),
        ({"metadata": {"uid": []}}, "metadata.uid: a list instead of text"),
        ({"metadata": {"ownerReferences": [{"kind": "Job"}]}}, "metadata.ownerReferences[0].name: is missing"),
        ({"metadata": {"ownerReferences": {}}}, "metadata.ownerReferences: a map instead of a list"),
        ({"metadata": {"deletionTimestamp": "soon"}}, "metadata.deletionTimestamp: 'soon' instead of a time"),
        ({"spec": "none"}, "spec: 'none' instead of a map"),
        ({"spec": {"nodeName": ["n1"]}}, "spec.nodeName: a list instead of text"),
        ({"spec": {"containers": {"c": {}}}}, "spec.containers: a map instead of a list"),
        ({"spec": {"containers": ["c"]}}, "spec.containers[0]: 'c' instead of a map"),
        (
            {"spec": {"containers": [{"resources": {"requests": {"cpu": ["1"]}}}]}},
            "spec.containers[0].resources.requests['cpu']: a list instead of text or a number",
        ),
        ({"spec": {"overhead": "1"}}, "spec.overhead: '1' instead of a map"),
        (
            {"spec": {"initContainers": [{"restartPolicy": []}]}},
            "spec.initContainers[0].restartPolicy: a list instead of text",
        ),
        ({"status": {"phase": {}}}, "status.phase: a map instead of text"),
        (
            {"status": {"containerStatuses": [{"ready": "perhaps"}]}},
            "status.containerStatuses[0].ready: 'perhaps' instead of true or false",
        ),
        (
            {"status": {"containerStatuses": [{"restartCount": True}]}},
            "status.containerStatuses[0].restartCount: True instead of an integer",
        ),
        (
            {"status": {"allocatedResources": {"cpu": True}}},
            "status.allocatedResources['cpu']: True instead of text or a number",
        ),
    ],
)
def test_without_a_part_that_decides_sums_a_pod_cannot_be_read(parts: Any, why: str) -> None:
    assert reason(pod() | parts) == why


@pytest.mark.parametrize("replicas", ["many", 1.5, True, [], {}])
def test_a_workload_without_the_number_that_it_wants_cannot_be_read(replicas: Any) -> None:
    assert reason({"metadata": {}, "spec": {"replicas": replicas}}, Replicated).startswith("spec.replicas: ")


@pytest.mark.parametrize("document", [5, None, [], "pod", {}, {"metadata": None}])
def test_what_is_no_object_at_all_cannot_be_read(document: Any) -> None:
    assert reason(document)


def test_gos_zero_time_is_no_time() -> None:
    zero = "0001-01-01T00:00:00Z"
    document = pod(
        metadata={"creationTimestamp": zero, "deletionTimestamp": zero},
        status={"containerStatuses": [{"lastState": {"terminated": {"finishedAt": zero}}, "started": None}]},
    )

    view = fit(document).view

    assert (view.metadata.creation_timestamp, view.metadata.deletion_timestamp) == (None, None)
    assert view.status.container_statuses[0].last_state.terminated.finished_at is None


def test_gos_zero_time_is_no_time_of_jobs_either() -> None:
    zero = "0001-01-01T00:00:00Z"

    job = fit({"metadata": {}, "status": {"completionTime": zero}}, Job).view
    cronjob = fit({"metadata": {}, "status": {"lastScheduleTime": zero, "lastSuccessfulTime": zero}}, CronJob).view

    assert job.status.completion_time is None
    assert (cronjob.status.last_schedule_time, cronjob.status.last_successful_time) == (None, None)


def test_any_other_time_stays() -> None:
    view = fit(pod(metadata={"creationTimestamp": "2026-01-02T03:04:05Z"})).view

    assert view.metadata.creation_timestamp == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_half_of_a_surrogate_pair_is_replaced_as_go_does() -> None:
    document = rb'{"metadata":{"name":"a","labels":{"a":"\ud83d","b":"\ud83d\ude00","c":"\\ud83d","d":"\ude00x"}}}'

    assert fitted(loaded(document), Pod).view.metadata.labels == {
        "a": "\ufffd",
        "b": "\U0001f600",
        "c": "\\ud83d",
        "d": "\ufffdx",
    }


def test_bytes_that_are_no_utf8_are_replaced_as_go_does() -> None:
    assert fitted(loaded(b'{"metadata":{"labels":{"a":"x\xffy"}}}'), Pod).view.metadata.labels == {"a": "x\ufffdy"}


ANYTHING = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=10,
)


def odd(shape: Any) -> st.SearchStrategy[Any]:
    """Documents of a shape, with anything in any place."""
    if isinstance(shape, dict):
        exact = st.fixed_dictionaries({}, optional={name: odd(inner) for name, inner in shape.items()})
        return exact | ANYTHING
    if isinstance(shape, list):
        return st.lists(odd(shape[0]), max_size=2) | ANYTHING
    return st.just(shape) | ANYTHING


STATUS = {"name": "c", "ready": True, "restartCount": 3, "state": {"waiting": {"reason": "x"}}, "imageID": "x"}
SHAPE = {
    "metadata": {
        "name": "a",
        "namespace": "team",
        "uid": "u",
        "labels": {"a": "b"},
        "creationTimestamp": "2026-01-02T03:04:05Z",
        "ownerReferences": [{"kind": "Job", "name": "j", "uid": "x", "controller": True}],
    },
    "spec": {
        "nodeName": "n",
        "replicas": 3,
        "parallelism": 2,
        "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "1", "memory": 5}}}],
    },
    "status": {
        "phase": "Running",
        "conditions": [{"type": "Ready"}],
        "containerStatuses": [STATUS],
        "capacity": {"cpu": 4},
    },
}


VIEWS = st.sampled_from([Pod, Node, Replicated, Job, CronJob])


@given(odd(SHAPE), VIEWS)
def test_whatever_an_object_holds_it_fits_or_is_refused(document: Any, view: Any) -> None:
    try:
        found = fit(document, view)
    except ObjectError:
        return

    assert isinstance(found.view, view)


@given(odd(SHAPE), VIEWS)
def test_an_object_that_its_view_fits_is_what_the_view_says(document: Any, view: Any) -> None:
    try:
        direct = msgspec.json.decode(json.dumps(document), type=view)
    except msgspec.ValidationError:
        return

    found = fit(document, view)

    assert (found.view, found.left_out) == (direct, ())
