"""Watches and lists whose bytes are cut, changed, repeated, slow or missing on their way."""

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest

from kubesim.apiserver.apiserver import ServerOptions
from tests.faults.faults import cut_at, dripping, ended_at, flipped_at, repeated, silent_at, unanswered
from tests.faults.relay import Fault
from tests.faults.scenes import WITHIN_S, changes_through, lists_through
from tests.faults.stage import Stage, on_stage, witnessed

LISTS = pytest.mark.parametrize("in_pages", [False, True], ids=["streamed", "in pages"])
EVENTS_BYTES, LIST_BYTES = 20_000, 300_000
"""About the bytes of what one change sends, and of the pods."""


@pytest.mark.parametrize("fault", [cut_at, ended_at])
def test_events_that_are_cut_anywhere_come_again(tmp_path: Path, fault: Callable[[int], Fault]) -> None:
    chance = Random(1)

    async def test(stage: Stage) -> None:
        for _ in range(5):
            await changes_through(stage, fault(chance.randrange(EVENTS_BYTES)))

    on_stage(tmp_path, test)


@LISTS
@pytest.mark.parametrize("fault", [cut_at, ended_at])
def test_a_list_that_is_cut_is_never_taken_for_a_whole_one(
    tmp_path: Path, fault: Callable[[int], Fault], in_pages: bool
) -> None:
    """The objects after the cut are missing in what came, not deleted."""
    chance = Random(2)

    async def test(stage: Stage) -> None:
        for _ in range(3):
            await lists_through(stage, fault(chance.randrange(LIST_BYTES)))

    on_stage(tmp_path, test, options=ServerOptions(refuses_watch_lists=in_pages))


@LISTS
@pytest.mark.parametrize("offset", [0, 3, 30_000], ids=["framing", "begin", "middle"])
def test_a_flipped_bit_is_noticed_where_it_can_be(tmp_path: Path, offset: int, in_pages: bool) -> None:
    """Within TLS, as a proxy that terminates it could do: in framing, and in the first bytes of JSON.

    Within a string, where no parser can notice it, TLS is what protects.
    """

    async def test(stage: Stage) -> None:
        await lists_through(stage, flipped_at(offset), times=1)
        await changes_through(stage, flipped_at(offset), times=1)

    on_stage(tmp_path, test, options=ServerOptions(refuses_watch_lists=in_pages))


def test_a_bit_that_is_flipped_in_tls_ends_the_connection(tmp_path: Path) -> None:
    """The authentication of TLS records finds every one, wherever it is; the relay passes on what it cannot read."""
    chance = Random(3)

    async def test(stage: Stage) -> None:
        async with witnessed(stage):
            for _ in range(5):
                with stage.relay.fault(flipped_at(chance.randrange(6000)), most=3) as rule:
                    stage.relay.cut()
                    await rule.has_struck(3)
                    await stage.change()
                    await stage.follows(WITHIN_S)

    on_stage(tmp_path, test, reads_tls=False)


def test_a_part_that_is_repeated_changes_nothing(tmp_path: Path) -> None:
    """Whole chunks of HTTP come twice: events that are older than what is known, and the same once more."""

    async def test(stage: Stage) -> None:
        for number in range(3):
            await changes_through(stage, repeated(number), times=1)
            await lists_through(stage, repeated(number), times=1)

    on_stage(tmp_path, test)


@LISTS
def test_a_list_at_a_byte_a_second_is_given_up(tmp_path: Path, in_pages: bool) -> None:
    """The event loop answers all the while; a list has a deadline, and the next one may be faster."""

    async def test(stage: Stage) -> None:
        await lists_through(stage, dripping(1), times=1)

    on_stage(tmp_path, test, options=ServerOptions(refuses_watch_lists=in_pages))


def test_events_at_a_byte_a_second_are_given_up(tmp_path: Path) -> None:
    """A watch that completes no line for 150 s is dead, although bytes arrive."""

    async def test(stage: Stage) -> None:
        await changes_through(stage, dripping(1), times=1)

    on_stage(tmp_path, test)


@pytest.mark.parametrize("offset", [0, 100, 10_000])
def test_a_watch_that_falls_silent_is_opened_again(tmp_path: Path, offset: int) -> None:
    """A connection whose other end is gone without a word, between events and within one."""

    async def test(stage: Stage) -> None:
        await changes_through(stage, silent_at(offset), times=1)

    on_stage(tmp_path, test)


@LISTS
@pytest.mark.parametrize("fault", [unanswered, silent_at(30_000)], ids=["no answer", "a part"])
def test_a_list_that_falls_silent_is_given_up(tmp_path: Path, fault: Fault, in_pages: bool) -> None:
    async def test(stage: Stage) -> None:
        await lists_through(stage, fault, times=1)

    on_stage(tmp_path, test, options=ServerOptions(refuses_watch_lists=in_pages))
