"""What is done when memory is short, and that it ends."""

import logging
from dataclasses import dataclass, field

import pytest

from kubesum.operations.metrics import CACHES_DROPPED, MEMORY_PRESSURE, MEMORY_USED
from kubesum.server.memorywatch import MemoryLimit, MemoryWatch, Relief, memory_limit, resident_bytes
from kubesum.vocabulary.memorypressure import MemoryPressure

LIMIT_BYTES = 1000


@dataclass
class Process:
    """A process of a thousand bytes at most, of which caches hold some."""

    data: int = 0
    caches: int = 0
    now: float = 0.0
    is_unreadable: bool = False
    done: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.limit = MemoryLimit(LIMIT_BYTES, self._used)
        relief = Relief(self._drop, self._relieve_connections, self._end_slow)
        self.watch = MemoryWatch(self.limit, relief, lambda: self.now)

    def _drop(self) -> None:
        self.done.append("drop")
        self.caches = 0

    def _relieve_connections(self, is_short: bool) -> None:
        if is_short:
            self.done.append("close idle")

    def _end_slow(self, waited_s: float) -> None:
        self.done.append(f"end after {waited_s}")

    def _used(self) -> int:
        if self.is_unreadable:
            raise OSError(24, "Too many open files")
        return self.data + self.caches

    def check(self, data: int, caches: int = 0, after_s: float = 10.0) -> MemoryPressure:
        """Checks when this much is in use, some time after the last check."""
        self.now += after_s
        self.data, self.caches, self.done = data, caches, []
        self.watch.check()
        return self.watch.pressure()


def test_nothing_is_done_while_there_is_enough_memory() -> None:
    process = Process()

    assert process.check(849) is MemoryPressure.NONE
    assert process.done == []


def test_caches_are_dropped_near_the_limit() -> None:
    process, dropped = Process(), CACHES_DROPPED._value.get()

    assert process.check(500, caches=350) is MemoryPressure.NEAR
    assert process.done == ["drop"]
    assert process.caches == 0
    assert CACHES_DROPPED._value.get() == dropped + 1
    assert MEMORY_USED._value.get() == 500
    assert MEMORY_PRESSURE._value.get() == 1


def test_lists_are_refused_only_if_it_does_not_suffice_to_drop_caches() -> None:
    process = Process()

    assert process.check(700, caches=250) is MemoryPressure.NEAR
    assert process.check(920) is MemoryPressure.OVER
    assert process.done == ["drop", "close idle", "end after 2.0"]


def test_clients_get_less_time_to_read_the_nearer_the_limit_is() -> None:
    process = Process()

    process.check(949)
    assert process.done[-1] == "end after 2.0"
    process.check(950)
    assert process.done[-1] == "end after 0.1"


def test_a_request_does_not_rely_on_an_old_measurement() -> None:
    """Hundreds of lists were let in between two measurements."""
    process = Process()
    process.check(100)
    process.data = 930
    assert process.watch.pressure() is MemoryPressure.NONE

    process.now += 0.01

    assert process.watch.pressure() is MemoryPressure.OVER


def test_caches_are_not_dropped_all_the_time() -> None:
    """A cluster that fills the memory would never have any."""
    process = Process()

    process.check(860)
    assert process.done == ["drop"]
    process.check(860, caches=10, after_s=4.9)
    assert process.done == []
    process.check(860, caches=10, after_s=0.1)
    assert process.done == ["drop"]


def test_each_state_ends_somewhat_below_where_it_began() -> None:
    process = Process()

    assert process.check(920) is MemoryPressure.OVER
    assert process.check(870) is MemoryPressure.OVER
    assert process.check(869) is MemoryPressure.NEAR
    assert process.check(919) is MemoryPressure.NEAR
    assert process.check(800) is MemoryPressure.NEAR
    assert process.check(799) is MemoryPressure.NONE
    assert process.check(950) is MemoryPressure.CRITICAL
    assert process.check(900) is MemoryPressure.CRITICAL
    assert process.check(899) is MemoryPressure.OVER
    assert process.check(500) is MemoryPressure.NONE
    assert process.check(849) is MemoryPressure.NONE


def test_transitions_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    process = Process()

    for used in (860, 861, 930, 931, 930, 860, 861, 700, 700):
        process.check(used, after_s=1.0)

    assert [(record.levelname, record.message) for record in caplog.records] == [
        ("WARNING", "memory is short: caches are dropped"),
        ("ERROR", "memory is short: lists and new watches are refused"),
        ("INFO", "lists and watches are answered again"),
        ("INFO", "memory is no longer short"),
    ]
    assert vars(caplog.records[1])["used_bytes"] == 930
    assert vars(caplog.records[1])["limit_bytes"] == LIMIT_BYTES


def test_unreadable_files_change_nothing_and_are_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    """As while no descriptor is left."""
    process = Process()
    process.check(930)

    process.is_unreadable = True
    for _ in range(3):
        process.check(0)

    assert process.watch.pressure() is MemoryPressure.OVER
    assert [record.message for record in caplog.records[1:]] == ["memory in use cannot be read"]


def test_the_limit_of_the_flag_is_compared_with_the_resident_set() -> None:
    found = memory_limit(123)

    assert found == MemoryLimit(123, resident_bytes)
    assert found is not None
    assert found.used_bytes() > 10 << 20
    assert memory_limit(0) is None
