"""The pods of each node, as the pods' specs name it: of nodes that exist and of others."""

from collections.abc import Collection
from typing import Final

from kubesum.vocabulary.resource import Key

MOST_IN_LIST: Final = 512
"""A node has some hundred pods: a list of them is searched fast, and takes a fifth of a dict.

But any number of pods may name one node, whether it exists or not.
"""


class NodeIndex:
    """The keys of pods by the name of their node."""

    def __init__(self) -> None:
        self._pods: Final[dict[str, list[Key] | dict[Key, None]]] = {}

    def pods_of(self, node: str) -> Collection[Key]:
        """The pods of a node, in no particular order."""
        return self._pods.get(node, ())

    def add(self, node: str, pod: Key) -> None:
        """Adds a pod that the index does not have."""
        pods = self._pods.setdefault(node, [])
        if isinstance(pods, dict):
            pods[pod] = None
        elif len(pods) < MOST_IN_LIST:
            pods.append(pod)
        else:
            self._pods[node] = dict.fromkeys((*pods, pod))

    def remove(self, node: str, pod: Key) -> None:
        """Removes a pod that the index has."""
        pods = self._pods[node]
        if isinstance(pods, dict):
            del pods[pod]
        else:
            pods.remove(pod)
        if not pods:
            del self._pods[node]
