"""A simulated cluster that lives: full Kubernetes objects in a store, and one happening after the other.

The order of happenings is a function of the seed alone; times are what the caller says. After each step the
store is consistent: statuses of owners agree with their pods.
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
    """One simulated cluster of `nodes` nodes and `pods` pods; `now` is the moment that its past leads up to."""

    def __init__(self, seed: int, nodes: int, pods: int, now: datetime, installation: Installation) -> None:
        self._cluster: Final = initial_state(seed, nodes, pods, now, installation)
        self._queued: Final[set[str]] = set()

    def fill(self, store: Store) -> None:
        """Writes the first state to an empty store."""
        self._cluster.fill(store)

    def step(self, store: Store, now: datetime) -> None:
        """Lets one thing happen and writes what it changed."""
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
