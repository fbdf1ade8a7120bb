"""RollupDefinitions in files."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from kubesum.commands.messages import warn
from kubesum.kube.deltas import Deltas, SourceEvent
from kubesum.kube.files import reading
from kubesum.rollupdefinitions.acceptance import UnreadableDefinition, Verdict
from kubesum.rollupdefinitions.definition import DEFINITION_PLURAL, RollupDefinition
from kubesum.rollupdefinitions.watched import WATCHED_DEFINITIONS
from kubesum.vocabulary.errors import UsageError
from kubesum.vocabulary.quoting import escaped

Definition = RollupDefinition | UnreadableDefinition


def read(path: Path) -> Sequence[Definition]:
    """The definitions in a file or folder; raises UsageError if there is none."""
    content = reading.read(path, (WATCHED_DEFINITIONS,))
    for sentence in content.left_out.sentences():
        warn(sentence)
    found = in_events(content.events[DEFINITION_PLURAL])
    if not found:
        raise UsageError(f"{path} holds no RollupDefinition of kubesum.dev/v1alpha1")
    return found


def in_events(events: Iterable[SourceEvent[Definition]]) -> Sequence[Definition]:
    """The definitions in the events of a file."""
    return [
        definition
        for event in events
        if isinstance(event, Deltas)
        for _, definition in event.changes
        if definition is not None
    ]


def sentences(verdict: Verdict) -> Sequence[str]:
    """What is wrong with a definition, in sentences of one line."""
    found = (*verdict.problems, *([verdict.conflict] if verdict.conflict is not None else []))
    name = verdict.metadata.name or "a definition without a name"
    return [escaped(f"{name}: {one.sentence}") for one in found]
