"""Owners of pods: from controller references to the topmost workload, and the names of WorkloadSummaries.

Pure functions; the cache is read through a Lookup. The name of a workload depends on its reference alone, so that
all replicas and restarts give the same name.
"""

from collections.abc import Callable
from functools import lru_cache
from sys import intern
from typing import Final

from kubesum.kube.objects.core import Pod
from kubesum.kube.objects.meta import Metadata, OwnerReference
from kubesum.semantics.facts import OwnerFacts, PodFacts, WorkloadRef
from kubesum.semantics.names import slug, with_hash

Lookup = Callable[[WorkloadRef], OwnerFacts | PodFacts | None]
"""From a reference to the facts of that object; None if it is not in the cache, or in another namespace."""

WATCHED_OWNERS: Final = frozenset(
    {
        ("apps", "Deployment"),
        ("apps", "StatefulSet"),
        ("apps", "DaemonSet"),
        ("apps", "ReplicaSet"),
        ("batch", "CronJob"),
        ("batch", "Job"),
    }
)
"""(group, kind) of the owners that the cache holds."""

# Their controller is the workload, whether its kind is watched or not.
_INTERMEDIATE_OWNERS: Final = frozenset({("apps", "ReplicaSet"), ("batch", "Job")})
_PLAIN_GROUPS: Final = frozenset({"", "apps", "batch"})
_LONGEST_NAME: Final = 253
# kube-apiserver takes owner references of a megabyte, and the cache holds thousands.
_LONGEST_CACHED: Final = 1024

MAX_OWNER_CHAIN: Final = 8
"""How many owners are looked up for one workload. It bounds the work of each event, whatever clients write."""


def group_of(api_version: str) -> str:
    """The group of an apiVersion, empty for core."""
    return api_version.rpartition("/")[0]


def row_name(api_version: str, kind: str, name: str) -> str:
    """The name of an owner's WorkloadSummary: `deployment.web`, `staticpod.etcd`, `pod.debug`.

    Names of kinds outside core, apps and batch contain the group and a hash of the reference, since two groups may
    have a kind of the same name; so do those of which nothing else would remain, such as `.` of kind `.`, which
    kube-apiserver takes in owner references.
    """
    group = group_of(api_version)
    is_plain = group in _PLAIN_GROUPS
    row = slug(f"{kind}.{name}" if is_plain else f"{kind}.{group}.{name}")
    if is_plain and slug(kind) and slug(name) and len(row) <= _LONGEST_NAME:
        return row
    return with_hash(row, _LONGEST_NAME - 11, f"{api_version}/{kind}/{name}")


def reference(api_version: str, kind: str, name: str, uid: str) -> WorkloadRef:
    """The reference to one object; equal arguments of usual size share one result."""
    size = len(api_version) + len(kind) + len(name) + len(uid)
    return (_cached_reference if size <= _LONGEST_CACHED else _reference)(api_version, kind, name, uid)


def _reference(api_version: str, kind: str, name: str, uid: str) -> WorkloadRef:
    return WorkloadRef(api_version, kind, name, uid, row_name(api_version, kind, name))


_cached_reference: Final = lru_cache(maxsize=32_768)(_reference)


def controller_of(metadata: Metadata) -> WorkloadRef | None:
    """The controller of an object, from its owner references; None if it has none."""
    owner = _controller_reference(metadata)
    return None if owner is None else _referred(owner)


def immediate_owner(pod: Pod) -> WorkloadRef:
    """The direct owner of a pod: its controller, the manifest of a static pod, or the pod itself.

    The static pods of one manifest on several nodes have one owner, kind StaticPod: its name is the pod's without
    the node name, and it has no uid.
    """
    metadata = pod.metadata
    owner = _controller_reference(metadata)
    if metadata.annotations.mirror is not None or (owner is not None and _is_node(owner)):
        return reference("v1", "StaticPod", metadata.name.removesuffix(f"-{pod.spec.node_name}"), "")
    if owner is None:
        return reference("v1", "Pod", metadata.name, metadata.uid)
    return _referred(owner)


def _referred(owner: OwnerReference) -> WorkloadRef:
    return reference(intern(owner.api_version), intern(owner.kind), owner.name, owner.uid)


def _controller_reference(metadata: Metadata) -> OwnerReference | None:
    for owner in metadata.owner_references:
        if owner.controller:
            return owner
    return None


def _is_node(owner: OwnerReference) -> bool:
    return owner.kind == "Node" and group_of(owner.api_version) == ""


def topmost(start: WorkloadRef, lookup: Lookup, of: str) -> WorkloadRef:
    """The workload of the object with the uid `of`, at the end of the chain of controllers that begins with `start`.

    An owner that is not in the cache ends the chain; the cache calls this again when the owner arrives. A chain that
    leads back to itself, or is longer than MAX_OWNER_CHAIN, gives `start`, which depends on no order of arrival.
    """
    ref, seen = start, [of, start.uid]
    for _ in range(MAX_OWNER_CHAIN):
        # Objects from files may have no uid; an empty uid identifies no object.
        found = lookup(ref) if ref.uid else None
        if found is None:
            return ref
        ref, above = _step(found, ref)
        if above is None:
            return ref
        if above.uid in seen and above.uid:
            return start
        seen.append(above.uid)
        ref = above
    return start


def _step(found: OwnerFacts | PodFacts, ref: WorkloadRef) -> tuple[WorkloadRef, WorkloadRef | None]:
    """An object's own reference, and the controller that its pods belong to in its place, None if there is none."""
    if isinstance(found, OwnerFacts):
        above = found.controller
        return found.ref, above if above is not None and _continues(found.ref, above) else None
    owner = found.owner
    # The pod itself, or the manifest of a static pod.
    if owner.uid in ("", found.uid):
        return owner, None
    return ref, owner


def is_pod(ref: WorkloadRef) -> bool:
    """Whether a reference is to a core Pod."""
    return _group_kind(ref) == ("", "Pod")


def _continues(owner: WorkloadRef, above: WorkloadRef) -> bool:
    return _group_kind(owner) in _INTERMEDIATE_OWNERS or _group_kind(above) in WATCHED_OWNERS or is_pod(above)


def _group_kind(ref: WorkloadRef) -> tuple[str, str]:
    return group_of(ref.api_version), ref.kind
