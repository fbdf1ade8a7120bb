"""What the tests of faults have in common: something happens to the watch or to the list of pods."""

import asyncio

from tests.faults.faults import failure
from tests.faults.relay import Fault, Request
from tests.faults.stage import Stage, witnessed

PODS = "/api/v1/pods"
GONE = failure(410, "Expired", "too old resource version: 1 (2)")
WITHIN_S = 400
"""A watch without an event for 150 s is dead, a list without an end for 60 s, and pauses between attempts grow."""


def reads_pods(request: Request) -> bool:
    """Whether it is a list or a watch, or one that has become the other."""
    return request.path == PODS


def watches_pods(request: Request) -> bool:
    return request.path == PODS and request.is_watch


def lists_pods(request: Request) -> bool:
    return request.path == PODS and request.is_list


async def changes_through(stage: Stage, fault: Fault, times: int = 2) -> None:
    """This happens to watches of pods so often, one after the other, while pods change; then all is served."""
    async with witnessed(stage):
        with stage.relay.fault(fault, watches_pods, most=times) as rule:
            stage.relay.cut(reads_pods)
            for number in range(times):
                await rule.has_struck(number + 1)
                await stage.change()
        await stage.follows(WITHIN_S)


async def lists_through(stage: Stage, fault: Fault, times: int = 2) -> None:
    """Pods must be listed again, and this happens to the list so often; then all is served.

    The witness sees no pod missing that exists: what a list has not named is removed when it is complete.
    """
    async with witnessed(stage):
        with (
            stage.relay.fault(GONE, watches_pods, most=1),
            stage.relay.fault(fault, lists_pods, most=times) as rule,
        ):
            stage.relay.cut(reads_pods)
            await stage.change()
            await rule.has_struck(times)
            await stage.follows(WITHIN_S)


async def outage(stage: Stage, seconds: float) -> float:
    """kube-apiserver is away for so long, while the cluster changes; how many seconds until all is served."""
    now = asyncio.get_running_loop().time
    async with witnessed(stage):
        before = await stage.served()
        await stage.stop_cluster()
        await stage.change()
        await asyncio.sleep(seconds)
        assert await stage.served() == before
        stage.start_cluster()
        await stage.relay.up()
        began = now()
        await stage.follows()
        return now() - began
