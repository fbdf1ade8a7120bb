"""The pods of the oracle tests: one for each written case, and many random ones from a fixed seed.

A random pod combines several cases. As for the written ones, the name of its node says whether a resize is in
progress.
"""

import random
from collections.abc import Callable
from datetime import datetime, timedelta

from tests.computation import JsonObject
from tests.oracle.podbuilder import (
    DEFERRED,
    DISPUTED,
    FRACTIONS,
    IN_PROGRESS,
    INFEASIBLE,
    NAMESPACES,
    ONE_CORE,
    RESIZING,
    RESIZING_PODS,
    Draft,
    Part,
    Quantities,
    condition,
    conditions,
    container,
    node,
    requirements,
    running,
    sidecar,
    terminated,
    waiting,
)
from tests.oracle.resourcecases import all_resource_cases
from tests.oracle.statecases import all_state_cases

SEED = 36
DRAWN = 220
STEADY_NODES = tuple(f"steady-{number}" for number in range(4))

_AMOUNTS = {
    "cpu": ("1m", "100m", "250m", "333m", "0.5", "1", "2"),
    "memory": ("1Mi", "100Mi", "123M", "128974848", "129e6", "1Gi", "1536Mi"),
    "ephemeral-storage": ("512Mi", "2G", "4Gi"),
}
"""Ascending."""
_REASONS = ("CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull", "CreateContainerError", "RunContainerError")
_ENDS = ((0, "Completed", 0), (0, "", 0), (1, "Error", 0), (137, "OOMKilled", 0), (3, "", 0), (143, "", 15))
_PENDING = (IN_PROGRESS, DEFERRED, INFEASIBLE)


def nodes() -> list[JsonObject]:
    """The nodes of the pods; on one of them the requests exceed allocatable."""
    plain = {"cpu": "64", "memory": "256Gi", "ephemeral-storage": "512Gi", "pods": "250"}
    large = plain | {"hugepages-2Mi": "2Gi", "hugepages-1Gi": "8Gi", "example.org/gpu": "64"}
    small = {"cpu": "700m", "memory": "1Gi", "pods": "110"}
    return [
        *(node(name, large) for name in (*STEADY_NODES[:-1], RESIZING, DISPUTED, RESIZING_PODS, FRACTIONS)),
        node(STEADY_NODES[-1], small),
        node(ONE_CORE, plain | {"cpu": "1"}),
    ]


def pods(now: datetime) -> list[JsonObject]:
    """The written cases and the random pods."""
    return [*cases(now), *drawn(SEED, DRAWN, now)]


def cases(now: datetime) -> list[JsonObject]:
    """One pod for each written case, with times relative to `now`."""
    return [draft.pod() for draft in (*all_resource_cases(now), *all_state_cases(now))]


def drawn(seed: int, count: int, now: datetime) -> list[JsonObject]:
    """Random pods, the same for the same seed, except for times, which are relative to `now`."""
    # No secret depends on it.
    random_pods = _RandomPods(random.Random(seed), now)
    return [random_pods.pod(f"drawn-{number}") for number in range(count)]


class _RandomPods:
    """Makes random pods; each depends on the state of the generator after the ones before."""

    def __init__(self, chance: random.Random, now: datetime) -> None:
        self._chance = chance
        self._now = now

    def pod(self, name: str) -> JsonObject:
        stages = (self._waiting, self._starting, self._alive, self._alive, self._alive, self._finished)
        return self._chance.choice(stages)(name).pod()

    def _maybe(self, probability: float) -> bool:
        return self._chance.random() < probability

    def _ago(self) -> datetime:
        return self._now - timedelta(minutes=self._chance.choice((1, 8, 100, 400, 2000, 9000, 80000)), seconds=30)

    def _amounts(self) -> Quantities:
        return {name: self._chance.choice(choices) for name, choices in _AMOUNTS.items() if self._maybe(0.6)}

    def _requirements(self) -> JsonObject:
        """Requests, and limits that are not smaller; limits are also requests, as kube-apiserver defaults them."""
        limits = {name: _AMOUNTS[name][-1] for name in _AMOUNTS if self._maybe(0.4)}
        requests = limits | self._amounts()
        if self._maybe(0.2):
            devices = {"example.org/gpu": str(self._chance.randint(1, 4))}
            return requirements(requests | devices, limits | devices)
        if self._maybe(0.2):
            pages = {"hugepages-2Mi": f"{self._chance.randint(1, 9) * 2}Mi"}
            return requirements({"cpu": "1m"} | requests | pages, limits | pages)
        return requirements(requests, limits)

    def _end(self) -> JsonObject:
        exit_code, reason, signal = self._chance.choice(_ENDS)
        return terminated(self._ago(), exit_code, reason, signal)

    def _history(self) -> JsonObject:
        """Restarts, and mostly the end of the last run."""
        if self._maybe(0.5):
            return {}
        restarts = {"restartCount": self._chance.randint(0, 30)}
        return restarts | ({"lastState": self._end()} if self._maybe(0.8) else {})

    def _app(self, name: str) -> Part:
        state = self._chance.choice((running(self._ago()), running(self._ago()), self._failing()))
        made = self._history()
        if "running" in state:
            made["ready"] = self._maybe(0.8)
        return container(name, state, desired=self._requirements(), **made)

    def _failing(self) -> JsonObject:
        return self._chance.choice((waiting(self._chance.choice(_REASONS)), self._end(), waiting()))

    def _apps(self) -> list[Part]:
        return [self._app(f"app-{number}") for number in range(self._chance.randint(1, 3))]

    def _unstarted(self, count: int, prefix: str) -> list[Part]:
        todo = waiting("PodInitializing")
        return [container(f"{prefix}-{number}", todo, desired=self._requirements()) for number in range(count)]

    def _initialized(self) -> list[Part]:
        """Completed init containers, and sidecars, which may be failing."""
        return [
            self._sidecar(f"init-{number}", 0.8)
            if self._maybe(0.5)
            else container(
                f"init-{number}",
                terminated(self._ago(), reason="Completed"),
                desired=self._requirements(),
                ready=True,
            )
            for number in range(self._chance.choice((0, 0, 1, 2, 3)))
        ]

    def _sidecar(self, name: str, healthy: float) -> Part:
        state = running(self._ago()) if self._maybe(healthy) else self._failing()
        is_started = "running" in state and self._maybe(healthy)
        started = {"started": is_started, "ready": is_started and self._maybe(0.8)}
        return sidecar(name, state, desired=self._requirements(), **(self._history() | started))

    def _spec(self) -> JsonObject:
        spec: JsonObject = {}
        if self._maybe(0.2):
            spec["overhead"] = {"cpu": "25m", "memory": "40Mi"}
        if self._maybe(0.2):
            # More than the requests of three containers and three sidecars together.
            most = {"cpu": "20", "memory": "20Gi"}
            spec["resources"] = requirements(most, {name: most[name] for name in most if self._maybe(0.5)})
        return spec

    def _place(self) -> JsonObject:
        return {"node": self._chance.choice(STEADY_NODES), "namespace": self._chance.choice(NAMESPACES)}

    def _waiting(self, name: str) -> Draft:
        why = self._chance.choice(("Unschedulable", "SchedulingGated", ""))
        refused = (
            [condition("PodScheduled", "False", why, "0/7 nodes are available: 7 Insufficient cpu.")] if why else []
        )
        gates = {"schedulingGates": [{"name": "example.org/quota"}]} if why == "SchedulingGated" else {}
        apps = [container("app", None, desired=self._requirements())]
        return Draft(name, "", "Pending", apps, conditions=refused, spec=self._spec() | gates)

    def _starting(self, name: str) -> Draft:
        done, next_up = self._initialized(), self._sidecar("next", 0.3) if self._maybe(0.4) else self._app("next")
        return Draft(
            name,
            phase="Pending",
            apps=self._unstarted(2, "app"),
            inits=[*done, next_up, *self._unstarted(self._chance.randint(0, 2), "late")],
            conditions=conditions(initialized=False, ready=False),
            spec=self._spec(),
            deleted_at=self._ago() if self._maybe(0.15) else None,
            **self._place(),
        )

    def _alive(self, name: str) -> Draft:
        apps, inits, place = self._apps(), self._initialized(), self._place()
        state = conditions(initialized=True, ready=self._maybe(0.6))
        if self._maybe(0.25):
            resize = self._resize()
            apps, inits = [resize(part) for part in apps], [resize(part) for part in inits]
            place, state = place | {"node": RESIZING}, [*state, self._chance.choice(_PENDING)]
        is_lost = self._maybe(0.1)
        return Draft(
            name,
            phase=self._chance.choice(("Running", "Running", "Running", "Unknown")),
            apps=apps,
            inits=inits,
            conditions=state,
            spec=self._spec(),
            status={"reason": "NodeLost"} if is_lost else {},
            deleted_at=self._ago() if self._maybe(0.5 if is_lost else 0.15) else None,
            is_static=self._maybe(0.1),
            **place,
        )

    def _resize(self) -> Callable[[Part], Part]:
        """A resize in progress: the actual amounts of all containers are larger (or all smaller) than desired.

        As a kubelet does, it reports actual and allocated resources of each container; those of init containers that
        are no sidecars are the desired ones.
        """
        step = self._chance.choice((-1, 1))

        def resized(part: Part) -> Part:
            assert part.status is not None
            desired: JsonObject = part.spec["resources"]
            if part.spec.get("restartPolicy") != "Always" and part.spec["name"].startswith("init"):
                return Part(part.spec, part.status | _reported(desired, desired.get("requests", {})))
            actual = {side: _stepped(amounts, step) for side, amounts in desired.items()}
            allocated = self._chance.choice((desired, actual)).get("requests", {})
            return Part(part.spec, part.status | _reported(actual, allocated))

        return resized

    def _finished(self, name: str) -> Draft:
        phase, reason = self._chance.choice((("Succeeded", ""), ("Failed", ""), ("Failed", "Evicted")))
        ended = [
            container(f"app-{n}", self._end(), desired=self._requirements(), **self._history()) for n in range(2)
        ]
        return Draft(
            name,
            phase=phase,
            apps=[container("app", None, desired=self._requirements())] if self._maybe(0.3) else ended,
            inits=self._initialized(),
            conditions=conditions(initialized=self._maybe(0.7), ready=False),
            spec=self._spec() | {"restartPolicy": "Never"},
            status={"reason": reason} if reason else {},
            deleted_at=self._ago() if self._maybe(0.1) else None,
            **self._place(),
        )


def _stepped(amounts: Quantities, step: int) -> Quantities:
    """The next larger or smaller amount of all but what can't be resized."""
    found: Quantities = {}
    for name, quantity in amounts.items():
        choices = _AMOUNTS.get(name, (quantity,))
        found[name] = choices[min(max(choices.index(quantity) + step, 0), len(choices) - 1)]
    return found


def _reported(actual: JsonObject, allocated: Quantities) -> JsonObject:
    return {"resources": actual, "allocatedResources": allocated}
