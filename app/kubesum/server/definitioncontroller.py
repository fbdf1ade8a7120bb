"""The controller of RollupDefinitions: from their list and watch to kinds that are served, and to their status.

Every replica serves the same kinds and computes the same status; none is elected. The status is written by
server-side apply with the resourceVersion that it was computed for. So of two replicas that see the same change one
writes, the other gets a conflict, and finds with the next event that the status is the one it computed.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from kubesum.kube.deltas import Deltas, ListStarted, SourceEvent, Synced, WatchError
from kubesum.operations.metrics import DEFINITION_STATUS_WRITES
from kubesum.rollupdefinitions.acceptance import UnreadableDefinition, Verdict
from kubesum.rollupdefinitions.conditions import content, encoded, settled, status
from kubesum.rollupdefinitions.definition import RollupDefinition
from kubesum.rollupdefinitions.status import Status
from kubesum.server.definedkinds import DefinedKinds
from kubesum.vocabulary.errors import UpstreamError

log = logging.getLogger(__name__)

Definition = RollupDefinition | UnreadableDefinition
ApplyStatus = Callable[[str, bytes], Awaitable[bool]]
"""Applies the status of the definition with this name; False if it has changed, or is gone. Raises UpstreamError."""

GATHER_S: Final = 0.05
"""How long events gather before kinds are added and removed."""
COMPUTING_S: Final = 0.1
"""How often it is looked whether the first rows of a kind are computed."""
IDLE_S: Final = 5.0
"""How often the numbers of groups are looked at otherwise."""
COUNTS_S: Final = 30.0
"""How long a status stays as it is when only the numbers in it, which the cluster changes, would differ."""
STARTING_S: Final = 5.0
"""How long a definition is left without an answer while its rows are computed, so that the first one is the last."""
BACKOFF_S: Final = (1.0, 60.0)
"""After a write that failed, or that did not last: the first pause, which doubles, and the longest one."""


@dataclass(frozen=True, slots=True)
class DefinitionsApi:
    """The part of the API server that the controller uses."""

    list_watch: Callable[[], AsyncIterator[SourceEvent[Definition]]]
    apply_status: ApplyStatus | None
    """None where the status is not this process' to write: what is wrong with definitions is logged then."""
    given: Sequence[Definition] = ()
    """Definitions beside those that are listed, in place of any that has the same name."""


@dataclass(slots=True)
class _Writing:
    """What is kept of one definition between writes of its status; times are those of the event loop."""

    seen: Status
    seen_at: float
    generation: int
    since: float
    """When this generation was first seen."""
    written: tuple[object, ...] = ()
    failures: int = 0
    not_before: float = 0.0


@dataclass(slots=True)
class _Found:
    """The definitions by name, and those of a list that is not complete."""

    current: dict[str, Definition] = field(default_factory=dict)
    listing: dict[str, Definition] | None = None

    def apply(self, event: SourceEvent[Definition]) -> bool:
        """Takes an event in; returns whether the definitions that exist may be others now."""
        match event:
            case ListStarted():
                self.listing = {}
                return False
            case Deltas(changes):
                target = self.current if self.listing is None else self.listing
                for (_, name), definition in changes:
                    if definition is None:
                        target.pop(name, None)
                    else:
                        target[name] = definition
                return self.listing is None and bool(changes)
            case Synced():
                self.current, self.listing = self.listing or {}, None
                return True
        return False


class DefinitionController:
    """Serves the kinds of the definitions that exist, and writes the status of these."""

    def __init__(self, api: DefinitionsApi, kinds: DefinedKinds, now: Callable[[], float]) -> None:
        """`now` gives seconds since 1970."""
        self._api: Final = api
        self._kinds: Final = kinds
        self._now: Final = now
        self._found: Final = _Found()
        self._changed: Final = asyncio.Event()
        self._is_listed = False
        self._writing: Final[dict[str, _Writing]] = {}
        self._refusals: set[tuple[str, str]] = set()
        self._failure = ""
        self.started: Final = asyncio.Event()
        """Set once the kinds of the first list are added, or it is refused: the resource may not be installed."""

    async def run(self) -> None:
        """Follows the definitions until cancelled."""
        # What is wrong with definitions in files was reported when they were read.
        self._refusals = _refusals(self._kinds.verdicts)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow(), name="definitions")
            tasks.create_task(self._reconcile_forever(), name="definition kinds")

    async def _follow(self) -> None:
        async for event in self._api.list_watch():
            if isinstance(event, Synced) or (isinstance(event, WatchError) and event.refused):
                self._is_listed = True
                self._changed.set()
            if self._found.apply(event):
                self._changed.set()

    async def _reconcile_forever(self) -> None:
        pause_s = IDLE_S
        while True:
            try:
                async with asyncio.timeout(pause_s):
                    await self._changed.wait()
                await asyncio.sleep(GATHER_S)
                self._changed.clear()
                given = {one.metadata.name: one for one in self._api.given}
                self._kinds.update(list({**self._found.current, **given}.values()))
                if self._is_listed:
                    self.started.set()
            except TimeoutError:
                self._kinds.refuse_slow()
            pause_s = await self._write_statuses()

    async def _write_statuses(self) -> float:
        """Writes each status that is due; returns after how many seconds to look again."""
        apply_status = self._api.apply_status
        if apply_status is None:
            self._log_refusals()
            return IDLE_S
        found = self._found.current
        for name in [name for name in self._writing if name not in found]:
            del self._writing[name]
        pauses = [IDLE_S]
        for verdict in self._kinds.verdicts:
            if (definition := found.get(verdict.metadata.name)) is not None:
                pauses.append(await self._write_status(verdict, definition, apply_status))
        return min(pauses)

    async def _write_status(self, verdict: Verdict, definition: Definition, apply_status: ApplyStatus) -> float:
        loop_now = asyncio.get_running_loop().time()
        writing = self._writing_of(definition, loop_now)
        served = self._kinds.served(verdict.compiled) if verdict.compiled is not None else None
        before = definition.status
        if verdict.compiled is not None and served is None:
            # Another replica may serve it already: the status that it wrote holds.
            is_answered = before.observed_generation == definition.metadata.generation
            if is_answered or loop_now < writing.since + STARTING_S:
                return COMPUTING_S
        wanted = status(verdict, served, before, datetime.fromtimestamp(self._now(), UTC))
        if content(wanted) == content(before):
            return IDLE_S
        due_at = writing.not_before
        if settled(wanted) == settled(before):
            due_at = max(due_at, writing.seen_at + COUNTS_S)
        if loop_now < due_at:
            return min(IDLE_S, due_at - loop_now)
        await self._apply(definition, wanted, writing, apply_status)
        return COMPUTING_S if verdict.compiled is not None and served is None else IDLE_S

    def _writing_of(self, definition: Definition, loop_now: float) -> _Writing:
        name, generation = definition.metadata.name, definition.metadata.generation
        writing = self._writing.get(name)
        if writing is None:
            writing = _Writing(definition.status, loop_now, generation, loop_now)
            self._writing[name] = writing
        if writing.generation != generation:
            writing.generation, writing.since = generation, loop_now
        if writing.seen != definition.status:
            writing.seen, writing.seen_at = definition.status, loop_now
        return writing

    async def _apply(
        self, definition: Definition, wanted: Status, writing: _Writing, apply_status: ApplyStatus
    ) -> None:
        metadata = definition.metadata
        said = settled(wanted)
        loop_now = asyncio.get_running_loop().time()
        body = encoded(metadata.name, metadata.resource_version, wanted)
        try:
            is_applied = await apply_status(metadata.name, body)
        except UpstreamError as error:
            self._failed(writing, loop_now, str(error))
            return
        DEFINITION_STATUS_WRITES.labels("success" if is_applied else "conflict").inc()
        # A conflict means that it was changed or deleted, most often by another replica: an event follows.
        if is_applied:
            # A writer that overwrites the status each time is answered ever more slowly.
            writing.failures = writing.failures + 1 if writing.written == said else 0
            writing.written = said
            self._log_transition("")
        writing.not_before = loop_now + _backoff_s(writing.failures)

    def _failed(self, writing: _Writing, loop_now: float, reason: str) -> None:
        DEFINITION_STATUS_WRITES.labels("error").inc()
        writing.failures += 1
        writing.not_before = loop_now + _backoff_s(writing.failures)
        self._log_transition(reason)

    def _log_transition(self, failure: str) -> None:
        if failure and failure != self._failure:
            log.warning("status of a RollupDefinition cannot be written", extra={"reason": failure})
        elif self._failure and not failure:
            log.info("status of RollupDefinitions written again")
        self._failure = failure

    def _log_refusals(self) -> None:
        refusals = _refusals(self._kinds.verdicts)
        for name, reason in sorted(refusals - self._refusals):
            log.warning("definition refused", extra={"definition": name, "reason": reason})
        self._refusals = refusals


def _refusals(verdicts: Iterable[Verdict]) -> set[tuple[str, str]]:
    """(name, what is wrong) of the definitions that are not served."""
    return {
        (one.metadata.name, problem.sentence)
        for one in verdicts
        for problem in (*one.problems, one.conflict)
        if problem is not None
    }


def _backoff_s(failures: int) -> float:
    first, longest = BACKOFF_S
    return min(longest, first * (1 << min(failures, 10)))
