"""STATUS, READY and RESTARTS of pods as `kubectl get pods` shows them, and whether they are bad or healthy."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from kubesum.kube.objects.core import Pod
from kubesum.semantics.pods.status import (
    Displayed,
    displayed,
    is_bad,
    is_healthy,
    last_termination_reason,
    reason_class,
)

RUNNING: dict[str, Any] = {"running": {}}
READY = {"type": "Ready", "status": "True"}
INITIALIZED = {"type": "Initialized", "status": "True"}
AT_NOON = "2026-03-01T12:00:00Z"
AT_ONE = "2026-03-01T13:00:00Z"


def waiting(reason: str = "") -> dict[str, Any]:
    return {"waiting": {"reason": reason}}


def ended(code: int, reason: str = "", signal: int = 0, at: str | None = None) -> dict[str, Any]:
    finished = {"finishedAt": at} if at else {}
    return {"terminated": {"exitCode": code, "reason": reason, "signal": signal, **finished}}


def one(
    state: dict[str, Any],
    name: str = "c",
    *,
    ready: bool = False,
    started: bool | None = None,
    restarts: int = 0,
    last: dict[str, Any] | None = None,
) -> dict[str, Any]:
    known = {} if started is None else {"started": started}
    return {
        "name": name,
        "state": state,
        "ready": ready,
        "restartCount": restarts,
        "lastState": last or {},
        **known,
    }


def pod(
    phase: str = "Running",
    *,
    app: list[dict[str, Any]] | None = None,
    init: list[dict[str, Any]] | None = None,
    sidecars: tuple[str, ...] = (),
    conditions: list[dict[str, str]] | None = None,
    reason: str = "",
    deleted: bool = False,
    init_in_spec: int = 0,
) -> Pod:
    app, init = app or [], init or []
    names = [each["name"] for each in init] + [f"later-{i}" for i in range(init_in_spec - len(init))]
    return msgspec.convert(
        {
            "metadata": {"name": "p", **({"deletionTimestamp": AT_NOON} if deleted else {})},
            "spec": {
                "containers": [{"name": each["name"]} for each in app] or [{"name": "c"}],
                "initContainers": [
                    {"name": name, "restartPolicy": "Always" if name in sidecars else ""} for name in names
                ],
            },
            "status": {
                "phase": phase,
                "reason": reason,
                "conditions": conditions or [],
                "containerStatuses": app,
                "initContainerStatuses": init,
            },
        },
        Pod,
    )


def shown(of: Pod) -> str:
    cells = displayed(of)
    return f"{cells.ready}/{cells.total} {cells.reason} {cells.restarts}"


@pytest.mark.parametrize(
    ("of", "cells"),
    [
        (pod(), "0/1 Running 0"),
        (pod("Pending"), "0/1 Pending 0"),
        (pod("Failed", reason="Evicted"), "0/1 Evicted 0"),
        (
            pod(
                "Pending",
                reason="Odd",
                conditions=[{"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}],
            ),
            "0/1 SchedulingGated 0",
        ),
        (
            pod("Pending", conditions=[{"type": "Other", "status": "False", "reason": "SchedulingGated"}]),
            "0/1 Pending 0",
        ),
        (pod("Unknown"), "0/1 Unknown 0"),
    ],
)
def test_without_container_statuses_the_reason_or_phase_of_the_pod_is_shown(of: Pod, cells: str) -> None:
    assert shown(of) == cells


@pytest.mark.parametrize(
    ("of", "cells"),
    [
        (pod(app=[one(RUNNING, ready=True)]), "1/1 Running 0"),
        (pod(app=[one(RUNNING)]), "0/1 Running 0"),
        (pod("Pending", app=[one(waiting("ContainerCreating"))]), "0/1 ContainerCreating 0"),
        (pod("Pending", app=[one(waiting(""))]), "0/1 Pending 0"),
        (pod(app=[one(waiting("CrashLoopBackOff"), restarts=7)]), "0/1 CrashLoopBackOff 7"),
        (pod("Failed", app=[one(ended(1, "Error"))]), "0/1 Error 0"),
        (pod("Failed", app=[one(ended(137, signal=9))]), "0/1 Signal:9 0"),
        (pod("Failed", app=[one(ended(3))]), "0/1 ExitCode:3 0"),
        (pod("Succeeded", app=[one(ended(0))]), "0/1 ExitCode:0 0"),
        (pod("Succeeded", app=[one(ended(0, "Completed"))]), "0/1 Completed 0"),
    ],
)
def test_the_status_of_containers_is_shown(of: Pod, cells: str) -> None:
    assert shown(of) == cells


@pytest.mark.parametrize(
    ("app", "cells"),
    [
        ([one(waiting("ErrImagePull")), one(waiting("CrashLoopBackOff"), "d")], "0/2 ErrImagePull 0"),
        ([one(RUNNING, ready=True), one(waiting("CrashLoopBackOff"), "d")], "1/2 CrashLoopBackOff 0"),
        ([one(ended(2, "Error")), one(RUNNING, "d", ready=True)], "1/2 Error 0"),
        ([one(RUNNING, ready=True, restarts=1), one(RUNNING, "d", ready=True, restarts=2)], "2/2 Running 3"),
    ],
)
def test_the_reason_of_the_first_container_wins(app: list[dict[str, Any]], cells: str) -> None:
    assert shown(pod(app=app)) == cells


@pytest.mark.parametrize(
    ("app", "conditions", "cells"),
    [
        ([one(ended(0, "Completed")), one(RUNNING, "d", ready=True)], [READY], "1/2 Running 0"),
        ([one(ended(0, "Completed")), one(RUNNING, "d", ready=True)], [], "1/2 NotReady 0"),
        ([one(ended(0, "Completed")), one(RUNNING, "d")], [], "0/2 Completed 0"),
        ([one(ended(0, "Completed")), one(ended(1, "Error"), "d")], [], "0/2 Error 0"),
        ([one(ended(0, "Completed")), one(ended(9), "d"), one(RUNNING, "e", ready=True)], [], "1/3 ExitCode:9 0"),
        (
            [one(ended(0, "Completed")), one(ended(1, "Error"), "d"), one(RUNNING, "e", ready=True)],
            [READY],
            "1/3 Running 0",
        ),
    ],
)
def test_a_completed_container_does_not_decide_the_status(
    app: list[dict[str, Any]], conditions: list[dict[str, str]], cells: str
) -> None:
    assert shown(pod(app=app, conditions=conditions)) == cells


@pytest.mark.parametrize(
    ("init", "cells"),
    [
        ([one(waiting("PodInitializing"), "i")], "0/1 Init:0/2 0"),
        ([one(waiting(""), "i")], "0/1 Init:0/2 0"),
        ([one(RUNNING, "i")], "0/1 Init:0/2 0"),
        ([one(ended(0, "Completed"), "i"), one(RUNNING, "j")], "0/1 Init:1/2 0"),
        ([one(ended(0), "i"), one(waiting("PodInitializing"), "j")], "0/1 Init:1/2 0"),
        ([one(waiting("CrashLoopBackOff"), "i", restarts=4)], "0/1 Init:CrashLoopBackOff 4"),
        ([one(ended(1, "Error"), "i", restarts=1)], "0/1 Init:Error 1"),
        ([one(ended(137, signal=9), "i")], "0/1 Init:Signal:9 0"),
        ([one(ended(2), "i")], "0/1 Init:ExitCode:2 0"),
        ([one(ended(0), "i", restarts=2), one(ended(2), "j", restarts=3)], "0/1 Init:ExitCode:2 5"),
    ],
)
def test_an_init_container_that_has_not_completed_blocks_the_pod(init: list[dict[str, Any]], cells: str) -> None:
    waiting_app = [one(waiting("PodInitializing"), restarts=100)]

    assert shown(pod("Pending", app=waiting_app, init=init, init_in_spec=2)) == cells


def test_restarts_of_init_containers_no_longer_count_once_they_are_done() -> None:
    of = pod(
        app=[one(RUNNING, ready=True, restarts=1, last=ended(1, at=AT_NOON))],
        init=[one(ended(0), "i", restarts=5, last=ended(1, at=AT_ONE))],
    )

    assert displayed(of) == Displayed("Running", 1, 1, 1, datetime(2026, 3, 1, 12, tzinfo=UTC))


def test_a_started_sidecar_is_one_of_the_containers() -> None:
    of = pod(
        app=[one(RUNNING, ready=True, restarts=1, last=ended(1, at=AT_NOON))],
        init=[
            one(RUNNING, "s", ready=True, started=True, restarts=2, last=ended(1, at=AT_ONE)),
            one(RUNNING, "t", ready=False, started=True),
            one(ended(0), "i", restarts=9),
        ],
        sidecars=("s", "t"),
    )

    assert displayed(of) == Displayed("Running", 2, 3, 3, datetime(2026, 3, 1, 13, tzinfo=UTC))


def test_a_sidecar_that_has_not_started_blocks_the_pod() -> None:
    of = pod(
        "Pending",
        app=[one(waiting("PodInitializing"))],
        init=[one(RUNNING, "s", ready=True, started=False, restarts=1)],
        sidecars=("s",),
        init_in_spec=2,
    )

    assert shown(of) == "0/2 Init:0/2 1"


def test_a_started_init_container_that_is_no_sidecar_blocks_the_pod() -> None:
    of = pod("Pending", init=[one(RUNNING, "i", ready=True, started=True)])

    assert shown(of) == "0/1 Init:0/1 0"


def test_a_sidecar_that_crashes_in_an_initialized_pod_shows_while_the_app_containers_run() -> None:
    of = pod(
        app=[one(RUNNING, ready=True, restarts=1)],
        init=[one(waiting("CrashLoopBackOff"), "s", started=False, restarts=3)],
        sidecars=("s",),
        conditions=[INITIALIZED],
    )

    assert shown(of) == "1/2 Init:CrashLoopBackOff 4"


def test_a_failing_app_container_shows_before_the_sidecar_of_an_initialized_pod() -> None:
    of = pod(
        app=[one(waiting("CrashLoopBackOff"), restarts=1)],
        init=[one(ended(1, "Error"), "s", restarts=3)],
        sidecars=("s",),
        conditions=[INITIALIZED],
    )

    assert shown(of) == "0/2 CrashLoopBackOff 4"


def test_only_the_first_condition_initialized_counts() -> None:
    denied = {"type": "Initialized", "status": "False"}
    of = pod("Pending", app=[one(RUNNING, ready=True)], init=[one(RUNNING, "i")], conditions=[denied, INITIALIZED])

    assert shown(of) == "0/1 Init:0/1 0"


@pytest.mark.parametrize(
    ("of", "reason"),
    [
        (pod(app=[one(waiting("CrashLoopBackOff"))], deleted=True), "Terminating"),
        (pod("Pending", init=[one(RUNNING, "i")], deleted=True), "Terminating"),
        (pod("Unknown", deleted=True), "Terminating"),
        (pod("Succeeded", app=[one(ended(0, "Completed"))], deleted=True), "Completed"),
        (pod("Failed", app=[one(ended(1, "Error"))], deleted=True), "Error"),
        (pod("Running", reason="NodeLost", deleted=True), "Unknown"),
        (pod("Failed", reason="NodeLost", deleted=True), "Unknown"),
        (pod("Running", reason="NodeLost"), "NodeLost"),
    ],
)
def test_a_pod_that_is_being_deleted_is_terminating(of: Pod, reason: str) -> None:
    assert displayed(of).reason == reason


def test_the_last_restart_is_the_latest_end_of_the_containers_that_count() -> None:
    of = pod(
        app=[
            one(RUNNING, restarts=1, last=ended(1, at=AT_NOON)),
            one(RUNNING, "d", restarts=2, last=ended(1, at=AT_ONE)),
            one(RUNNING, "e", restarts=1, last=ended(1)),
        ]
    )

    assert displayed(of).last_restart == datetime(2026, 3, 1, 13, tzinfo=UTC)


def test_there_is_no_last_restart_without_restarts_or_without_a_time() -> None:
    assert displayed(pod(app=[one(RUNNING, last=ended(1, at=AT_NOON))])).last_restart is None
    assert displayed(pod(app=[one(RUNNING, restarts=1, last=ended(1))])).last_restart is None


@pytest.mark.parametrize(
    ("app", "init", "reason"),
    [
        ([one(RUNNING)], [], ""),
        ([one(ended(137, "OOMKilled"))], [], ""),
        ([one(RUNNING, last=ended(137, "OOMKilled", at=AT_NOON))], [], "OOMKilled"),
        (
            [
                one(RUNNING, last=ended(137, "OOMKilled", at=AT_NOON)),
                one(RUNNING, "d", last=ended(1, "Error", at=AT_ONE)),
            ],
            [],
            "Error",
        ),
        (
            [
                one(RUNNING, last=ended(1, "Error")),
                one(RUNNING, "d", last=ended(137, "OOMKilled", at=AT_NOON)),
                one(RUNNING, "e", last=ended(2, "Other")),
            ],
            [],
            "OOMKilled",
        ),
        (
            [one(RUNNING, last=ended(1, "Error", at=AT_NOON))],
            [one(RUNNING, "s", last=ended(137, "OOMKilled", at=AT_ONE))],
            "OOMKilled",
        ),
    ],
)
def test_the_last_termination_is_the_latest_one_that_led_to_a_restart(
    app: list[dict[str, Any]], init: list[dict[str, Any]], reason: str
) -> None:
    assert last_termination_reason(pod(app=app, init=init).status) == reason


@pytest.mark.parametrize(
    ("reason", "class_"),
    [
        ("Running", "Running"),
        ("Init:1/3", "Init"),
        ("Init:ExitCode:2", "Init:ExitCode"),
        ("Init:Signal:9", "Init:Signal"),
        ("Init:CrashLoopBackOff", "Init:CrashLoopBackOff"),
        ("ExitCode:137", "ExitCode"),
        ("ExitCode:-1", "ExitCode"),
        ("Signal:9", "Signal"),
        ("OutOfnvidia.com/gpu", "OutOfnvidia.com/gpu"),
        ("PostStartHookError: command '/bin/sh -c /x.sh' exited with 124: ", "PostStartHookError"),
        ("x" * 1_000, "x" * 128),
        ("", ""),
    ],
)
def test_a_reason_class_has_no_numbers(reason: str, class_: str) -> None:
    assert reason_class(reason) == class_


def test_a_reason_class_is_cut() -> None:
    assert reason_class("Init:" + "a" * 1_000_000 + ":1") == "Init:" + "a" * 123


@pytest.mark.parametrize(
    "class_",
    [
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "ErrImageNeverPull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
        "ContainerCannotRun",
        "OOMKilled",
        "Error",
        "ExitCode",
        "Signal",
        "StartError",
        "ImageInspectError",
        "RegistryUnavailable",
        "SignatureValidationFailed",
        "PreCreateHookError",
        "PreStartHookError",
        "PostStartHookError",
        "ContainerStatusUnknown",
        "UnexpectedAdmissionError",
    ],
)
def test_bad_reasons_are_bad_in_init_containers_too(class_: str) -> None:
    assert is_bad("Running", class_)
    assert is_bad("Pending", f"Init:{class_}")


@pytest.mark.parametrize(
    "class_",
    [
        "Running",
        "Pending",
        "Completed",
        "Init",
        "Terminating",
        "NotReady",
        "ContainerCreating",
        "RestartingAllContainers",
        "Evicted",
    ],
)
def test_other_reasons_are_not_bad(class_: str) -> None:
    assert not is_bad("Running", class_)


def test_the_phase_unknown_is_bad_whatever_the_reason() -> None:
    assert is_bad("Unknown", "Terminating")


@pytest.mark.parametrize(
    ("phase", "bad", "ready", "healthy"),
    [
        ("Running", False, True, True),
        ("Running", False, False, False),
        ("Running", True, True, False),
        ("Pending", False, False, False),
        ("Succeeded", False, False, True),
        ("Failed", False, False, False),
    ],
)
def test_a_healthy_pod_is_ready_or_has_succeeded(phase: str, bad: bool, ready: bool, healthy: bool) -> None:
    assert is_healthy(phase, bad, ready) is healthy
