"""CEL expressions over records, compiled once and evaluated once per change of what they read of a member.

They are evaluated by cel-expr-python, the CEL project's own runtime, which is an extra of the package (kubesum[cel]).
Each field of a record is a variable of its own with a type, `pod.phase`, so that an expression is checked when it is
compiled, and only the fields that it reads are handed to it.

What one evaluation can cost is bounded: by the length of the text, by the runtime's limits of nesting and iterations
(10,000), by the number of labels and images that are handed over, and by how much its macros can repeat, see
`growth`. It is some microseconds for a usual expression; a definition whose evaluations cost more than SLOW_S on
average is refused, and evaluated no more until then.

The result for a member is kept until that member is asked for again, which is when it leaves its group: so a change
evaluates the new member alone, and not even that if nothing that the expressions read has changed.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import islice
from operator import attrgetter
from time import perf_counter
from typing import Any, Final

from kubesum.rollupdefinitions.growth import MOST_GROWTH, growth
from kubesum.rollupdefinitions.records import (
    MOST_LISTED,
    NAMESPACE_LABELS,
    RECORDS,
    FieldType,
    Reading,
    RecordType,
)
from kubesum.semantics.facts import JoinedMember, NodeFacts
from kubesum.vocabulary.quantity import CPU
from kubesum.vocabulary.resource import Key

NOT_INSTALLED: Final = "expressions need cel-expr-python, which is not installed here"
SLOW_S: Final = 0.001
"""Seconds that the expressions of a definition may take for one member, on average."""
_SLOW_TOTAL_S: Final = 0.5
"""Seconds that they must have taken in total before their average counts."""

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)*")
_POSITION: Final = re.compile(r"ERROR: <input>:-?\d+:(-?\d+): (.*)")
_MILLI: Final = 1000


class InvalidExpression(Exception):  # an answer to whoever wrote it
    """An expression does not compile; the message is the end of a sentence."""


class Failed:
    """The value of an expression that failed at run time."""


FAILED: Final = Failed()


def is_installed() -> bool:
    """Whether the runtime can be imported; does not import it."""
    return find_spec("cel_expr_python") is not None


class Environment:
    """The variables that expressions over one record type can read, and the compiler of such expressions."""

    def __init__(self, record: RecordType) -> None:
        # Imported here: it is an extra, and takes a tenth of a second.
        from cel_expr_python import cel  # noqa: PLC0415

        self._types: Final = {
            FieldType.STRING: cel.Type.STRING,
            FieldType.BOOL: cel.Type.BOOL,
            FieldType.INT: cel.Type.INT,
            FieldType.TIME: cel.Type.TIMESTAMP,
            FieldType.STRINGS: cel.Type.List(cel.Type.STRING),
            FieldType.LABELS: cel.Type.Map(cel.Type.STRING, cel.Type.STRING),
            # Dynamic, so that a number can be compared with 2 as well as with 2.0.
            FieldType.AMOUNTS: cel.Type.Map(cel.Type.STRING, cel.Type.DYN),
        }
        self._variables: Final = variables(record)
        self._error: Final = cel.Type.ERROR
        self._env: Final = cel.NewEnv(
            variables={name: self._types[type_] for name, (type_, _) in self._variables.items()}
        )

    def compiled(self, text: str, wanted: FieldType) -> "Expression":
        """An expression whose value has the type `wanted`; raises InvalidExpression."""
        try:
            program = self._env.compile(text)
        except (RuntimeError, ValueError) as error:
            raise InvalidExpression(self._reason(str(error), text)) from error
        found = program.return_type()
        if found != self._types[wanted]:
            raise InvalidExpression(f"its value is of type {found.name().lower()}, and must be {wanted.value}")
        if (times := growth(text)) > MOST_GROWTH:
            many = f"{times:,} times" if times < 10**9 else "more than a billion times"
            raise InvalidExpression(
                f"its macros may repeat what they are given {many}, and at most {MOST_GROWTH:,} is allowed"
            )
        names = [name for name in dict.fromkeys(_NAME.findall(text)) for name in self._read(name)]
        return Expression(program, self._error, names)

    def activation(self, values: Mapping[str, Any]) -> Any:
        """The values of variables, as expressions take them."""
        return self._env.Activation(values)

    def reads(self, names: Iterable[str]) -> Mapping[str, Reading]:
        """How these variables are read."""
        return {name: self._variables[name][1] for name in names}

    def _read(self, name: str) -> Iterable[str]:
        """The variable that a dotted name in an expression begins with."""
        parts = name.split(".")
        found = (".".join(parts[:length]) for length in range(len(parts), 0, -1))
        return islice((one for one in found if one in self._variables), 1)

    def _reason(self, error: str, text: str) -> str:
        found = _POSITION.search(error)
        if found is None:
            return error.partition(" [")[0].partition("\n")[0] or "it cannot be compiled"
        column, what = found.groups()
        what = what.partition(" (in container")[0].removesuffix(" [INVALID_ARGUMENT]")
        undeclared = re.search(r"undeclared reference to '([^']*)'", what)
        if undeclared is not None and undeclared[1].split(".")[0] in {name.split(".")[0] for name in self._variables}:
            of = undeclared[1].split(".")[0]
            known = ", ".join(sorted(name for name in self._variables if name.startswith(f"{of}.")))
            return f"{undeclared[1]!r} does not exist; those that do are {known}"
        return what if column.startswith("-") else f"at character {int(column) + 1}: {what}"


class Expression:
    """One compiled expression."""

    def __init__(self, program: Any, error: Any, variables: Sequence[str]) -> None:
        """`variables` are those that it reads; `error` is the type of a failed evaluation."""
        self._program: Final = program
        self._error: Final = error
        self.variables: Final = variables

    def value(self, activation: Any) -> Any:
        """Its value, FAILED if there is none."""
        try:
            found = self._program.eval(activation)
            return FAILED if found.type() == self._error else found.value()
        except (RuntimeError, ValueError, TypeError):
            # Such as an exceeded limit of iterations.
            return FAILED


@cache
def environment(source: str) -> Environment:
    """The environment of one source, made once."""
    return Environment(RECORDS[source])


class Expressions:
    """All expressions of one definition, and their results for the members that are counted now."""

    def __init__(self, environment: Environment, expressions: Sequence[Expression]) -> None:
        self._environment: Final = environment
        self._expressions: Final = expressions
        reads = environment.reads(name for one in expressions for name in one.variables)
        self._reads: Final = {name: one.of for name, one in reads.items()}
        self.paths: Final = tuple(sorted({path for one in reads.values() for path in one.paths}))
        """The attributes of a member that they depend on."""
        self._inputs: Final = [attrgetter(path) for path in self.paths]
        self._kept: dict[Key, tuple[JoinedMember, tuple[Any, ...]]] = {}
        self._last: tuple[JoinedMember, tuple[Any, ...]] | None = None
        self.evaluations = 0
        """How often they were evaluated: once at most for each change of a member."""
        self._spent_s = 0.0
        self.failing = 0
        """Number of members for which some expression failed."""

    def again(self) -> "Expressions":
        """The same expressions, whose results for members are kept apart from these."""
        return Expressions(self._environment, self._expressions)

    @property
    def microseconds(self) -> int | None:
        """Time that they take for one member on average, if that is too much; else None."""
        if self._spent_s < _SLOW_TOTAL_S or self._spent_s < SLOW_S * self.evaluations:
            return None
        return int(self._spent_s / self.evaluations * 1_000_000)

    def results(self, joined: JoinedMember) -> tuple[Any, ...]:
        """The values of all expressions for a member, in order.

        Called with a member whose results are kept, it returns them and keeps them no longer: so a fold must ask once
        for the old state of a member, and then once for the new one.
        """
        kept = self._kept.pop(joined.key, None)
        if kept is not None:
            self._count(kept[1], -1)
            if self._is_same(kept[0], joined):
                self._last = kept
                return kept[1]
        if self._last is None or not self._is_same(self._last[0], joined):
            self._last = joined, self._evaluated(joined)
        results = self._last[1]
        self._kept[joined.key] = joined, results
        self._count(results, 1)
        return results

    def _is_same(self, one: JoinedMember, other: JoinedMember) -> bool:
        """Whether two members, or two states of one, are the same to all expressions."""
        return one is other or all([read(one) == read(other) for read in self._inputs])

    def _count(self, results: tuple[Any, ...], sign: int) -> None:
        if FAILED in results:
            self.failing += sign

    def _evaluated(self, joined: JoinedMember) -> tuple[Any, ...]:
        if self.microseconds is not None:
            # It is about to be refused. Without its turn, thousands of members would hold the event loop for minutes.
            return (FAILED,) * len(self._expressions)
        began = perf_counter()
        activation = self._environment.activation({name: read(joined) for name, read in self._reads.items()})
        results = tuple([one.value(activation) for one in self._expressions])
        self.evaluations += 1
        self._spent_s += perf_counter() - began
        return results


def variables(record: RecordType) -> Mapping[str, tuple[FieldType, Reading]]:
    """The variables that expressions over a record type can read: type and value of each, by name."""
    of = record.variable
    found: dict[str, tuple[FieldType, Reading]] = {
        f"{of}.{name}": (one.type, one.value) for name, one in record.fields.items()
    }
    found[f"{of}.labels"] = FieldType.LABELS, _bounded(record.labels)
    if record.annotations is not None:
        found[f"{of}.annotations"] = FieldType.LABELS, _bounded(record.annotations)
    for name, read in record.amounts.items():
        found[f"{of}.{name}"] = FieldType.AMOUNTS, _amounts(read)
    if record.workload is not None and of != "workload":
        for position, part in enumerate(("kind", "name", "group")):
            found[f"{of}.workload.{part}"] = FieldType.STRING, _part(record.workload, position)
    if of == "pod":
        found |= _OF_NODE
    if of != "node":
        found["ns.labels"] = FieldType.LABELS, _bounded(NAMESPACE_LABELS)
    return found


def _part(workload: Reading, part: int) -> Reading:
    read = workload.of
    return Reading(lambda joined: read(joined)[part], workload.paths)


def _bounded(labels: Reading) -> Reading:
    of = labels.of

    def read(joined: JoinedMember) -> dict[str, str]:
        found = of(joined)
        return dict(found) if len(found) <= MOST_LISTED else dict(islice(sorted(found.items()), MOST_LISTED))

    return Reading(read, labels.paths)


def _amounts(amounts: Reading) -> Reading:
    """Amounts as numbers: cores, bytes, units."""
    of = amounts.of

    def read(joined: JoinedMember) -> dict[str, float]:
        found = of(joined) or {}
        return {name: value / _MILLI if name == CPU else float(value) for name, value in found.items()}

    return Reading(read, amounts.paths)


def _of_node(read: Callable[[NodeFacts], Any], without: Any) -> Reading:
    """What is read of the node of a pod, and what it is while the pod has none."""
    return Reading(lambda one: without if one.node is None else read(one.node), ("node",))


_OF_NODE: Final[Mapping[str, tuple[FieldType, Reading]]] = {
    "node.labels": (FieldType.LABELS, _bounded(_of_node(attrgetter("labels"), {}))),
    "node.ready": (FieldType.BOOL, _of_node(lambda node: node.ready == "True", False)),
    "node.schedulable": (FieldType.BOOL, _of_node(lambda node: not node.unschedulable, False)),
    "node.allocatable": (FieldType.AMOUNTS, _amounts(_of_node(attrgetter("allocatable"), None))),
}
"""What expressions over pods can read of the pod's node; nothing while it has none."""
