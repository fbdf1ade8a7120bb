"""The columns of pods and nodes, as kubectl prints them."""

from datetime import timedelta
from typing import Any

import pytest

from kubesim.responses.tables import cells, columns, human_duration
from kubesim.store.apiresources import BY_PLURAL
from tests.unit.kubesim.runningcluster import node, pod


def container(name: str = "main", ready: bool = False, restarts: int = 0, **state: Any) -> dict[str, Any]:
    return {"name": name, "ready": ready, "restartCount": restarts, "state": state}


def status_of(obj: dict[str, Any]) -> list[object]:
    """READY, STATUS, RESTARTS of a pod."""
    return list(cells(columns(BY_PLURAL["pods"])[1:4], obj))


def with_status(**status: Any) -> dict[str, Any]:
    return {**pod("a"), "status": status}


RUNNING: dict[str, Any] = {"ready": True, "running": {}}


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"phase": "Running", "containerStatuses": [container(**RUNNING)]}, ["1/1", "Running", "0"]),
        ({"phase": "Pending"}, ["0/1", "Pending", "0"]),
        ({"phase": "Failed", "reason": "Evicted"}, ["0/1", "Evicted", "0"]),
        (
            {"phase": "Pending", "conditions": [{"type": "PodScheduled", "reason": "SchedulingGated"}]},
            ["0/1", "SchedulingGated", "0"],
        ),
        (
            {
                "phase": "Running",
                "containerStatuses": [container(restarts=7, waiting={"reason": "CrashLoopBackOff"})],
            },
            ["0/1", "CrashLoopBackOff", "7"],
        ),
        (
            {"phase": "Failed", "containerStatuses": [container(terminated={"exitCode": 3})]},
            ["0/1", "ExitCode:3", "0"],
        ),
        (
            {"phase": "Failed", "containerStatuses": [container(terminated={"signal": 9, "exitCode": 137})]},
            ["0/1", "Signal:9", "0"],
        ),
        (
            {
                "phase": "Running",
                "containerStatuses": [container(**RUNNING), container("b", terminated={"reason": "Completed"})],
            },
            ["1/1", "NotReady", "0"],
        ),
        (
            {
                "phase": "Pending",
                "initContainerStatuses": [
                    container("setup", restarts=2, terminated={"exitCode": 1, "reason": "Error"})
                ],
                "containerStatuses": [container(waiting={"reason": "PodInitializing"})],
            },
            ["0/1", "Init:Error", "2"],
        ),
    ],
)
def test_the_status_of_a_pod_follows_from_its_containers(status: dict[str, Any], expected: list[object]) -> None:
    assert status_of(with_status(**status)) == expected


def test_an_initializing_pod_counts_init_containers_and_sidecars() -> None:
    obj = with_status(
        phase="Pending",
        initContainerStatuses=[
            {**container("proxy", restarts=1, **RUNNING), "started": True},
            container("migrate", running={}),
        ],
    )
    obj["spec"]["initContainers"] = [{"name": "proxy", "restartPolicy": "Always"}, {"name": "migrate"}]

    assert status_of(obj) == ["1/2", "Init:1/2", "1"]


def test_a_deleted_pod_is_terminating_unless_it_has_finished_or_its_node_is_lost() -> None:
    alive, ended, lost = with_status(phase="Running"), with_status(phase="Succeeded"), with_status(reason="NodeLost")
    for obj in (alive, ended, lost):
        obj["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"

    assert [status_of(obj)[1] for obj in (alive, ended, lost)] == ["Terminating", "Succeeded", "Unknown"]


def test_a_cordoned_node_is_scheduling_disabled() -> None:
    cordoned = node("a")
    cordoned["spec"]["unschedulable"] = True
    cordoned["metadata"]["labels"] = {"node-role.kubernetes.io/control-plane": ""}

    assert cells(columns(BY_PLURAL["nodes"])[1:3], cordoned) == ["Ready,SchedulingDisabled", "control-plane"]


@pytest.mark.parametrize(
    ("spec", "conditions", "expected"),
    [
        ({}, [{"type": "Available", "status": "True", "reason": "Local"}], ["Local", "True"]),
        ({"service": {"namespace": "a", "name": "b"}}, [], ["a/b", "Unknown"]),
        (
            {"service": {"namespace": "a", "name": "b"}},
            [{"type": "Available", "status": "False", "reason": "MissingEndpoints"}],
            ["a/b", "False (MissingEndpoints)"],
        ),
    ],
)
def test_an_apiservice_shows_its_service_and_why_it_is_unavailable(
    spec: dict[str, Any], conditions: list[dict[str, str]], expected: list[str]
) -> None:
    api_service = {"metadata": {"name": "v1.a"}, "spec": spec, "status": {"conditions": conditions}}

    assert cells(columns(BY_PLURAL["apiservices"])[1:3], api_service) == expected


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "<invalid>"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (150, "2m30s"),
        (599, "9m59s"),
        (3 * 3600 - 1, "179m"),
        (3 * 3600, "3h"),
        (3 * 3600 + 60, "3h1m"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (49 * 3600, "2d1h"),
        (100 * 86400, "100d"),
        (800 * 86400, "2y70d"),
        (3000 * 86400, "8y"),
    ],
)
def test_durations_read_as_in_kubectl(seconds: int, text: str) -> None:
    assert human_duration(timedelta(seconds=seconds)) == text
