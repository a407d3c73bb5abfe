"""What the kernel counts for a thread, and what the thread is doing: read by another thread, without disturbing it."""

from __future__ import annotations

import faulthandler
import os
import platform
import re
import tempfile
import threading
from collections.abc import Sequence
from os import pread
from time import monotonic  # tests replace that of the module
from typing import Final, NamedTuple

BLOCKING: Final = frozenset(
    # poll, select, nanosleep, connect, accept, sendto, recvfrom, sendmsg, recvmsg, wait4, flock, clock_nanosleep,
    # waitid, pselect6, ppoll, accept4
    (7, 23, 35, 42, 43, 44, 45, 46, 47, 61, 73, 230, 247, 270, 271, 288) if platform.machine() == "x86_64" else ()
)
"""Numbers of system calls that wait for something else than a disk; elsewhere only CPU time counts."""

MAX_WAIT: Final = 0.05
"""Seconds in a blocking call that count between two looks: longer ones apart mean that the host stood still."""

_PLACE: Final = re.compile(r'^  File "(.+)", line (\d+) in (.+)$', re.MULTILINE)


class Place(NamedTuple):
    """A function that is being called, and at which line it is."""

    file: str
    line: int
    name: str


class ThreadTimes(NamedTuple):
    """What the kernel has counted for a thread, in seconds; whether it waits in a system call of BLOCKING."""

    wall: float
    cpu: float
    queued: float
    blocked: bool

    def spent_since(self, before: ThreadTimes) -> float:
        """Return the seconds of CPU time, and those in blocking calls, if it was in one then and is in one now."""
        cpu = self.cpu - before.cpu
        waited = self.wall - before.wall - cpu - (self.queued - before.queued)
        return cpu + (min(max(0.0, waited), MAX_WAIT) if self.blocked and before.blocked else 0.0)


class WatchedThread:
    """The thread that has made it."""

    def __init__(self) -> None:
        self._id = threading.get_ident()
        self._counters = [os.open(f"/proc/thread-self/{name}", os.O_RDONLY) for name in ("schedstat", "syscall")]
        self._stacks = tempfile.TemporaryFile()  # noqa: SIM115  until it is closed

    def close(self) -> None:
        """Release the files."""
        self._stacks.close()
        for counter in self._counters:
            os.close(counter)

    def times(self) -> ThreadTimes:
        """Return what the kernel has counted so far."""
        schedstat, syscall = (pread(counter, 200, 0).split() for counter in self._counters)
        number = syscall[0].decode()
        blocked = number.isdecimal() and int(number) in BLOCKING
        return ThreadTimes(monotonic(), int(schedstat[0]) / 1e9, int(schedstat[1]) / 1e9, blocked)

    def stack(self) -> Sequence[Place]:
        """Return what it is calling, the innermost function first, without touching its frames."""
        self._stacks.seek(0)
        self._stacks.truncate()
        faulthandler.dump_traceback(self._stacks, all_threads=True)
        self._stacks.seek(0)
        text = self._stacks.read().decode("utf-8", "replace")
        thread = re.search(rf"^Thread 0x0*{self._id:x} .*\n((?:  File .*\n?)*)", text, flags=re.MULTILINE)
        found = _PLACE.findall(thread[1]) if thread else ()
        return [Place(file, int(line), name) for file, line, name in found]
