"""The pods of each node, also of one that very many pods name."""

import random

from hypothesis import given, settings
from hypothesis import strategies as st

from kubesum.cache.nodeindex import NodeIndex


class Name(str):
    """A name that counts how often one is compared."""

    comparisons = 0

    def __eq__(self, other: object) -> bool:
        Name.comparisons += 1
        return str.__eq__(self, other)

    __hash__ = str.__hash__


@settings(max_examples=20)
@given(st.sampled_from([1, 511, 512, 513, 1500]), st.randoms(use_true_random=False))
def test_the_index_holds_what_was_added_and_not_removed(size: int, chance: random.Random) -> None:
    index = NodeIndex()
    pods = [("blue", f"p{n}") for n in range(size)]
    for pod in pods:
        index.add("n0", pod)
        index.add("n1", pod)
    chance.shuffle(pods)
    gone, left = pods[: size // 2], pods[size // 2 :]
    for pod in gone:
        index.remove("n0", pod)

    assert sorted(index.pods_of("n0")) == sorted(left)
    assert sorted(index.pods_of("n1")) == sorted(pods)
    for pod in left:
        index.remove("n0", pod)
    assert list(index.pods_of("n0")) == []


def test_removing_pods_from_a_node_that_thousands_name_compares_few() -> None:
    """Any number of pods may name one node: each of their deletions searched all others."""
    index = NodeIndex()
    pods = [("blue", Name(f"p{n}")) for n in range(5000)]
    for pod in pods:
        index.add("lost", pod)
    Name.comparisons = 0

    for _, name in reversed(pods):
        index.remove("lost", ("blue", Name(str(name))))

    assert Name.comparisons < 3 * len(pods)
