"""Runs kubesum in this process under faults of its surroundings, which the first argument names in JSON.

They are set before anything of kubesum is imported, from outside of it: its modules are not touched.
"""

import asyncio
import ctypes
import json
import mmap
import os
import resource
import signal
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

LANDLOCK_CREATE_RULESET = 444
LANDLOCK_RESTRICT_SELF = 446
_LANDLOCK_VERSION = 1
_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWNS, _CLONE_NEWUSER = 0x20000, 0x10000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_WRITES = 0b1111111110010
"""All access rights of Landlock's first ABI that change a file system: the others execute and read."""
_STARTS_A_PROCESS = ("os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.system", "subprocess.Popen")


def landlock_is_available() -> bool:
    """Whether the kernel can deny this process all writes to files."""
    return ctypes.CDLL(None).syscall(LANDLOCK_CREATE_RULESET, None, 0, _LANDLOCK_VERSION) > 0


def names_are_available(home: Path) -> bool:
    """Whether a process may have names of its own."""
    hosts = home / "hosts"
    hosts.touch()
    tried = f"from tests.faults.confinement import use_names; use_names({str(hosts)!r})"
    return subprocess.run([sys.executable, "-c", tried], stderr=subprocess.DEVNULL, check=False).returncode == 0


def set_clock(offset_file: str) -> None:
    """The wall clock is that of the system and the seconds in this file, which a test changes."""
    with open(offset_file, "rb") as file:
        offset = mmap.mmap(file.fileno(), 8, prot=mmap.PROT_READ)
    real, real_ns = time.time, time.time_ns
    time.time = lambda: real() + struct.unpack("d", offset)[0]
    time.time_ns = lambda: real_ns() + int(struct.unpack("d", offset)[0] * 1_000_000_000)


def deny_writes(_: bool) -> None:
    """No file can be written or created, by root neither: as on a file system that is mounted read-only."""
    libc = ctypes.CDLL(None, use_errno=True)
    handled = ctypes.c_uint64(_WRITES)
    ruleset = libc.syscall(LANDLOCK_CREATE_RULESET, ctypes.byref(handled), ctypes.sizeof(handled), 0)
    if (
        ruleset < 0
        or libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        or libc.syscall(LANDLOCK_RESTRICT_SELF, ruleset, 0)
    ):
        raise OSError(ctypes.get_errno(), "Landlock")
    os.close(ruleset)


def use_names(hosts_file: str) -> None:
    """Names are looked up in this file alone, which a test changes: the process has mounts of its own.

    Any other name is asked of a resolver on loopback that is not there.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    folder = Path(hosts_file).parent
    mounted = {"hosts": None, "resolv.conf": "nameserver 127.0.0.1\n", "nsswitch.conf": "hosts: files dns\n"}
    ok = libc.unshare(_CLONE_NEWNS) == 0 or libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNS) == 0
    ok = ok and libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None) == 0
    for name, content in mounted.items():
        file = Path(hosts_file) if content is None else folder / name
        if content is not None:
            file.write_text(content)
        ok = ok and libc.mount(bytes(file), f"/etc/{name}".encode(), None, _MS_BIND, None) == 0
    if not ok:
        raise OSError(ctypes.get_errno(), "mounts of its own")


def use_up_descriptors(number: int) -> None:
    """Of this many descriptors, those that are free are used up from SIGUSR1 until SIGUSR2."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, number))
    used: list[int] = []
    ends = threading.Event()

    def take_forever() -> None:
        while not ends.wait(0.001):
            try:
                used.append(os.open(os.devnull, os.O_RDONLY))
            except OSError:
                continue
        while used:
            os.close(used.pop())

    signal.signal(signal.SIGUSR1, lambda *_: threading.Thread(target=take_forever).start())
    signal.signal(signal.SIGUSR2, lambda *_: ends.set())


def deny_processes(_: bool) -> None:
    """An attempt to start another process ends this one, with code 70."""

    def refuse(event: str, _arguments: object) -> None:
        if event in _STARTS_A_PROCESS:
            os.write(2, f"{event} is not allowed\n".encode())
            os._exit(70)

    sys.addaudithook(refuse)


def close_output(_: bool) -> None:
    """This process was started without standard output and standard error."""
    os.close(1)
    os.close(2)
    sys.stdout = sys.stderr = None


def ignore_hangup(_: bool) -> None:
    """SIGHUP is ignored, as nohup has it."""
    signal.signal(signal.SIGHUP, signal.SIG_IGN)


def fail_in(task_name: str) -> None:
    """At SIGUSR1 what this task of the process waits for raises an error, as a mistake in it would."""

    def fail(_number: int, _frame: object) -> None:
        for task in asyncio.all_tasks():
            if task.get_name() == task_name:
                waited_for: Any = task._fut_waiter  # type: ignore[attr-defined]  # not declared
                waited_for.set_exception(LookupError("a mistake"))

    signal.signal(signal.SIGUSR1, fail)


def block_the_event_loop(_: bool) -> None:
    """From SIGUSR1 until SIGUSR2 the main thread waits, as in a call that should be awaited and is not."""
    ends = threading.Event()

    def hold(_number: int, _frame: object) -> None:
        # Not in one wait: a signal that another thread of the process gets interrupts none of this one.
        while not ends.wait(0.1):
            continue

    signal.signal(signal.SIGUSR1, hold)
    signal.signal(signal.SIGUSR2, lambda *_: ends.set())


FAULTS: dict[str, Callable[[Any], None]] = {
    "clock": set_clock,
    "read_only": deny_writes,
    "descriptors": use_up_descriptors,
    "failing_task": fail_in,
    "blocking": block_the_event_loop,
    "names": use_names,
    "no_processes": deny_processes,
    "no_output": close_output,
    "nohup": ignore_hangup,
}


class SettableClock:
    """The wall clock of a process, set by a test through a file that both map."""

    def __init__(self, file: Path) -> None:
        file.write_bytes(bytes(8))
        self.file = file
        with file.open("r+b") as opened:
            self._offset = mmap.mmap(opened.fileno(), 8)

    def set(self, ahead_s: float) -> None:
        """The clock is so many seconds ahead of the system's from now on."""
        self._offset[:] = struct.pack("d", ahead_s)


def main(faults: dict[str, Any], arguments: list[str]) -> int:
    """Runs kubesum with these arguments; returns its exit code."""
    for name, value in faults.items():
        FAULTS[name](value)
    from kubesum import cli  # noqa: PLC0415

    return cli.main(arguments)


if __name__ == "__main__":
    raise SystemExit(main(json.loads(sys.argv[1]), sys.argv[2:]))
