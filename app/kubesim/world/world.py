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
from kubesim.world.initialstate import settled
from kubesim.world.randomevents import happen

_ATTEMPTS: Final = 200


class World:
    """One simulated cluster of `nodes` nodes and `pods` pods; `now` is the moment that its past leads up to."""

    def __init__(self, seed: int, nodes: int, pods: int, now: datetime, installation: Installation) -> None:
        self._cluster: Final = settled(seed, nodes, pods, now, installation)
        self._awaited: Final[set[str]] = set()

    def fill(self, store: Store) -> None:
        """Writes the first state to an empty store."""
        self._cluster.fill(store)

    def step(self, store: Store, now: datetime) -> None:
        """Lets one thing happen and writes what it changed."""
        cluster = self._cluster
        cluster.agenda.step += 1
        for _ in range(_ATTEMPTS):
            happening = cluster.agenda.due() or partial(happen, cluster)
            happening(now)
            if cluster.changed:
                break
        for owner in cluster.touched_owners():
            if owner.uid not in self._awaited:
                self._awaited.add(owner.uid)
                cluster.agenda.later(1, partial(self._reconcile, owner))
        cluster.write(store)

    def _reconcile(self, owner: Owner, now: datetime) -> None:
        self._awaited.discard(owner.uid)
        reconcile(self._cluster, owner, now)
