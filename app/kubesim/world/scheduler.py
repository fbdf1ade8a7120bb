"""Places pods on nodes, and says in the words of kube-scheduler why it cannot.

Invariant: a node that `find_node` returns is not cordoned, its taints are tolerated, its labels selected, and
everything that the pod asks for is free.
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
    """The scheduler of one cluster; `nodes` is the living map of its nodes by name."""

    def __init__(self, nodes: Mapping[str, NodeState], rng: Random) -> None:
        self._nodes: Final = nodes
        self._rng: Final = rng
        self._selected: Final[dict[tuple[tuple[str, str], ...], list[NodeState]]] = {}

    def invalidate_nodes(self) -> None:
        """To be called when nodes have come, gone or changed labels."""
        self._selected.clear()

    def find_node(self, template: PodTemplate) -> NodeState | None:
        """A node for one more pod of the plan, None if none has room.

        Any that fits will do, so that some nodes are fuller than others.
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
        wanted = tuple(sorted(template.node_selector.items()))
        if wanted not in self._selected:
            nodes = self._nodes.values()
            self._selected[wanted] = [node for node in nodes if template.node_selector.items() <= node.labels.items()]
        return self._selected[wanted]

    def fit_error(self, template: PodTemplate, reason: str = "") -> str:
        """Why no node can take a pod of the plan, as FitError of pkg/scheduler/framework writes it.

        `reason` is one besides resources and taints that every node gives which would have room.
        """
        reasons: Counter[str] = Counter()
        victims = 0
        for node in self._nodes.values():
            found = filter_reasons(node, template) or (reason,)
            reasons.update(found)
            victims += found[0].startswith(("Insufficient", "Too many"))
        total = len(self._nodes)
        said = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
        helpless = total - victims
        parts = [f"{victims} No preemption victims found for incoming pod"] if victims else []
        parts += [f"{helpless} Preemption is not helpful for scheduling"] if helpless else []
        nobody = f"0/{total} nodes are available"
        return f"{nobody}: {said}. preemption: {nobody}: {', '.join(parts)}."


def filter_reasons(node: NodeState, template: PodTemplate) -> tuple[str, ...]:
    """Why a node cannot take a pod: one reason, or one for each resource that is short; empty: it can."""
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
    """The first taint that keeps pods of the plan off the node; None if there is none."""
    if EVERY_TAINT in template.tolerated_taints:
        return None
    binding = (taint for taint in node.taints if taint.effect != "PreferNoSchedule")
    return next((taint for taint in binding if taint.key not in template.tolerated_taints), None)
