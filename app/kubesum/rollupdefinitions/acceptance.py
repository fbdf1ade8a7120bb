"""Which of the definitions that exist are served, and what is said of each.

Of two definitions that want the same name, the one that is established is served, and else the older one. What is
wrong with one definition never affects another.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from msgspec import UNSET

from kubesum.rollupdefinitions.compiling import CompiledDefinition, compiled
from kubesum.rollupdefinitions.definition import DefinitionMetadata, RollupDefinition
from kubesum.rollupdefinitions.expressions import SLOW_S
from kubesum.rollupdefinitions.problems import Problem
from kubesum.rollupdefinitions.spec import Names, Spec
from kubesum.rollupdefinitions.status import Status
from kubesum.rollupdefinitions.validation import problems
from kubesum.vocabulary.resource import ComputedResource

MOST_SERVED: Final = 100
"""Further definitions are not served: each costs time for every change of a pod."""

_SCHEMAS: Final = ("Quantity", "ObjectMeta", "ListMeta")
"""Schemas that every API group has beside those of its kinds."""

_TOO_SLOW: Final = Problem(
    "spec",
    f"its expressions take more than {SLOW_S * 1_000_000:.0f} microseconds for one object",
    "make them simpler",
)

_LAST: Final = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class UnreadableDefinition:
    """An object that is no definition: what is known of it, and what is wrong."""

    metadata: DefinitionMetadata
    problem: Problem
    status: Status


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is said of one definition.

    `problems` keep it from being accepted, `conflict` keeps its names from being accepted; without either it is
    served as `compiled`.
    """

    metadata: DefinitionMetadata
    problems: tuple[Problem, ...] = ()
    conflict: Problem | None = None
    compiled: CompiledDefinition | None = None


class Acceptance:
    """The verdicts on all definitions, kept so that those which did not change are not compiled again."""

    def __init__(self, served: Iterable[ComputedResource], annotations: Collection[str]) -> None:
        """`served` are the resources whose names are taken; `annotations` those that the server reads of pods."""
        self._taken: Final = {
            **dict.fromkeys(_SCHEMAS, "a schema of OpenAPI"),
            **{name: resource.resource_group for resource in served for name in _names_of_resource(resource)},
        }
        self._annotations: Final = annotations
        self._compiled: dict[str, CompiledDefinition] = {}  # by the name of the definition
        self._refused: dict[str, tuple[Spec, tuple[Problem, ...]]] = {}  # likewise, those that are not accepted

    def verdicts(self, found: Sequence[RollupDefinition | UnreadableDefinition]) -> tuple[Verdict, ...]:
        """The verdicts on all definitions that exist, by name."""
        verdicts = {
            one.metadata.name: Verdict(one.metadata, (one.problem,))
            for one in found
            if isinstance(one, UnreadableDefinition)
        }
        taken = dict(self._taken)
        for one in sorted((one for one in found if isinstance(one, RollupDefinition)), key=_rank):
            verdicts[one.name] = self._verdict(one, taken)
        self._refused = {name: refused for name, refused in self._refused.items() if name in verdicts}
        self._compiled = {name: one.compiled for name, one in verdicts.items() if one.compiled is not None}
        return tuple(verdict for _, verdict in sorted(verdicts.items()))

    def _problems(self, definition: RollupDefinition, known: CompiledDefinition | None) -> tuple[Problem, ...]:
        """What keeps a definition from being accepted; `known` is the same definition as it is served, if it is.

        Slow expressions are refused by all replicas as soon as one has said so in the status.
        """
        refused = self._refused.get(definition.name)
        if refused is not None and refused[0] == definition.spec:
            return refused[1]
        if _is_said_to_be_slow(definition) or (known is not None and _is_slow(known)):
            found: tuple[Problem, ...] = (_TOO_SLOW,)
        else:
            found = () if known is not None else problems(definition, self._annotations)
        if found:
            self._refused[definition.name] = definition.spec, found
        return found

    def _verdict(self, definition: RollupDefinition, taken: dict[str, str]) -> Verdict:
        known = self._compiled.get(definition.name)
        if known is not None and known.definition.spec != definition.spec:
            known = None
        if found := self._problems(definition, known):
            return Verdict(definition.metadata, found)
        conflict = _conflict(definition.spec.names, taken)
        if conflict is not None:
            return Verdict(definition.metadata, conflict=conflict)
        if len(set(taken.values())) >= MOST_SERVED + len(set(self._taken.values())):
            too_many = Problem("spec", f"{MOST_SERVED} other definitions are served already", "delete one of them")
            return Verdict(definition.metadata, (too_many,))
        taken.update(dict.fromkeys(_names(definition.spec.names), definition.name))
        return Verdict(definition.metadata, compiled=known if known is not None else compiled(definition))


def _rank(definition: RollupDefinition) -> tuple[bool, datetime, str]:
    conditions = definition.status.conditions
    is_established = any(one.type == "Established" and one.status == "True" for one in conditions)
    return not is_established, definition.metadata.creation_timestamp or _LAST, definition.name


def _is_slow(served: CompiledDefinition) -> bool:
    return served.expressions is not None and served.expressions.microseconds is not None


def _is_said_to_be_slow(definition: RollupDefinition) -> bool:
    generation = definition.metadata.generation
    return any(
        one.type == "Accepted" and one.observed_generation == generation and _TOO_SLOW.sentence in one.message
        for one in definition.status.conditions
        if generation
    )


def _names(names: Names) -> set[str]:
    """The names in discovery, and those of the schemas, of which a group has one by each name."""
    singular = names.kind.lower() if names.singular is UNSET else names.singular
    schemas = {f"{names.kind}{part}" for part in ("", "List", "Key", "Status")}
    return {*schemas, names.plural, singular, *names.short_names}


def _names_of_resource(resource: ComputedResource) -> set[str]:
    return {resource.kind, f"{resource.kind}List", resource.plural, resource.singular, *resource.short_names}


def _conflict(names: Names, taken: dict[str, str]) -> Problem | None:
    for name in sorted(_names(names)):
        if name in taken:
            return Problem("spec.names", f"{name!r} is a name of {taken[name]} already", "choose another name")
    return None
