"""One informer: turns the news of a kind into changes, and knows how fresh they are.

It keeps no objects; it knows which keys of a list in progress were seen, so that what is missing at its end
counts as gone. Until a new list is whole, the objects of the last one stay.
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
        self._seen: set[Key] | None = None

    def changes(self, news: News[Any], known: Collection[Key]) -> Iterator[Change]:
        """The changes that news of this kind mean, given the keys known so far."""
        match news:
            case Relisting():
                self._seen = set()
            case Objects(changes):
                if self._seen is not None:
                    self._note(self._seen, changes)
                yield from changes
            case Complete():
                yield from self._missing(known)
                self._seen = None
                self.synced, self.refused = True, None
                self.settled.set()
            case Trouble(error, refused):
                self.refused = str(error) if refused else None
                if refused:
                    self.settled.set()

    def _note(self, seen: set[Key], changes: list[Change]) -> None:
        for key, fact in changes:
            if fact is None:
                seen.discard(key)
            else:
                seen.add(key)

    def _missing(self, known: Collection[Key]) -> Iterator[Change]:
        if self._seen is None:
            return
        for key in [key for key in known if key not in self._seen]:
            yield key, None
