"""The graph of owners: which object controls which, and for which workload a pod runs.

A pod refers to the object that controls it, which may be controlled in turn: Deployment, ReplicaSet, pod. Pods
control pods as well, such as the driver of a Spark application its executors. A pod's workload is the end of that
chain.

Objects arrive in any order and references may lead to objects that are not watched, so an object that is created,
changed or deleted may move the pods below it to another workload: those up to MAX_OWNER_CHAIN below it, since no
longer chain is followed. So the work of an event does not grow with the length of the chains that clients write.

Invariant: `workloads` holds exactly the owners that are their own workload.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from kubesum.cache.changes import OnChange, replace
from kubesum.cache.lastjobs import LastJobs
from kubesum.semantics.facts import OwnerFacts, Pod, PodFacts, WorkloadRef
from kubesum.semantics.workloads.owners import MAX_OWNER_CHAIN, is_pod, topmost
from kubesum.vocabulary.resource import Key, Source

OWNERS: Final = ("deployments", "statefulsets", "daemonsets", "cronjobs", "replicasets", "jobs")

Member = TypeVar("Member")


class OwnerGraph:
    """The watched owners, and the pods that they control."""

    def __init__(self, on_change: OnChange, pods: Mapping[Key, Pod]) -> None:
        """Each change of `workloads` is passed to `on_change`; `pods` are the pods of the cache."""
        self.owners: Final[Mapping[str, dict[Key, OwnerFacts]]] = {kind: {} for kind in OWNERS}
        self.workloads: Final[dict[Key, OwnerFacts]] = {}
        """By namespace and name of their WorkloadSummary."""
        self._on_change: Final = on_change
        self._all_pods: Final = pods
        self._last_jobs: Final = LastJobs()
        self._by_uid: dict[str, OwnerFacts] = {}
        # By the uid of a controller. Sets as dicts: small sets take three times the memory.
        self._children: dict[str, dict[str, None]] = {}
        self._pods: dict[str, dict[Key, None]] = {}

    def workload_of(self, pod: PodFacts) -> WorkloadRef:
        """The end of a pod's chain of controllers, as far as it is in the cache; the pod need not be in it yet."""
        return pod.owner if pod.owner.uid == pod.uid else self._topmost(pod.namespace, pod.owner, pod.uid)

    def _topmost(self, namespace: str, start: WorkloadRef, uid: str) -> WorkloadRef:
        def lookup(ref: WorkloadRef) -> OwnerFacts | PodFacts | None:
            if is_pod(ref):
                pod = self._all_pods.get((namespace, ref.name))
                return pod.facts if pod is not None and pod.uid == ref.uid else None
            owner = self._by_uid.get(ref.uid)
            # The garbage collector counts an owner in another namespace as absent, too.
            return owner if owner is not None and owner.namespace == namespace else None

        return topmost(start, lookup, uid)

    def below_pod(self, uid: str) -> Sequence[Key]:
        """Takes in that a pod was added, removed, or has another controller, after the fact.

        Returns the keys of the pods below it, whose workload may be another now.
        """
        return list(self._place_below(uid)) if uid in self._pods or uid in self._children else ()

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
        pods = self._place_changed(old, owner)
        for namespace, uid in self._last_jobs.change(old, owner):
            cronjob = self._by_uid.get(uid)
            if cronjob is not None and cronjob.namespace == namespace:
                self._place(cronjob, cronjob)
        return pods

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
        """Places the owners below an object anew; yields the keys of the pods below it."""
        reached, level = {uid}, [uid]
        # The object itself is looked up last for what is deepest below it.
        for _ in range(MAX_OWNER_CHAIN):
            below: list[str] = []
            for one in level:
                for key in self._pods.get(one, ()):
                    yield key
                    below.append(self._all_pods[key].uid)
                below += self._placed_children(one)
            level = [one for one in dict.fromkeys(below) if one not in reached]
            if not level:
                return
            reached.update(level)

    def _placed_children(self, uid: str) -> Iterator[str]:
        for child in self._children.get(uid, ()):
            owner = self._by_uid.get(child)
            if owner is not None:
                self._place(owner, owner)
                yield child

    def _place(self, owner: OwnerFacts, new: OwnerFacts | None) -> None:
        """Puts `new`, the present facts of `owner`, into `workloads` or takes it out."""
        key = (owner.namespace, owner.ref.row)
        old = self.workloads.get(key)
        if new is not None:
            new = self._with_last_job(new) if self._topmost(new.namespace, new.ref, new.uid) == new.ref else None
        if old == new or (new is None and old is not None and old.uid != owner.uid):
            return
        replace(self.workloads, key, new)
        self._on_change(Source.WORKLOADS, old, new)

    def _with_last_job(self, owner: OwnerFacts) -> OwnerFacts:
        """A CronJob with how its last Job ended; any other owner as it is."""
        last = self._last_jobs.of((owner.namespace, owner.uid))
        if last is None or last.ended is None or owner.ref.kind != "CronJob":
            return owner
        return msgspec.structs.replace(owner, ended=last.ended, failed=last.ended.result == "Failed")


def _discard(index: dict[str, dict[Member, None]], value: str, member: Member) -> None:
    """Takes a member out of an index, and the whole entry with its last one."""
    members = index.get(value)
    if members is None:
        return
    members.pop(member, None)
    if not members:
        del index[value]
