"""A simulated cluster whose state keeps changing: each step makes one change and writes it to a store.

The order of changes depends only on the seed; the times in objects are those that the caller passes. After each step
the statuses of owners agree with their pods.
"""

from datetime import datetime
from functools import partial
from typing import Final

from kubesim.installation import Installation
from kubesim.model.state import Owner
from kubesim.store.store import Store
from kubesim.world.controllers import reconcile
from kubesim.world.initialstate import initial_state
from kubesim.world.randomevents import random_event

_ATTEMPTS: Final = 200


class World:
    """One simulated cluster of `nodes` nodes and `pods` pods, in the state that it has reached at `now`."""

    def __init__(self, seed: int, nodes: int, pods: int, now: datetime, installation: Installation) -> None:
        self._cluster: Final = initial_state(seed, nodes, pods, now, installation)
        self._queued: Final[set[str]] = set()

    def fill(self, store: Store) -> None:
        """Writes the initial state to an empty store."""
        self._cluster.fill(store)

    def step(self, store: Store, now: datetime) -> None:
        """Runs the next due action, or a random event, and writes what it changed."""
        cluster = self._cluster
        cluster.queue.step += 1
        for _ in range(_ATTEMPTS):
            action = cluster.queue.pop_due() or partial(random_event, cluster)
            action(now)
            if cluster.is_dirty:
                break
        for owner in cluster.dirty_owners():
            if owner.uid not in self._queued:
                self._queued.add(owner.uid)
                cluster.queue.schedule(1, partial(self._reconcile, owner))
        cluster.write(store)

    def _reconcile(self, owner: Owner, now: datetime) -> None:
        self._queued.discard(owner.uid)
        reconcile(self._cluster, owner, now)
