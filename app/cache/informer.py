"""One informer: turns the news of a kind into changes, and knows how fresh they are.

It keeps no objects; it knows which keys a list in progress has not confirmed yet, and what is left of them at its
end counts as gone. Until a new list is whole, the objects of the last one stay.
"""

import asyncio
from collections.abc import Collection, Iterator
from typing import Any, Final

from app.kube.news import Complete, News, Objects, Relisting, Trouble
from app.vocabulary.resource import Key

Change = tuple[Key, Any]
"""(key, fact); a fact of None says that the object is gone."""


class Informer:
    """The state of one watched kind."""

    def __init__(self, resource: str) -> None:
        self.resource: Final = resource
        self.synced = False
        """Whether one list was whole."""
        self.refused: str | None = None
        """What the server said when it refused the last attempt, None when it did not refuse."""
        self.settled: Final = asyncio.Event()
        """Set once the kind is synced or refused: nothing more can be expected soon."""
        self._unconfirmed: set[Key] = set()
        """What was known when a list began and has not come again; an initial list has none."""

    def changes(self, news: News[Any], known: Collection[Key]) -> Iterator[Change]:
        """The changes that news of this kind mean, given the keys known so far."""
        match news:
            case Relisting():
                self._unconfirmed = set(known)
            case Objects(changes):
                if self._unconfirmed:
                    self._unconfirmed.difference_update(key for key, _ in changes)
                yield from changes
            case Complete():
                missing, self._unconfirmed = self._unconfirmed, set()
                yield from ((key, None) for key in missing)
                self.synced, self.refused = True, None
                self.settled.set()
            case Trouble(error, refused):
                self.refused = str(error) if refused else None
                if refused:
                    self.settled.set()
