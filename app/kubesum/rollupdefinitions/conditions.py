"""What the status of a definition says: pure functions from a verdict to the conditions.

All replicas say the same of the same definition: the sentences hold no names of replicas and no measured times, and a
condition keeps the time at which its status changed.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import msgspec

from kubesum.rollupdefinitions.acceptance import Verdict
from kubesum.rollupdefinitions.problems import Problem
from kubesum.rollupdefinitions.status import DefinitionCondition, Status

_SHOWN_PROBLEMS: Final = 10
_MOST_CHARACTERS: Final = 32_768
"""The maxLength of a message."""


@dataclass(frozen=True, slots=True)
class Served:
    """A kind that has all of its groups: the number of its groups, and how many of them have no row of their own."""

    groups: int
    without_row: int
    expression_errors: int


@dataclass(frozen=True, slots=True)
class _Said:
    type: str
    status: str
    reason: str
    message: str


def status(verdict: Verdict, served: Served | None, before: Status, now: datetime) -> Status:
    """The status of a definition; `served` is None while its kind is not served, `before` its status so far."""
    generation = verdict.metadata.generation
    known = {one.type: one for one in before.conditions}
    return Status(
        observed_generation=generation,
        groups=served.groups if served is not None else 0,
        expression_errors=served.expression_errors if served is not None else 0,
        conditions=tuple(_condition(said, generation, known.get(said.type), now) for said in _said(verdict, served)),
    )


def settled(one: Status) -> tuple[object, ...]:
    """What a change of the definition or of others changes, but no change of the cluster."""
    lasting = {it.type: (it.status, it.reason, it.message) for it in one.conditions if it.type != "Truncated"}
    return one.observed_generation, lasting


def content(one: Status) -> tuple[object, ...]:
    """All of a status in a form that is equal for equal ones: conditions are a map by type."""
    return one.observed_generation, one.groups, one.expression_errors, {it.type: it for it in one.conditions}


def encoded(name: str, resource_version: str, one: Status) -> bytes:
    """The object that server-side apply takes; it fails if the definition has changed since `resource_version`."""
    found = msgspec.to_builtins(one)
    # Zeros are stated, so that kubectl prints them.
    counts = {"groups": one.groups, "expressionErrors": one.expression_errors}
    return msgspec.json.encode(
        {
            "apiVersion": "kubesum.dev/v1alpha1",
            "kind": "RollupDefinition",
            "metadata": {"name": name, "resourceVersion": resource_version},
            "status": {**found, **counts},
        }
    )


def _condition(
    said: _Said, generation: int, before: DefinitionCondition | None, now: datetime
) -> DefinitionCondition:
    since = before.last_transition_time if before is not None and before.status == said.status else now
    found = {"type": said.type, "status": said.status, "reason": said.reason, "message": said.message}
    return msgspec.convert(
        {**found, "lastTransitionTime": since.replace(microsecond=0), "observedGeneration": generation},
        DefinitionCondition,
    )


def _said(verdict: Verdict, served: Served | None) -> Iterator[_Said]:
    if verdict.problems:
        yield _Said("Accepted", "False", "Invalid", _sentences(verdict.problems))
        yield _Said("NamesAccepted", "Unknown", "NotAccepted", "Names are compared once the definition is accepted.")
        yield _Said("Established", "False", "NotAccepted", "No kind is served: the definition is not accepted.")
        yield _Said("Truncated", "False", "NotServed", "No kind is served.")
        return
    yield _Said("Accepted", "True", "Valid", "The definition is valid.")
    if verdict.conflict is not None:
        yield _Said("NamesAccepted", "False", "NamesConflict", _sentences([verdict.conflict]))
        yield _Said("Established", "False", "NamesNotAccepted", "No kind is served: its names are not accepted.")
        yield _Said("Truncated", "False", "NotServed", "No kind is served.")
        return
    yield _Said("NamesAccepted", "True", "NoConflicts", "Nothing else has one of the names.")
    if verdict.compiled is None or served is None:
        yield _Said("Established", "False", "Computing", "The groups are being computed for the first time.")
        yield _Said("Truncated", "False", "NotServed", "No kind is served.")
        return
    yield _established(verdict.compiled.resource.resource_group)
    yield _truncated(served, verdict.compiled.definition.spec.limits.max_groups)


def _established(resource: str) -> _Said:
    message = (
        f"`kubectl get {resource}` works as soon as kube-apiserver and kubectl have refreshed discovery, "
        "which can take a minute."
    )
    return _Said("Established", "True", "Served", message)


def _truncated(served: Served, most: int) -> _Said:
    if not served.without_row:
        return _Said("Truncated", "False", "WithinLimit", "Every group has a row of its own.")
    message = (
        f"Only the first {most} groups have a row of their own, all others are added up in the row `other`; "
        "raise limits.maxGroups, or group by fewer keys."
    )
    return _Said("Truncated", "True", "TooManyGroups", message)


def _sentences(found: Sequence[Problem]) -> str:
    told = [f"{one.sentence}." for one in found[:_SHOWN_PROBLEMS]]
    if len(found) > _SHOWN_PROBLEMS:
        told.append(f"{len(found) - _SHOWN_PROBLEMS} more problems.")
    return " ".join(told)[:_MOST_CHARACTERS]
