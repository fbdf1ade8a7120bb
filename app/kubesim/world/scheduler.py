"""Finds nodes for pods, and the message of kube-scheduler where none fits.

Invariant: a node that `find_node` returns passes all filters: it is not cordoned, its taints are tolerated, the node
selector matches, and the requests fit.
"""

from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Final

from kubesim.model.instancetypes import Taint
from kubesim.model.podtemplates import EVERY_TAINT, PodTemplate
from kubesim.model.state import NodeState
from kubesim.quantities import PODS

_SAMPLES: Final = 24


class Scheduler:
    """The scheduler of one cluster; `nodes` is its map of nodes by name, which changes."""

    def __init__(self, nodes: Mapping[str, NodeState], rng: Random) -> None:
        self._nodes: Final = nodes
        self._rng: Final = rng
        self._selected: Final[dict[tuple[tuple[str, str], ...], list[NodeState]]] = {}

    def invalidate_nodes(self) -> None:
        """Drops the cached candidates; to be called when nodes were added, removed or relabelled."""
        self._selected.clear()

    def find_node(self, template: PodTemplate) -> NodeState | None:
        """A node that fits a pod of the template, None without one.

        It is a random one, so that nodes are not equally full.
        """
        candidates = self._candidates(template)
        if not candidates:
            return None
        for _ in range(_SAMPLES):
            node = candidates[int(self._rng.random() * len(candidates))]
            if not filter_reasons(node, template):
                return node
        return next((node for node in candidates if not filter_reasons(node, template)), None)

    def _candidates(self, template: PodTemplate) -> list[NodeState]:
        selector = tuple(sorted(template.node_selector.items()))
        if selector not in self._selected:
            nodes = self._nodes.values()
            self._selected[selector] = [
                node for node in nodes if template.node_selector.items() <= node.labels.items()
            ]
        return self._selected[selector]

    def fit_error(self, template: PodTemplate, reason: str = "") -> str:
        """Why no node fits a pod of the template, as FitError.Error of pkg/scheduler/framework.

        Nodes that pass all filters are counted with `reason`.
        """
        reasons: Counter[str] = Counter()
        victims = 0
        for node in self._nodes.values():
            found = filter_reasons(node, template) or (reason,)
            reasons.update(found)
            victims += found[0].startswith(("Insufficient", "Too many"))
        total = len(self._nodes)
        summary = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
        unhelpful = total - victims
        parts = [f"{victims} No preemption victims found for incoming pod"] if victims else []
        parts += [f"{unhelpful} Preemption is not helpful for scheduling"] if unhelpful else []
        total_text = f"0/{total} nodes are available"
        return f"{total_text}: {summary}. preemption: {total_text}: {', '.join(parts)}."


def filter_reasons(node: NodeState, template: PodTemplate) -> tuple[str, ...]:
    """Why a node does not fit a pod: one reason, or one for each insufficient resource; empty if it fits."""
    if node.cordoned and EVERY_TAINT not in template.tolerated_taints:
        return ("node(s) were unschedulable",)
    taint = untolerated_taint(node, template)
    if taint:
        return (f"node(s) had untolerated taint {{{taint.key}: {taint.value}}}",)
    if not template.node_selector.items() <= node.labels.items():
        return ("node(s) didn't match Pod's node affinity/selector",)
    short = node.insufficient_resources(template.effective_requests)
    return tuple(["Too many pods" if name == PODS else f"Insufficient {name}" for name in short])


def untolerated_taint(node: NodeState, template: PodTemplate) -> Taint | None:
    """The first taint of a node that the template does not tolerate, None without one."""
    if EVERY_TAINT in template.tolerated_taints:
        return None
    binding = (taint for taint in node.taints if taint.effect != "PreferNoSchedule")
    return next((taint for taint in binding if taint.key not in template.tolerated_taints), None)
