"""Fails a test during which our code held the event loop for over 0.1 s, on a host however busy.

Wall-clock time says nothing here: a loop is late wherever the host gives it no processor. So a thread looks at what the
kernel counts for the thread of the loop: the CPU time that it took, and the time for which it waited for a processor,
which is the host's. What is left is a wait inside a system call; of these only calls in BLOCKING count, so neither the
loop's own wait nor one for the interpreter's lock or for a disk. Once the loop seems to be busy it is asked for a sign
of life (``call_soon_threadsafe``): all that is counted until then was one turn of it. The stacks of that time say whose
code it was. A test that fails this way is run twice more, alone: it fails if the loop is held each time.
"""

from __future__ import annotations

import asyncio
import faulthandler
import os
import platform
import re
import subprocess
import sys
import tempfile
import threading
from collections.abc import Coroutine, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import Context
from os import getpid, pread
from time import monotonic, sleep  # tests replace those of the modules
from typing import Any, Final, NamedTuple, TypeVar

import pytest

from harness.held_loop import TESTS, Place, culprit

MAX_HOLD: Final = 0.1
"""Seconds of CPU time and of blocking calls in one turn of the loop."""

INTERVAL: Final = 0.025
"""Seconds between two looks at the thread of the loop."""

MODE: Final = "LOOP_GUARD"
"""The variable of the environment that turns the guard ``off``, or makes it ``strict``: a test is not run again."""

UNGUARDED: Final = ("holds_loop", "slow", "hypothesis")
"""The marks of tests that are not watched."""

CONFIRMATIONS: Final = 2
"""How often a test is run again."""

CONFIRMATION_TIMEOUT: Final = 300.0
"""Seconds for one of these runs; a test that takes longer is not confirmed."""

BLOCKING: Final = frozenset(
    # poll, select, nanosleep, connect, accept, sendto, recvfrom, sendmsg, recvmsg, wait4, flock, clock_nanosleep,
    # waitid, pselect6, ppoll, accept4
    (7, 23, 35, 42, 43, 44, 45, 46, 47, 61, 73, 230, 247, 270, 271, 288) if platform.machine() == "x86_64" else ()
)
"""Numbers of system calls that wait for something else than a disk; elsewhere only CPU time counts."""

T = TypeVar("T")

_PLACE = re.compile(r'^  File "(.+)", line (\d+) in (.+)$', re.MULTILINE)


class Held(NamedTuple):
    """The loop was held for so many seconds, by the function at a place."""

    seconds: float
    place: Place

    def __str__(self) -> str:
        file, line, name = self.place
        return f"the event loop was held for {1000 * self.seconds:.0f} ms by {name} ({file}:{line})"


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
        return cpu + (max(0.0, waited) if self.blocked and before.blocked else 0.0)


class Turn:
    """A turn of the loop that lasts: what was spent in it, the stacks seen in it, and whether it is over."""

    def __init__(self) -> None:
        self.spent = 0.0
        self.stacks: list[Sequence[Place]] = []
        self.over = False

    def end(self) -> None:
        """Say that it is over; called by the loop."""
        self.over = True


class LoopGuard:
    """Watches the loops of a thread. Its state: the running loop, its last times and its turn, and what was found."""

    def __init__(self) -> None:
        self.found: list[Held] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        self._times: ThreadTimes | None = None
        self._turn: Turn | None = None
        self._lock = threading.Lock()
        self._process = 0
        self._thread = 0

    @contextmanager
    def watching(self, loop: asyncio.AbstractEventLoop) -> Iterator[None]:
        """Watch a loop, if it runs in the thread that has called ``start``."""
        if self._process != getpid() or threading.get_ident() != self._thread:
            yield
            return
        with self._lock:
            self._loop, self._times, self._turn = loop, None, None
        try:
            yield
        finally:
            with self._lock:
                self._loop = None

    def take(self) -> Held | None:
        """Return the longest hold that was found, and forget all."""
        longest = max(self.found, default=None)
        self.found.clear()
        return longest

    def start(self) -> None:
        """Start the thread that looks, once in each process; the loops are those of the calling thread."""
        if self._process == getpid():
            return
        self._process, self._thread = getpid(), threading.get_ident()
        self._counters = [os.open(f"/proc/thread-self/{name}", os.O_RDONLY) for name in ("schedstat", "syscall")]
        self._stacks = tempfile.TemporaryFile()  # noqa: SIM115  for the life of the process
        threading.Thread(target=self._look_for_ever, name="loop-guard", daemon=True).start()

    def close(self) -> None:
        """End the thread."""
        with self._lock:
            self._process = 0
            self._stacks.close()
            for counter in self._counters:
                os.close(counter)

    def _look_for_ever(self) -> None:
        while self._process:
            sleep(INTERVAL)
            with self._lock:
                if self._loop is not None and self._process:
                    self._look(self._loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        before, self._times = self._times, self._read_times()
        if before is None:
            return
        spent = self._times.spent_since(before)
        if self._turn is None or self._turn.over:
            self._turn = None
            if spent > INTERVAL / 2:
                self._turn = turn = Turn()
                with suppress(RuntimeError):  # it is closed
                    loop.call_soon_threadsafe(turn.end)
            return
        self._turn.spent += spent
        self._turn.stacks.append(self._stack())
        if self._turn.spent > MAX_HOLD and not self._turn.over:
            self._judge(self._turn)

    def _judge(self, turn: Turn) -> None:
        place = culprit(turn.stacks)
        if place is not None:
            self.found.append(Held(turn.spent, place))

    def _read_times(self) -> ThreadTimes:
        schedstat, syscall = (pread(counter, 200, 0).split() for counter in self._counters)
        number = syscall[0].decode()
        blocked = number.isdecimal() and int(number) in BLOCKING
        return ThreadTimes(monotonic(), int(schedstat[0]) / 1e9, int(schedstat[1]) / 1e9, blocked)

    def _stack(self) -> Sequence[Place]:
        """Return the stack of the loop's thread, the innermost function first; made without touching its frames."""
        self._stacks.seek(0)
        self._stacks.truncate()
        faulthandler.dump_traceback(self._stacks, all_threads=True)
        self._stacks.seek(0)
        text = self._stacks.read().decode("utf-8", "replace")
        thread = re.search(rf"^Thread 0x0*{self._thread:x} .*\n((?:  File .*\n?)*)", text, flags=re.MULTILINE)
        found = _PLACE.findall(thread[1]) if thread else ()
        return [Place(file, int(line), name) for file, line, name in found]


class GuardedLoops:
    """A plugin that fails the quick unit tests during which the loop was held.

    Slow tests and many examples are left out: under a profiler of memory, or with a hundred loops one after the other,
    the guard finds turns that are none.
    """

    def __init__(self, guard: LoopGuard) -> None:
        self._guard = guard
        self._mode = os.environ.get(MODE, "")

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, None, None]:
        """Watch each loop of a test; fail the test if one was held, and is held again."""
        guarded = item.path.is_relative_to(TESTS / "unit") and not any(map(item.get_closest_marker, UNGUARDED))
        if self._mode == "off" or not guarded:
            yield
            return
        self._guard.start()
        with _watched_runners(self._guard):
            yield
        held = self._guard.take()
        if held and (self._mode == "strict" or all(_is_held_again(item) for _ in range(CONFIRMATIONS))):
            pytest.fail(str(held), pytrace=False)


@contextmanager
def _watched_runners(guard: LoopGuard) -> Iterator[None]:
    """Let the guard watch whatever ``asyncio.run`` and pytest-asyncio run."""
    run = asyncio.Runner.run

    def watched(self: asyncio.Runner, coro: Coroutine[Any, Any, T], *, context: Context | None = None) -> T:
        with guard.watching(self.get_loop()):
            return run(self, coro, context=context)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asyncio.Runner, "run", watched)
        yield


def _is_held_again(item: pytest.Item) -> bool:
    """Run a test alone, and return whether the loop was held."""
    command = (sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", item.nodeid)
    try:
        done = subprocess.run(
            command,
            cwd=item.config.rootpath,
            env={**os.environ, MODE: "strict"},
            capture_output=True,
            text=True,
            timeout=CONFIRMATION_TIMEOUT,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return "the event loop was held for" in done.stdout
