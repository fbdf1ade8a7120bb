"""CEL expressions over records, compiled once and evaluated once per change of a member.

They are evaluated by cel-expr-python, the CEL project's own runtime, which is an extra of the package (kubesum[cel]).
Each field of a record is a variable of its own with a type, `pod.phase`, so that an expression is checked when it is
compiled, and only the fields that it reads are handed to it.

What one evaluation can cost is bounded: by the length of the text, by the runtime's limits of nesting and iterations
(10,000), by the number of labels and images that are handed over, and by how much its macros can repeat, see
`growth`. It is some microseconds for a usual expression; a definition whose evaluations cost more than SLOW_S on
average is refused, and evaluated no more until then.

The result for a member is kept until that member is asked for again, which is when it leaves its group: so a change
evaluates the new member alone.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import islice
from time import perf_counter
from typing import Any, Final

from kubesum.rollupdefinitions.growth import MOST_GROWTH, growth
from kubesum.rollupdefinitions.records import MOST_LISTED, RECORDS, FieldType, RecordType, namespace_labels
from kubesum.semantics.facts import JoinedMember
from kubesum.vocabulary.quantity import CPU
from kubesum.vocabulary.resource import Key

NOT_INSTALLED: Final = "expressions need cel-expr-python, which is not installed here"
SLOW_S: Final = 0.001
"""Seconds that the expressions of a definition may take for one member, on average."""
_SLOW_TOTAL_S: Final = 0.5

_NAME: Final = re.compile(r"[A-Za-z_][A-Za-z_0-9]*(?:\.[A-Za-z_][A-Za-z_0-9]*)*")
_POSITION: Final = re.compile(r"ERROR: <input>:-?\d+:(-?\d+): (.*)")
_MILLI: Final = 1000

Read = Callable[[JoinedMember], Any]


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

    def reads(self, names: Iterable[str]) -> Mapping[str, Read]:
        """The functions that read these variables."""
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
        self._reads: Final = environment.reads(name for one in expressions for name in one.variables)
        self._kept: dict[Key, tuple[JoinedMember, tuple[Any, ...]]] = {}
        self.evaluations = 0
        """How often they were evaluated: once for each change of a member."""
        self._spent_s = 0.0
        self.failing = 0
        """Number of members for which some expression failed."""

    @property
    def reads_usage(self) -> bool:
        """Whether some expression depends on what a member uses."""
        return any(name.endswith(".usage") for name in self._reads)

    @property
    def microseconds(self) -> int | None:
        """Time that they take for one member on average, if that is too much; else None."""
        if self._spent_s < _SLOW_TOTAL_S or self._spent_s < SLOW_S * self.evaluations:
            return None
        return int(self._spent_s / self.evaluations * 1_000_000)

    def results(self, joined: JoinedMember, is_same: Callable[[JoinedMember, JoinedMember], bool]) -> tuple[Any, ...]:
        """The values of all expressions for a member, in order.

        `is_same` says whether two states of a member are equal to all expressions. Called with a member whose results
        are kept, it returns them and keeps them no longer.
        """
        kept = self._kept.pop(joined.key, None)
        if kept is not None:
            self._count(kept[1], -1)
            if kept[0] is joined or is_same(kept[0], joined):
                return kept[1]
        results = self._evaluated(joined)
        self._kept[joined.key] = (joined, results)
        self._count(results, 1)
        return results

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


def variables(record: RecordType) -> Mapping[str, tuple[FieldType, Read]]:
    """The variables that expressions over a record type can read: type and value of each, by name."""
    of = record.variable
    found: dict[str, tuple[FieldType, Read]] = {
        f"{of}.{name}": (one.type, one.read) for name, one in record.fields.items()
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
        found["ns.labels"] = FieldType.LABELS, _bounded(namespace_labels)
    return found


def _part(workload: Callable[[JoinedMember], tuple[str, str, str]], position: int) -> Read:
    return lambda joined: workload(joined)[position]


def _bounded(labels: Callable[[JoinedMember], Mapping[str, str]]) -> Read:
    def read(joined: JoinedMember) -> dict[str, str]:
        found = labels(joined)
        return dict(found) if len(found) <= MOST_LISTED else dict(islice(sorted(found.items()), MOST_LISTED))

    return read


def _amounts(of: Callable[[JoinedMember], Mapping[str, int] | None]) -> Read:
    """Amounts as numbers: cores, bytes, units."""

    def read(joined: JoinedMember) -> dict[str, float]:
        found = of(joined) or {}
        return {name: value / _MILLI if name == CPU else float(value) for name, value in found.items()}

    return read


_OF_NODE: Final[Mapping[str, tuple[FieldType, Read]]] = {
    "node.labels": (FieldType.LABELS, _bounded(lambda one: one.node.labels if one.node else {})),
    "node.ready": (FieldType.BOOL, lambda one: one.node is not None and one.node.ready == "True"),
    "node.schedulable": (FieldType.BOOL, lambda one: one.node is not None and not one.node.unschedulable),
    "node.allocatable": (FieldType.AMOUNTS, _amounts(lambda one: one.node.allocatable if one.node else None)),
}
"""What expressions over pods can read of the pod's node; nothing while it has none."""
