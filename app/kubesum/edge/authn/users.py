"""Users as authentication establishes them; k8s.io/apiserver/pkg/authentication/user.Info."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

AUTHENTICATED: Final = "system:authenticated"
UNAUTHENTICATED: Final = "system:unauthenticated"
MASTERS: Final = "system:masters"
"""Members of this group may do everything, without a review."""


@dataclass(frozen=True, slots=True)
class User:
    """The user of a request; `from_front_proxy` if kube-apiserver named the user and has authorized the request."""

    name: str
    groups: tuple[str, ...] = ()
    uid: str = ""
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    from_front_proxy: bool = False

    @property
    def is_master(self) -> bool:
        """Whether the user is in the group system:masters."""
        return MASTERS in self.groups


ANONYMOUS: Final = User("system:anonymous", (UNAUTHENTICATED,))
