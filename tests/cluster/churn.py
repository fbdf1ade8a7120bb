"""Pods that come, run, change and go, at a steady rate, through a real API server."""

import random
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.cluster.controlplane import Client, ControlPlane
from tests.computation import JsonObject
from tests.oracle import podbuilder

NAMESPACE = "churn"
_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
_NAMES = 60
_IMAGES = ("registry.example/a:1", "registry.example/b:1", "registry.example/c:2")


def fill(client: Client, pods: int) -> None:
    """Creates the namespace, and pods in it that never change."""
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    client.create("/api/v1/namespaces", body)
    for number in range(pods):
        client.create(_PODS, _pod(f"steady-{number:03}", random.Random(number)))


@dataclass
class Churn:
    """What was done so far; each request is one change of the cluster."""

    chance: random.Random
    changes: int = 0
    pods: dict[str, str] = field(default_factory=dict)
    """The stage of each pod that exists, by name."""

    def change(self, client: Client) -> None:
        """One pod is created, bound, started, relabelled, or deleted; another one of its name may come later."""
        name = f"pod-{self.chance.randrange(_NAMES):02}"
        path, stage = f"{_PODS}/{name}", self.pods.get(name)
        self.changes += 1
        if stage is None:
            client.create(_PODS, _pod(name, self.chance))
            self.pods[name] = "created"
        elif stage == "created":
            node = f"steady-{self.chance.randint(0, 1)}"
            target = {"apiVersion": "v1", "kind": "Node", "name": node}
            binding = {"apiVersion": "v1", "kind": "Binding", "metadata": {"name": name}, "target": target}
            client.create(f"{path}/binding", binding)
            self.pods[name] = "bound"
        elif self.chance.random() < 0.3:
            client.delete(f"{path}?gracePeriodSeconds=0")
            del self.pods[name]
        elif self.chance.random() < 0.4:
            pod = client.get(path)
            pod["metadata"]["labels"]["color"] = self.chance.choice(("red", "blue"))
            client.update(path, pod)
        else:
            now = datetime.now(UTC)
            state = self.chance.choice((podbuilder.running(now), podbuilder.waiting("CrashLoopBackOff")))
            client.update(f"{path}/status", client.get(path) | {"status": _status(state, now)})


def _pod(name: str, chance: random.Random) -> JsonObject:
    asked = {"cpu": f"{chance.randint(1, 9)}m", "memory": "8Mi"}
    container = {"name": "app", "image": chance.choice(_IMAGES), "resources": {"requests": asked}}
    labels = {"color": chance.choice(("red", "blue"))}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 0},
    }


def _status(state: JsonObject, now: datetime) -> JsonObject:
    ready = "running" in state
    container = {"name": "app", "image": "i", "imageID": "", "ready": ready, "restartCount": 0, "state": state}
    return {
        "phase": "Running",
        "startTime": podbuilder.time(now),
        "conditions": [{"type": "Ready", "status": str(ready)}],
        "containerStatuses": [container],
    }


@contextmanager
def churning(plane: ControlPlane, churn: Churn, per_second: int) -> Iterator[None]:
    """Changes the cluster at this rate from a thread; raises what a change raised."""
    is_over = threading.Event()

    def run() -> None:
        due = time.monotonic()
        with plane.client() as client:
            while not is_over.wait(max(0.0, due - time.monotonic())):
                due += 1 / per_second
                churn.change(client)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        try:
            yield
        finally:
            is_over.set()
        running.result()
