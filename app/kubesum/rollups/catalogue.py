"""The resources that are served now.

A catalogue is immutable and replaced as a whole when a resource is added or removed, so that a request sees one
consistent set from beginning to end.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import Final

from kubesum.rollups.store import Store
from kubesum.vocabulary.resource import ROLLUP_GROUP, VERSION

_ALWAYS_SERVED: Final = (ROLLUP_GROUP, VERSION)
"""Its kinds come and go. Without it in discovery, its APIService would be unavailable while there are none."""


@dataclass(frozen=True)
class Catalogue:
    """The stores of the served resources, by group, version and plural."""

    stores: tuple[Store, ...] = ()

    @cached_property
    def _by_path(self) -> dict[tuple[str, str, str], Store]:
        return {(c.resource.group, c.resource.version, c.resource.plural): c for c in self.stores}

    def find(self, group: str, version: str, plural: str) -> Store | None:
        """The store served below /apis/{group}/{version}/{plural}, None if there is none."""
        return self._by_path.get((group, version, plural))

    def in_version(self, group: str, version: str) -> tuple[Store, ...]:
        """The stores of one group and version, in order of plural; empty if it is not served."""
        return tuple(
            sorted(
                (c for c in self.stores if (c.resource.group, c.resource.version) == (group, version)),
                key=lambda store: store.resource.plural,
            )
        )

    def group_versions(self) -> tuple[tuple[str, str], ...]:
        """The served (group, version) pairs, sorted; one of them is served even without a resource."""
        return tuple(sorted({_ALWAYS_SERVED, *((c.resource.group, c.resource.version) for c in self.stores)}))
