"""The graph of owners: which watched object controls which, and for which workload a pod runs.

A pod refers to the object that controls it, which may be controlled in turn: Deployment, ReplicaSet, pod. A pod's
workload is the end of that chain. Objects arrive in any order and references may lead to objects that are not
watched, so an owner that is created, changed or deleted may move every pod below it to another workload.

Invariant: `workloads` holds exactly the owners that are their own workload.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

from kubesum.cache.changes import OnChange, replace
from kubesum.semantics.facts import OwnerFacts, PodFacts, WorkloadRef
from kubesum.semantics.workloads.owners import topmost
from kubesum.vocabulary.resource import Key, Source

OWNERS: Final = ("deployments", "statefulsets", "daemonsets", "cronjobs", "replicasets", "jobs")

Member = TypeVar("Member")


class OwnerGraph:
    """The watched owners, and the pods that they control."""

    def __init__(self, on_change: OnChange) -> None:
        """Each change of `workloads` is passed to `on_change`."""
        self.owners: Final[Mapping[str, dict[Key, OwnerFacts]]] = {kind: {} for kind in OWNERS}
        self.workloads: Final[dict[Key, OwnerFacts]] = {}
        """By namespace and name of their WorkloadSummary."""
        self._on_change: Final = on_change
        self._by_uid: dict[str, OwnerFacts] = {}
        # By the uid of a controller. Sets as dicts: small sets take three times the memory.
        self._children: dict[str, dict[str, None]] = {}
        self._pods: dict[str, dict[Key, None]] = {}

    def workload_of(self, ref: WorkloadRef) -> WorkloadRef:
        """The end of the chain of controllers that begins with `ref`, as far as it is watched."""
        return topmost(ref, self._by_uid.get)

    def add_pod(self, pod: PodFacts) -> None:
        """A pod was added, or has another controller now."""
        if pod.owner.uid not in ("", pod.uid):
            self._pods.setdefault(pod.owner.uid, {})[pod.key] = None

    def remove_pod(self, pod: PodFacts) -> None:
        """A pod was removed, or is about to have another controller."""
        _discard(self._pods, pod.owner.uid, pod.key)

    def put(self, kind: str, key: Key, owner: OwnerFacts | None) -> Sequence[Key]:
        """Takes in that an owner was created, changed, or deleted (None).

        Returns the keys of the pods whose workload may be another now.
        """
        old = replace(self.owners[kind], key, owner)
        if old == owner:
            return ()
        if old is not None:
            self._unlink(old)
        # Objects from files may lack a uid: nothing can refer to them.
        if owner is not None and owner.uid:
            self._link(owner)
        return self._place_changed(old, owner)

    def _link(self, owner: OwnerFacts) -> None:
        self._by_uid[owner.uid] = owner
        if owner.controller:
            self._children.setdefault(owner.controller.uid, {})[owner.uid] = None

    def _unlink(self, owner: OwnerFacts) -> None:
        # Two objects may claim one uid; the later one counts.
        if self._by_uid.get(owner.uid) is owner:
            del self._by_uid[owner.uid]
        _discard(self._children, owner.controller.uid if owner.controller else "", owner.uid)

    def _place_changed(self, old: OwnerFacts | None, new: OwnerFacts | None) -> Sequence[Key]:
        pods: list[Key] = []
        if old is not None and (new is None or new.uid != old.uid):
            self._place(old, None)
            pods += self._place_below(old.uid)
        if new is not None:
            self._place(new, new)
            if old is None or (old.uid, old.controller) != (new.uid, new.controller):
                pods += self._place_below(new.uid)
        return pods

    def _place_below(self, uid: str) -> Iterator[Key]:
        """Places all owners below one anew; yields the keys of all pods below it."""
        placed, remaining = {uid}, [uid]
        while remaining:
            uid = remaining.pop()
            yield from self._pods.get(uid, ())
            for child in self._children.get(uid, {}).keys() - placed:
                placed.add(child)
                owner = self._by_uid.get(child)
                if owner is not None:
                    self._place(owner, owner)
                    remaining.append(child)

    def _place(self, owner: OwnerFacts, new: OwnerFacts | None) -> None:
        """Puts `new`, the present facts of `owner`, into `workloads` or takes it out."""
        key = (owner.namespace, owner.ref.row)
        old = self.workloads.get(key)
        if new is not None and self.workload_of(new.ref) != new.ref:
            new = None
        if old == new or (new is None and old is not None and old.uid != owner.uid):
            return
        replace(self.workloads, key, new)
        self._on_change(Source.WORKLOADS, old, new)


def _discard(index: dict[str, dict[Member, None]], value: str, member: Member) -> None:
    """Takes a member out of an index, and the whole entry with its last one."""
    members = index.get(value)
    if members is None:
        return
    members.pop(member, None)
    if not members:
        del index[value]
