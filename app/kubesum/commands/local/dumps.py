"""The list-watches of files that hold the objects of a cluster.

The kubelets' versions decide by which rule pods that are resized are counted, as by the cluster's scheduler. Nodes
may come after pods in the files, so the facts of pods are kept by either rule until all is read; those of nearly all
pods are equal.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from kubesum.commands.definitions import Definition, in_events
from kubesum.kube.deltas import Deltas, SourceEvent, WatchedResource
from kubesum.kube.files import reading
from kubesum.rollupdefinitions.definition import DEFINITION_PLURAL
from kubesum.rollupdefinitions.watched import WATCHED_DEFINITIONS
from kubesum.semantics.facts import NodeFacts, PodFacts
from kubesum.semantics.interner import Interner
from kubesum.semantics.pods.resizes import ResizeRule, resize_rule_beside
from kubesum.semantics.watchedresources import watched_pods, watched_resources
from kubesum.server.runtime import ListWatch

FactsByRule = tuple[PodFacts, ...]
"""The facts of one pod by each ResizeRule, in their order, or once if they are all equal."""


def read(path: Path, annotations: Sequence[str] = ()) -> reading.Content:
    """The objects in files; pods with facts by every rule, and with these annotations.

    Raises UsageError as `reading.read` does.
    """
    _, *others = watched_resources(Interner())
    return reading.read(path, (_pods_by_every_rule(annotations), *others, WATCHED_DEFINITIONS))


def definitions(content: reading.Content) -> Sequence[Definition]:
    """The RollupDefinitions that `read` found."""
    return in_events(content.events[DEFINITION_PLURAL])


def list_watches(content: reading.Content) -> dict[str, ListWatch]:
    """The list-watches of what `read` found, which end; pods are counted by the rule that fits the nodes."""
    rule = resize_rule_beside(node.kubelet_version for node in _facts(content.events["nodes"]))
    pods = [_by_rule(event, rule) for event in content.events["pods"]]
    counted = replace(content, events={**content.events, "pods": pods})
    return {
        resource: partial(counted.list_watch, resource)
        for resource in counted.events
        if resource != DEFINITION_PLURAL
    }


def _pods_by_every_rule(annotations: Sequence[str]) -> WatchedResource[FactsByRule]:
    interner = Interner()
    by_rule: list[WatchedResource[Any]] = [watched_pods(interner, rule, annotations) for rule in ResizeRule]
    # The views of all have the same fields.
    view, transforms = by_rule[0].view, [one.transform for one in by_rule]

    def transform(view: Any) -> FactsByRule:
        first, *others = [transform(view) for transform in transforms]
        return (first,) if all(facts == first for facts in others) else (first, *others)

    return replace(by_rule[0], view=view, transform=transform)


def _facts(events: Iterable[SourceEvent[Any]]) -> Iterator[NodeFacts]:
    for event in events:
        if isinstance(event, Deltas):
            yield from (facts for _, facts in event.changes if facts is not None)


def _by_rule(event: SourceEvent[Any], rule: ResizeRule) -> SourceEvent[Any]:
    if not isinstance(event, Deltas):
        return event
    position = list(ResizeRule).index(rule)
    return Deltas([(key, facts[min(position, len(facts) - 1)]) for key, facts in event.changes if facts is not None])
