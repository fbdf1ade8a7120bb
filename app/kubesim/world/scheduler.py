"""Places pods on nodes, and says in the words of kube-scheduler why it cannot.

Invariant: a node that `place` returns is not cordoned, its taints are tolerated, its labels selected, and
everything that the pod asks for is free.
"""

from collections import Counter
from collections.abc import Mapping
from random import Random
from typing import Final

from kubesim.model.instancetypes import Taint
from kubesim.model.podtemplates import EVERY_TAINT, Plan
from kubesim.model.state import NodeState
from kubesim.quantities import PODS

_GLANCES: Final = 24


class Scheduler:
    """The scheduler of one cluster; `nodes` is the living map of its nodes by name."""

    def __init__(self, nodes: Mapping[str, NodeState], rng: Random) -> None:
        self._nodes: Final = nodes
        self._rng: Final = rng
        self._selected: Final[dict[tuple[tuple[str, str], ...], list[NodeState]]] = {}

    def forget_nodes(self) -> None:
        """To be called when nodes have come, gone or changed labels."""
        self._selected.clear()

    def place(self, plan: Plan) -> NodeState | None:
        """A node for one more pod of the plan, None if none has room.

        Any that fits will do, so that some nodes are fuller than others.
        """
        candidates = self._candidates(plan)
        if not candidates:
            return None
        for _ in range(_GLANCES):
            node = candidates[int(self._rng.random() * len(candidates))]
            if not refusals(node, plan):
                return node
        return next((node for node in candidates if not refusals(node, plan)), None)

    def _candidates(self, plan: Plan) -> list[NodeState]:
        wanted = tuple(sorted(plan.selects.items()))
        if wanted not in self._selected:
            nodes = self._nodes.values()
            self._selected[wanted] = [node for node in nodes if plan.selects.items() <= node.labels.items()]
        return self._selected[wanted]

    def verdict(self, plan: Plan, blocker: str = "") -> str:
        """Why no node can take a pod of the plan, as FitError of pkg/scheduler/framework writes it.

        `blocker` is a reason besides resources and taints that every node gives which would have room.
        """
        reasons: Counter[str] = Counter()
        victims = 0
        for node in self._nodes.values():
            found = refusals(node, plan) or (blocker,)
            reasons.update(found)
            victims += found[0].startswith(("Insufficient", "Too many"))
        total = len(self._nodes)
        said = ", ".join(sorted(f"{count} {reason}" for reason, count in reasons.items()))
        helpless = total - victims
        parts = [f"{victims} No preemption victims found for incoming pod"] if victims else []
        parts += [f"{helpless} Preemption is not helpful for scheduling"] if helpless else []
        nobody = f"0/{total} nodes are available"
        return f"{nobody}: {said}. preemption: {nobody}: {', '.join(parts)}."


def refusals(node: NodeState, plan: Plan) -> tuple[str, ...]:
    """Why a node cannot take a pod: one reason, or one for each resource that is short; empty: it can."""
    if node.cordoned and EVERY_TAINT not in plan.tolerates:
        return ("node(s) were unschedulable",)
    taint = untolerated(node, plan)
    if taint:
        return (f"node(s) had untolerated taint {{{taint.key}: {taint.value}}}",)
    if not plan.selects.items() <= node.labels.items():
        return ("node(s) didn't match Pod's node affinity/selector",)
    short = node.shortages(plan.demand)
    return tuple(["Too many pods" if name == PODS else f"Insufficient {name}" for name in short])


def untolerated(node: NodeState, plan: Plan) -> Taint | None:
    """The first taint that keeps pods of the plan off the node; None if there is none."""
    if EVERY_TAINT in plan.tolerates:
        return None
    binding = (taint for taint in node.taints if taint.effect != "PreferNoSchedule")
    return next((taint for taint in binding if taint.key not in plan.tolerates), None)
