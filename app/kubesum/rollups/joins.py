"""Members joined with their namespace and their node, for the folds that ask for it.

A fold's contributions depend on the member alone. Where they are to depend on labels of its namespace or node as
well, the member is a JoinedMember, which is replaced when those change: of a namespace its labels, of a node what
`_placement` reads. Only the members in that namespace or on that node are joined anew, in slices.

A rollup that is added is given the members that exist in slices, too; a member that changes meanwhile and that the
rollup has not been given yet is given as it is then, once.

Invariant: when `work` has nothing left to do, every rollup was given each member once, as it is now.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, Final

from kubesum.cache.nodeindex import NodeIndex
from kubesum.rollups.changedmembers import ChangedMembers
from kubesum.rollups.rollup import Rollup
from kubesum.semantics.facts import JoinedMember, MeasuredNode, NamespaceFacts
from kubesum.vocabulary.resource import Fold, Key, Source


class Join:
    """The joined members of one source, or of one computed resource."""

    def __init__(self, over: Source | str, contents: Callable[[Source], Mapping[Key, Any]]) -> None:
        """`contents` gives what a source holds now, by key."""
        self._has_node: Final = over is Source.PODS
        self._namespaces: Final = contents(Source.NAMESPACES)
        self._nodes: Final = contents(Source.NODES)
        self._joined: Final[dict[str, dict[str, JoinedMember]]] = {}  # by namespace and name
        self._on: Final = NodeIndex()
        self._folds: dict[Rollup, tuple[Fold, ...]] = {}
        self._members = ChangedMembers(())
        self._waiting: dict[Key, Any] = {}  # members that are not joined yet
        self._moved: dict[Key, None] = {}  # to be joined anew
        self._not_given: dict[Rollup, dict[Key, None]] = {}

    def fill(self, members: Iterable[tuple[Key, Any]]) -> None:
        """Takes in the members that exist when the join is made."""
        self._waiting = dict(members)

    def serve(self, readers: Sequence[tuple[Rollup, Fold]]) -> None:
        """Gives members to these folds and no others; those that exist are given to new rollups in `work`."""
        self._members = ChangedMembers(readers)
        self._folds = {}
        for rollup, fold in readers:
            self._folds[rollup] = (*self._folds.get(rollup, ()), fold)
        known = self._not_given
        self._not_given = {
            rollup: known[rollup] if rollup in known else dict.fromkeys(self._keys()) for rollup in self._folds
        }

    def is_given(self, rollup: Rollup) -> bool:
        """Whether a rollup was given all members."""
        return not self._waiting and not self._not_given.get(rollup)

    def changed(self, key: Key, member: Any | None) -> None:
        """A member was added, changed, or removed (None)."""
        self._waiting.pop(key, None)
        self._moved.pop(key, None)
        old = self._get(key)
        new = None if member is None else self._join(key, member)
        if old is None and new is None:
            # It was waiting to be joined, and is gone.
            return
        self._put(key, old, new)
        for rollup, folds in self._members.concerned(old, new):
            not_given = self._not_given[rollup]
            if key not in not_given:
                rollup.member_changed(folds, old, new)
            elif new is None:
                del not_given[key]

    def namespace_changed(self, old: NamespaceFacts | None, new: NamespaceFacts | None) -> None:
        """A namespace was added, changed or removed."""
        named = new or old
        if named is not None and (old is None or new is None or old.labels != new.labels):
            within = self._joined.get(named.name, {})
            self._moved.update(dict.fromkeys((named.name, name) for name in within))

    def node_changed(self, old: MeasuredNode | None, new: MeasuredNode | None) -> None:
        """A node was added, changed or removed."""
        named = new or old
        # Its usage is not joined, and is polled again and again.
        if named is not None and (old is None or new is None or old.facts != new.facts):
            self._moved.update(dict.fromkeys(self._on.pods_of(named.facts.name)))

    def work(self, most: int) -> bool:
        """Joins and gives some of what is waiting, `most` members at most; returns whether it did anything."""
        done = 0
        for key in list(islice(self._waiting, most)):
            self.changed(key, self._waiting[key])
            done += 1
        for key in list(islice(self._moved, most - done)):
            del self._moved[key]
            known = self._get(key)
            if known is not None:
                self.changed(key, known.member)
            done += 1
        for rollup, not_given in self._not_given.items():
            for key in list(islice(not_given, most - done)):
                del not_given[key]
                rollup.member_changed(self._folds[rollup], None, self._get(key))
                done += 1
        return done > 0

    def _join(self, key: Key, member: Any) -> JoinedMember:
        namespace = self._namespaces.get(("", key[0])) if key[0] else None
        node = self._nodes.get(("", member.facts.node)) if self._has_node else None
        return JoinedMember(key, member, namespace, None if node is None else node.facts)

    def _keys(self) -> Iterator[Key]:
        return ((namespace, name) for namespace, names in self._joined.items() for name in names)

    def _get(self, key: Key) -> JoinedMember | None:
        return self._joined.get(key[0], {}).get(key[1])

    def _put(self, key: Key, old: JoinedMember | None, new: JoinedMember | None) -> None:
        within = self._joined.setdefault(key[0], {})
        if new is not None:
            within[key[1]] = new
        else:
            within.pop(key[1], None)
            if not within:
                del self._joined[key[0]]
        before, after = self._node_of(old), self._node_of(new)
        if before != after:
            if before:
                self._on.remove(before, key)
            if after:
                self._on.add(after, key)

    def _node_of(self, joined: JoinedMember | None) -> str:
        return joined.member.facts.node if joined is not None and self._has_node else ""
