"""Reading a reflector in tests: its news one step at a time, however they were batched on the way."""

import asyncio
from collections.abc import AsyncIterator

from kubesum.kube.deltas import Deltas, ListStarted, SourceEvent, Synced, WatchedResource, WatchError
from kubesum.kube.objects import Pod
from kubesum.kube.reflector import Timing
from kubesum.vocabulary.errors import ObjectError

Step = str | tuple[str, str | None] | WatchError

IMPATIENT = Timing(
    shortest_pause_s=0.001,
    longest_pause_s=0.01,
    refused_pause_s=0.001,
    longest_retry_after_s=0.001,
    stall_s=0.2,
)


def phase(pod: Pod) -> str:
    """The fact that these tests keep of a pod; a phase of Impossible is none."""
    if pod.status.phase == "Impossible":
        raise ObjectError("no such phase")
    return pod.status.phase


PODS: WatchedResource[str] = WatchedResource("pods", "", "v1", "Pod", Pod, phase)


async def steps(news: AsyncIterator[SourceEvent[str]]) -> AsyncIterator[Step]:
    """`relisting`, `complete`, (name, phase or None) for each object, and troubles as they are."""
    async for item in news:
        match item:
            case ListStarted():
                yield "relisting"
            case Synced():
                yield "complete"
            case Deltas(changes):
                for (_, name), fact in changes:
                    yield name, fact
            case WatchError():
                yield item


async def take(source: AsyncIterator[Step], count: int) -> list[Step]:
    """The next steps; fails when they take longer than 5 s."""
    async with asyncio.timeout(5):
        return [await anext(source) for _ in range(count)]
