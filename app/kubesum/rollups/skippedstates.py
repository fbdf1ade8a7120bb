"""The states that rows were in between two publications, and that this process never published.

Changes gather before they are published, and replicas gather at different times. So another replica may have
published a state that was skipped here, and a client that saw it there may continue its watch here: it is then sent
how that state ended. All other watches are spared skipped states.
"""

from collections.abc import Iterable, Sequence

from kubesum.rollups.rows import Row
from kubesum.vocabulary.resource import Key


class SkippedStates:
    """By key, the states since the published one; false once every change is published."""

    def __init__(self) -> None:
        # Tuples: a poll of usage changes tens of thousands of rows, most of which skip no state.
        self._by_key: dict[Key, tuple[Row | None, ...]] = {}
        self.is_recording = False

    def __bool__(self) -> bool:
        return bool(self._by_key)

    def start(self, changed: Iterable[Key]) -> None:
        """Records from now on; `changed` are the keys of rows that differ from what is published."""
        self.is_recording = True
        self._by_key = dict.fromkeys(changed, ())

    def stop(self) -> None:
        """Records nothing from now on."""
        self.is_recording = False
        self._by_key = {}

    def before_change(self, key: Key) -> Sequence[Row | None] | None:
        """The states of a row that is about to change, to which its present one is to be added.

        None where that is of no use: nothing is recorded yet, or the present state is the published one.
        """
        if not self.is_recording:
            return None
        states = self._by_key.get(key)
        if states is None:
            self._by_key[key] = ()
        return states

    def add(self, key: Key, state: Row | None) -> None:
        """Adds a state of a row of which `before_change` gave the states."""
        self._by_key[key] = (*self._by_key[key], state)

    def take(self, key: Key, changes_again: bool) -> Sequence[Row | None]:
        """The states of a row whose latest state is being published; None stands for its absence.

        `changes_again` says that it has changed since that latest state was computed.
        """
        states = self._by_key.pop(key, None)
        if states is None:
            return ()
        if changes_again:
            self._by_key[key] = ()
        elif not self._by_key:
            # An emptied dict keeps the memory of its fullest hour.
            self._by_key = {}
        return states
