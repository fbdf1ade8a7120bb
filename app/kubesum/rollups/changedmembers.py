"""Which folds a changed member concerns.

A pod has a dozen folds, and most of its changes alter what one or two of them read. So what the folds over one source
read is compared once per change, for all of them together, and the folds that read none of what differs are left out.
"""

from collections.abc import Iterable, Sequence
from operator import attrgetter
from typing import Any, Final

from kubesum.rollups.rollup import Rollup
from kubesum.vocabulary.resource import Fold

Concerned = tuple[tuple[Rollup, tuple[Fold, ...]], ...]
"""Rollups, each with those of its folds that a change concerns, in the order in which they are computed."""


class ChangedMembers:
    """The folds over one source, or over the rows of one resource."""

    def __init__(self, folds: Iterable[tuple[Rollup, Fold]]) -> None:
        self._folds: Final = tuple(folds)
        paths = sorted({path for _, fold in self._folds for path in fold.reads})
        self._paths: Final = tuple(paths)
        # With a second name, attrgetter always gives a tuple.
        self._read: Final = attrgetter(*paths, paths[0]) if paths else _nothing
        self._all: Final = self._reading(frozenset(paths))
        # By whether each path differs: a member changes in few ways.
        self._concerned: Final[dict[tuple[bool, ...], Concerned]] = {}

    def __bool__(self) -> bool:
        """Whether there are any folds."""
        return len(self._folds) > 0

    def concerned(self, old: Any | None, new: Any | None) -> Concerned:
        """The folds that a change of a member, or of its status, concerns: all if one of both is None."""
        if old is None or new is None:
            return self._all
        different = tuple([a is not b and a != b for a, b in zip(self._read(old), self._read(new), strict=True)])
        found = self._concerned.get(different)
        if found is None:
            changed = frozenset(path for path, differs in zip(self._paths, different, strict=False) if differs)
            found = self._concerned[different] = self._reading(changed)
        return found

    def _reading(self, paths: frozenset[str]) -> Concerned:
        rollups: dict[Rollup, list[Fold]] = {}
        for rollup, fold in self._folds:
            if not fold.reads or not paths.isdisjoint(fold.reads):
                rollups.setdefault(rollup, []).append(fold)
        return tuple((rollup, tuple(folds)) for rollup, folds in rollups.items())


def _nothing(_member: Any) -> Sequence[Any]:
    return ()
