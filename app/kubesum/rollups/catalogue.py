"""The resources that are served now.

A catalogue is immutable and replaced as a whole when a resource is added or removed, so that a request sees one
consistent set from beginning to end.
"""

from dataclasses import dataclass
from functools import cached_property

from kubesum.rollups.store import Store


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
        """The served (group, version) pairs, sorted."""
        return tuple(sorted({(c.resource.group, c.resource.version) for c in self.stores}))
