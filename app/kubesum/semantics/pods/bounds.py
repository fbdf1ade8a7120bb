"""Bounds of what one pod adds to summaries that everybody reads.

kube-apiserver takes a pod that requests twenty thousand extended resources, each with a name of its own, and every
sum over pods would list them all. So a pod counts for a bounded number of names, and how many are left out is part
of its facts. Natively known names come first; a real pod has a few.
"""

from collections.abc import Iterable
from typing import Final

import msgspec

from kubesum.semantics.pods.requests import EffectiveResources
from kubesum.vocabulary.quantity import CPU, MEMORY, PODS, ResourceList

MOST_RESOURCE_NAMES: Final = 32
"""Largest number of different resource names that one pod counts for, requests and limits taken together."""

_FIRST: Final = (CPU, MEMORY, PODS, "ephemeral-storage")


def bounded(resources: EffectiveResources) -> EffectiveResources:
    """The resources with MOST_RESOURCE_NAMES names at most, and the number of the others in `left_out`."""
    if len(resources.requests) + len(resources.limits) <= MOST_RESOURCE_NAMES:
        return resources
    names = {*resources.requests, *resources.limits}
    if len(names) <= MOST_RESOURCE_NAMES:
        return resources
    kept = frozenset(_in_order(names)[:MOST_RESOURCE_NAMES])
    return msgspec.structs.replace(
        resources,
        requests=_only(kept, resources.requests),
        limits=_only(kept, resources.limits),
        dynamic=tuple([entry for entry in resources.dynamic if entry[0] in kept]),
        left_out=len(names) - len(kept),
    )


def _in_order(names: Iterable[str]) -> list[str]:
    return sorted(names, key=lambda name: (name not in _FIRST, "/" in name, name))


def _only(names: frozenset[str], amounts: ResourceList) -> ResourceList:
    return ResourceList({name: value for name, value in amounts.items() if name in names})
