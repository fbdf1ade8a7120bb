"""Who asks: a caller as authentication established it.

k8s.io/apiserver/pkg/authentication/user.Info.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

AUTHENTICATED: Final = "system:authenticated"
UNAUTHENTICATED: Final = "system:unauthenticated"
MASTERS: Final = "system:masters"
"""Who is in this group may do everything, and nobody is asked about it."""


@dataclass(frozen=True, slots=True)
class User:
    """A caller. `from_front_proxy` says that kube-apiserver vouches for them, and let this request pass already."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    from_front_proxy: bool = False

    @property
    def is_master(self) -> bool:
        """Whether the caller may do everything."""
        return MASTERS in self.groups


ANONYMOUS: Final = User("system:anonymous", (UNAUTHENTICATED,))
