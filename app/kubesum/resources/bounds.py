"""Bounds of what a summary lists, whatever the pods of a group bring together.

Each pod counts for a bounded number of resource names and reasons (kubesum.semantics.pods.bounds), but thousands of
pods, which one user may create in one namespace, can each bring others. A summary lists a bounded number of them and
the number or the sum of the rest, so that its size and the time to make it stay small. Which ones are listed depends
on the group's present members alone.
"""

from collections.abc import Collection, Iterable, Mapping
from heapq import nlargest, nsmallest
from typing import Final

from kubesum.semantics.pods.pending import OTHER

MOST_RESOURCES: Final = 256
"""Largest number of resource names in one list of a summary, besides those that its nodes have."""
MOST_REASONS: Final = 100
"""Largest number of reasons that a summary counts, the sum of the others included."""


def listed(amounts: Mapping[str, int], first: Iterable[str]) -> Mapping[str, int]:
    """The amounts that a summary lists: those of the names in `first`, then those without a prefix, then by name."""
    if len(amounts) <= MOST_RESOURCES:
        return amounts
    kept = dict.fromkeys(name for name in first if name in amounts)
    others = (
        *nsmallest(MOST_RESOURCES, (name for name in amounts if "/" not in name)),
        *nsmallest(MOST_RESOURCES, amounts),
    )
    for name in others:
        if len(kept) >= MOST_RESOURCES:
            break
        kept[name] = None
    return {name: amounts[name] for name in kept}


def left_out(amounts: Collection[str], first: Iterable[str]) -> int:
    """How many names `listed` leaves out."""
    if len(amounts) <= MOST_RESOURCES:
        return 0
    return len(amounts) - max(MOST_RESOURCES, len({name for name in first if name in amounts}))


def most_frequent(counts: Mapping[str, int]) -> Mapping[str, int]:
    """The reasons with the largest counts, of equal ones the first by name, and the sum of all others as `Other`."""
    if len(counts) <= MOST_REASONS:
        return counts
    named = dict(counts)
    named.pop(OTHER, None)
    # Names are compared only where counts are equal: a pair of both for each takes five times as long.
    smallest = nlargest(MOST_REASONS - 1, named.values())[-1]
    kept = {reason: count for reason, count in named.items() if count > smallest}
    equal = nsmallest(MOST_REASONS - 1 - len(kept), (reason for reason, count in named.items() if count == smallest))
    kept |= dict.fromkeys(equal, smallest)
    return {**kept, OTHER: sum(counts.values()) - sum(kept.values())}
