"""What is logged of objects that cannot be read: each of them once, however often it is sent."""

import logging
from dataclasses import dataclass, replace
from typing import Final

from kubesum.vocabulary.resource import Key

log = logging.getLogger(__name__)

_MOST_LOGGED: Final = 1000
"""Objects of one kind that are named in the log."""
_LONGEST_REASON: Final = 200


@dataclass(frozen=True, slots=True)
class Unread:
    """An object that cannot be read and counts as absent, or is read without some of its parts."""

    key: Key
    """Empty names where the object has none that can be read."""
    reason: str
    """Which part, and why."""
    is_part: bool = False
    """Only the parts that the reason names are missing."""

    @property
    def name(self) -> str:
        """`namespace/name`, or the name alone; empty where the object has none."""
        return "/".join(filter(None, self.key))


class ObjectErrorLog:
    """The log of one source, by the plural of its kind."""

    def __init__(self, resource: str) -> None:
        self._resource: Final = resource
        self._logged: Final[set[Unread]] = set()
        self._left_out: Final[set[Key]] = set()

    def report(self, unread: Unread) -> None:
        """Logs an object, unless it was logged with the same reason before."""
        if not unread.is_part:
            self._left_out.add(unread.key)
        unread = replace(unread, reason=unread.reason[:_LONGEST_REASON])
        if unread in self._logged or len(self._logged) >= _MOST_LOGGED:
            return
        self._logged.add(unread)
        log.warning(
            "object read in part" if unread.is_part else "object cannot be read",
            extra={"resource": self._resource, "object": unread.name, "reason": unread.reason},
        )

    def list_started(self) -> None:
        """Counts anew from here."""
        self._left_out.clear()

    def synced(self) -> None:
        """Logs how many objects of a list could not be read, if any."""
        if self._left_out:
            log.warning("objects left out", extra={"resource": self._resource, "count": len(self._left_out)})
