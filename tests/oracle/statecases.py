"""Pods in every state that kubelets, schedulers and users produce; the name of a pod is its case."""

from datetime import datetime, timedelta

from tests.computation import JsonObject
from tests.oracle.podbuilder import (
    SERVING,
    STARTING,
    STEADY,
    TROUBLED,
    Draft,
    Part,
    condition,
    conditions,
    container,
    requirements,
    running,
    sidecar,
    terminated,
    waiting,
)


def all_state_cases(now: datetime) -> list[Draft]:
    """One pod for each state, with times relative to `now`."""
    return [
        *unscheduled(now),
        *starting_pods(now),
        *running_pods(now),
        *partly_completed(now),
        *finished_pods(now),
        *deleted_pods(now),
        *irregular_statuses(now),
    ]


def unscheduled(now: datetime) -> list[Draft]:
    """Unscheduled pods."""
    app = container("app", None, desired=requirements({"cpu": "4", "memory": "1Gi"}))
    message = "0/5 nodes are available: 2 Insufficient cpu, 3 node(s) had untolerated taint {team: blue}."
    gated = condition(
        "PodScheduled", "False", "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates"
    )
    refused = condition("PodScheduled", "False", "Unschedulable", message)
    gates = {"schedulingGates": [{"name": "example.org/quota"}]}
    return [
        Draft("is-new", "", "Pending", [app]),
        Draft("is-unschedulable", "", "Pending", [app], conditions=[refused]),
        Draft("is-gated", "", "Pending", [app], conditions=[gated], spec=gates),
        Draft("is-gated-and-deleted", "", "Pending", [app], conditions=[gated], spec=gates, deleted_at=now),
    ]


def starting_pods(now: datetime) -> list[Draft]:
    """Pods that are starting."""
    then = now - timedelta(minutes=45)
    todo = waiting("PodInitializing")
    not_yet = [container("app", todo), container("other", todo)]
    completed = container("init", terminated(then, reason="Completed"), ready=True)
    up = running(then)
    failed: JsonObject = {"lastState": terminated(then, 1, "Error"), "restartCount": 3}

    def starting(name: str, *inits: Part) -> Draft:
        return Draft(name, STEADY, "Pending", not_yet, inits, STARTING)

    return [
        Draft("is-bound", STEADY, "Pending", [container("app", None)]),
        Draft("creates-containers", STEADY, "Pending", [container("app", waiting("ContainerCreating"))]),
        Draft(
            "pulls-in-vain", STEADY, "Pending", [container("app", waiting("ImagePullBackOff"))], conditions=TROUBLED
        ),
        Draft(
            "lacks-a-config-map",
            STEADY,
            "Pending",
            [container("app", up), container("other", waiting("CreateContainerConfigError"))],
            conditions=TROUBLED,
        ),
        starting("init-first-of-two", container("init", up, ready=False), container("late", todo)),
        starting("init-second-of-two", completed, container("late", up, ready=False)),
        starting("init-waits", container("init", todo), container("late", todo)),
        starting("init-waits-without-reason", container("init", waiting()), container("late", todo)),
        starting("init-crash-loop", completed, container("late", waiting("CrashLoopBackOff"), **failed)),
        starting("init-pulls-in-vain", container("init", waiting("ErrImagePull")), container("late", todo)),
        starting("init-error", container("init", terminated(then, 1, "Error"), restartCount=2)),
        starting("init-oom-killed", container("init", terminated(then, 137, "OOMKilled"))),
        starting("init-exit-code", container("init", terminated(then, 3))),
        starting("init-signal", container("init", terminated(then, 0x8F, signal=15))),
        starting("init-signal-and-code-zero", container("init", terminated(then, 0, signal=15))),
        starting("sidecar-starts", sidecar("mesh", up, ready=False, started=False), container("late", todo)),
        starting("sidecar-before-init-runs", sidecar("mesh", up), container("late", up, ready=False)),
        starting("sidecar-is-unready", sidecar("mesh", up, ready=False), container("late", up, ready=False)),
        starting("sidecar-crashes-early", sidecar("mesh", waiting("CrashLoopBackOff"), **failed), completed),
        starting("sidecar-restarted", sidecar("mesh", up, **failed), container("late", waiting("CrashLoopBackOff"))),
        starting("init-restarted", container("init", up, ready=False, **failed)),
    ]


def running_pods(now: datetime) -> list[Draft]:
    """Running pods, healthy and failing ones, with and without restarts."""
    up = running(now - timedelta(minutes=3))

    def ended(**ago: float) -> JsonObject:
        return {"lastState": terminated(now - timedelta(**ago), 1, "Error")}

    def serving(name: str, *apps: Part, inits: tuple[Part, ...] = ()) -> Draft:
        return Draft(name, STEADY, apps=apps, inits=inits, conditions=SERVING)

    def failing(name: str, *apps: Part, inits: tuple[Part, ...] = ()) -> Draft:
        return Draft(name, STEADY, apps=apps, inits=inits, conditions=TROUBLED)

    healthy = container("other", up)
    through = container("init", terminated(now, reason="Completed"), ready=True)
    return [
        serving("serves", container("app", up), healthy),
        failing("is-unready", container("app", up, ready=False), healthy),
        failing("says-nothing", container("app", None)),
        serving("restarted-seconds-ago", container("app", up, restartCount=1, **ended(seconds=100))),
        serving("restarted-minutes-ago", container("app", up, restartCount=2, **ended(minutes=7))),
        serving("restarted-hours-ago", container("app", up, restartCount=3, **ended(hours=5, minutes=20))),
        serving("restarted-days-ago", container("app", up, restartCount=40, **ended(days=4, hours=7, minutes=30))),
        serving("restarted-years-ago", container("app", up, restartCount=500, **ended(days=1100))),
        serving("restarted-at-no-known-time", container("app", up, restartCount=6)),
        serving("ended-but-never-restarted", container("app", up, **ended(hours=30))),
        serving(
            "restarted-twice",
            container("app", up, restartCount=1, **ended(hours=9)),
            container("other", up, restartCount=2, **ended(hours=4)),
        ),
        serving(
            "restarts-of-inits-are-forgotten",
            container("app", up, restartCount=1, **ended(hours=9)),
            inits=(container("init", terminated(now, reason="Completed"), restartCount=8, **ended(hours=2)),),
        ),
        serving(
            "restarts-of-sidecars-count",
            container("app", up, restartCount=1, **ended(hours=9)),
            inits=(sidecar("mesh", up, restartCount=4, **ended(hours=5)), through),
        ),
        failing(
            "crash-loop", container("app", waiting("CrashLoopBackOff"), restartCount=12, **ended(minutes=4)), healthy
        ),
        failing("oom-killed", container("app", terminated(now, 137, "OOMKilled"), restartCount=1, **ended(hours=4))),
        failing("error", container("app", terminated(now, 1, "Error"))),
        failing("exit-code", container("app", terminated(now, 139))),
        failing("signal", container("app", terminated(now, 137, signal=9)), healthy),
        failing("negative-exit-code", container("app", terminated(now, -1))),
        failing("cannot-run", container("app", terminated(now, 128, "StartError")), healthy),
        failing(
            "sidecar-crash-loop",
            container("app", up),
            inits=(sidecar("mesh", waiting("CrashLoopBackOff"), restartCount=9, **ended(hours=3)),),
        ),
        failing("sidecar-ended", container("app", up), inits=(sidecar("mesh", terminated(now, 2, "Error")),)),
        failing("sidecar-restarts", container("app", up), inits=(sidecar("mesh", up, started=False, ready=False),)),
    ]


def partly_completed(now: datetime) -> list[Draft]:
    """Pods with some completed containers."""
    up = running(now - timedelta(minutes=3))
    completed = terminated(now, reason="Completed")

    def mixed(name: str, ready: bool, *apps: Part) -> Draft:
        return Draft(name, STEADY, apps=apps, conditions=conditions(initialized=True, ready=ready))

    return [
        mixed("completed-and-running", True, container("app", completed), container("other", up)),
        mixed("running-and-completed", True, container("app", up), container("other", completed)),
        mixed("completed-and-not-ready", False, container("app", completed), container("other", up)),
        mixed("completed-and-unready", False, container("app", completed), container("other", up, ready=False)),
        mixed("completed-all", False, container("app", completed), container("other", completed)),
        mixed(
            "completed-and-failed",
            False,
            container("app", completed),
            container("other", terminated(now, 1, "Error")),
        ),
        mixed("failed-and-completed", False, container("app", terminated(now, 1)), container("other", completed)),
        mixed(
            "completed-failed-and-running",
            False,
            container("app", completed),
            container("other", terminated(now, 7)),
            container("third", up),
        ),
        mixed(
            "completed-failed-twice",
            False,
            container("app", completed),
            container("other", terminated(now, 7)),
            container("third", terminated(now, 137, "OOMKilled")),
        ),
        mixed("completed-but-failed", False, container("app", terminated(now, 3, "Completed"))),
        mixed("failed-with-code-zero", False, container("app", terminated(now, 0, "Error")), container("other", up)),
        mixed(
            "first-has-the-last-word",
            False,
            container("app", waiting("CrashLoopBackOff")),
            container("other", waiting("ImagePullBackOff")),
        ),
        mixed("waits-without-reason", False, container("app", waiting()), container("other", up)),
    ]


def finished_pods(now: datetime) -> list[Draft]:
    """Finished pods."""
    asked = requirements({"cpu": "2", "memory": "4Gi"}, {"cpu": "2", "memory": "4Gi"})
    completed = container("app", terminated(now, reason="Completed"), desired=asked)
    failed = container("app", terminated(now, 1, "Error"), desired=asked, restartCount=2)
    silent = container("app", None, desired=asked)

    def over(name: str, phase: str, app: Part, reason: str = "") -> Draft:
        status = {"reason": reason} if reason else {}
        return Draft(name, STEADY, phase, [app], conditions=TROUBLED, status=status, spec={"restartPolicy": "Never"})

    return [
        over("succeeded", "Succeeded", completed),
        over("succeeded-silently", "Succeeded", silent),
        over("failed", "Failed", failed),
        over("failed-silently", "Failed", silent),
        over("evicted", "Failed", silent, "Evicted"),
        over("evicted-while-it-ran", "Failed", failed, "Evicted"),
        over("deadline-exceeded", "Failed", silent, "DeadlineExceeded"),
        over("rejected", "Failed", silent, "OutOfcpu"),
        over("shut-down", "Failed", completed, "Terminated"),
    ]


def deleted_pods(now: datetime) -> list[Draft]:
    """Pods that are being deleted, and pods of nodes that are lost."""
    app = container("app", running(now), desired=requirements({"cpu": "100m", "memory": "128Mi"}))
    ended = container("app", terminated(now, 137, "Error"))
    done = container("app", terminated(now, reason="Completed"))
    lost = {"reason": "NodeLost"}
    return [
        Draft("terminates", STEADY, apps=[app], conditions=SERVING, deleted_at=now),
        Draft(
            "terminates-in-crash-loop", STEADY, apps=[container("app", waiting("CrashLoopBackOff"))], deleted_at=now
        ),
        Draft(
            "terminates-unstarted",
            STEADY,
            "Pending",
            [container("app", waiting("ContainerCreating"))],
            deleted_at=now,
        ),
        Draft("terminates-after-success", STEADY, "Succeeded", [done], deleted_at=now),
        Draft("terminates-after-failure", STEADY, "Failed", [ended], deleted_at=now),
        Draft("evicted-and-deleted", STEADY, "Failed", [ended], status={"reason": "Evicted"}, deleted_at=now),
        Draft("node-lost", STEADY, apps=[app], conditions=TROUBLED, status=lost, deleted_at=now),
        Draft("node-lost-and-failed", STEADY, "Failed", [ended], status=lost, deleted_at=now),
        Draft("node-lost-undeleted", STEADY, apps=[app], conditions=TROUBLED, status=lost),
        Draft("phase-unknown", STEADY, "Unknown", [app], conditions=TROUBLED),
        Draft("terminates-statically", STEADY, apps=[app], conditions=SERVING, is_static=True, deleted_at=now),
    ]


def irregular_statuses(now: datetime) -> list[Draft]:
    """Statuses that no kubelet reports, but kube-apiserver accepts."""
    up = running(now - timedelta(minutes=3))
    app = container("app", up)
    stranger = container("stranger", terminated(now, 1, "Error"), restartCount=3)
    gated = condition("PodScheduled", "True", "SchedulingGated")
    late = [container("late", waiting("CrashLoopBackOff")), container("init", terminated(now), restartCount=1)]
    no_status = {"phase": ""}

    def odd(name: str, status: JsonObject, inits: tuple[Part, ...] = ()) -> Draft:
        return Draft(name, STEADY, apps=[app], inits=inits, conditions=SERVING, status=status)

    return [
        odd("status-of-a-stranger", {"containerStatuses": [stranger.status, app.status]}),
        odd("status-of-a-strange-init", {"initContainerStatuses": [stranger.status]}),
        odd(
            "status-of-inits-in-disorder",
            {"initContainerStatuses": [part.status for part in late]},
            tuple(late[::-1]),
        ),
        odd("status-of-no-state", {"containerStatuses": [{**(app.status or {}), "state": {}}]}),
        odd(
            "status-of-two-states", {"containerStatuses": [{**(app.status or {}), "state": up | terminated(now, 2)}]}
        ),
        odd("gated-though-running", {"conditions": [gated, *SERVING[1:]]}),
        odd("no-phase", no_status),
        Draft("initialized-before-its-inits", STEADY, apps=[app], inits=late, conditions=SERVING),
        Draft(
            "reason-of-a-running-pod",
            STEADY,
            conditions=SERVING,
            apps=[container("app", None)],
            status={"reason": "Odd"},
        ),
    ]
