"""Reads a list-watch in tests one step at a time, however its events are batched."""

import asyncio
from collections.abc import AsyncIterator

from kubesum.kube.deltas import Deltas, ListStarted, SourceEvent, Synced, WatchedResource, WatchError
from kubesum.kube.objects.core import Pod
from kubesum.kube.reflector import Timing
from kubesum.vocabulary.errors import ObjectError
from tests.hanging import HANGS_AFTER_S

Step = str | tuple[str, str | None] | WatchError

SHORT_TIMING = Timing(
    initial_backoff_s=0.001,
    max_backoff_s=0.01,
    refused_backoff_s=0.001,
    max_retry_after_s=0.001,
)
"""No pauses; what stalls takes as long as it does, and is for a clock that leaps."""


def phase(pod: Pod) -> str:
    """The transform of these tests: the facts of a pod are its phase; the phase Impossible is invalid."""
    if pod.status.phase == "Impossible":
        raise ObjectError("no such phase")
    return pod.status.phase


PODS: WatchedResource[str] = WatchedResource("pods", "", "v1", "Pod", Pod, phase)


async def steps(events: AsyncIterator[SourceEvent[str]]) -> AsyncIterator[Step]:
    """`list started`, `synced`, (name, phase or None) for each change, and each WatchError."""
    async for event in events:
        match event:
            case ListStarted():
                yield "list started"
            case Synced():
                yield "synced"
            case Deltas(changes):
                for (_, name), facts in changes:
                    yield name, facts
            case WatchError():
                yield event


async def take(source: AsyncIterator[Step], count: int) -> list[Step]:
    """The next steps; fails when they take longer than 5 s."""
    async with asyncio.timeout(HANGS_AFTER_S):
        return [await anext(source) for _ in range(count)]
