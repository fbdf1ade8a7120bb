"""The kinds that definitions make, added to and removed from the engine while it runs."""

from collections.abc import Collection, Iterable, Sequence
from typing import Final

from kubesum.rollupdefinitions.acceptance import Acceptance, UnreadableDefinition, Verdict
from kubesum.rollupdefinitions.compiling import CompiledDefinition
from kubesum.rollupdefinitions.conditions import Served
from kubesum.rollupdefinitions.definition import RollupDefinition
from kubesum.rollups.engine import Engine
from kubesum.vocabulary.resource import ComputedResource
from kubesum.web.requestmetrics import remove_series


class DefinedKinds:
    """The kinds of the definitions that are accepted."""

    def __init__(self, engine: Engine, built_in: Iterable[ComputedResource], annotations: Collection[str]) -> None:
        """`built_in` are the resources whose names are taken; `annotations` those that the server reads of pods."""
        self._engine: Final = engine
        self._acceptance: Final = Acceptance(built_in, annotations)
        self._found: Sequence[RollupDefinition | UnreadableDefinition] = ()
        self._served: dict[str, CompiledDefinition] = {}  # by plural
        self.verdicts: tuple[Verdict, ...] = ()
        """Those of the last update, by name."""

    def update(self, found: Sequence[RollupDefinition | UnreadableDefinition]) -> tuple[Verdict, ...]:
        """Serves the kinds of these definitions, which are all that exist, and no others; returns the verdicts.

        A kind whose definition changed is served as it was until its rows are computed anew.
        """
        self._found = found
        verdicts = self._acceptance.verdicts(found)
        wanted = {one.compiled.resource.plural: one.compiled for one in verdicts if one.compiled is not None}
        for plural in [plural for plural in self._served if plural not in wanted]:
            self._engine.remove(plural)
            remove_series(self._served[plural].resource)
        added = [one.resource for plural, one in wanted.items() if plural not in self._served]
        for plural, one in wanted.items():
            if plural in self._served and one is not self._served[plural]:
                self._engine.replace(one.resource)
        if added:
            self._engine.add(added)
        self._served, self.verdicts = wanted, verdicts
        return verdicts

    def served(self, one: CompiledDefinition) -> Served | None:
        """How many groups the kind of a definition has; None until it is served with all of them."""
        resource = one.resource
        store = self._engine.catalogue.find(resource.group, resource.version, resource.plural)
        if store is None or store.resource is not resource:
            return None
        groups = self._engine.groups(resource.plural)
        return Served(*groups, one.failing) if groups is not None else None

    def refuse_slow(self) -> tuple[Verdict, ...]:
        """Serves no longer the kinds whose expressions take too long; returns the verdicts on these."""
        slow = {
            one.definition.name
            for one in self._served.values()
            if one.expressions is not None and one.expressions.microseconds is not None
        }
        return tuple(one for one in self.update(self._found) if one.metadata.name in slow) if slow else ()
