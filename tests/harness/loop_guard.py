"""Finds turns of an event loop that our code held for over 0.1 s, on a host however busy.

Wall-clock time says nothing here: a loop is late wherever the host gives it no processor. So a thread looks at what the
kernel counts for the thread of the loop: the CPU time that it took, and the time for which it waited for a processor,
which is the host's. What is left is a wait inside a system call; of these only calls in BLOCKING count, so neither the
loop's own wait nor one for the interpreter's lock or for a disk.

What was counted between two looks is charged to a turn if it ran at both (``LoopTurns``). So a turn is never charged
with another's, of the same loop or of the next one, and up to two intervals of it are missed: below 0.1 s no turn is
found, above 0.15 s every one is, unless the host leaves the looking thread no processor. The stacks that were seen in a
turn say whose code it was.
"""

from __future__ import annotations

import threading
import tracemalloc
from collections.abc import Callable, Sequence
from os import getpid
from time import sleep  # tests replace that of the module
from typing import Final, NamedTuple

from harness.held_loop import culprit
from harness.loop_turns import LoopTurns
from harness.thread_times import Place, ThreadTimes, WatchedThread

MAX_HOLD: Final = 0.1
"""Seconds of CPU time and of blocking calls in one turn of the loop."""

INTERVAL: Final = 0.025
"""Seconds between two looks at the thread of the loop."""


class Held(NamedTuple):
    """The loop was held for at least so many seconds, by the function at the first place, called at the next one."""

    seconds: float
    places: Sequence[Place]

    def __str__(self) -> str:
        calls = " < ".join(f"{name} ({file}:{line})" for file, line, name in self.places)
        return f"the event loop was held for {1000 * self.seconds:.0f} ms by {calls}"


class SeenTurn:
    """A turn that ran at the last look: what was spent in it since the first, and the stacks that were seen."""

    def __init__(self, number: int, times: ThreadTimes) -> None:
        self.number = number
        self.spent = 0.0
        self.stacks: list[Sequence[Place]] = []
        self._times = times

    def charge(self, times: ThreadTimes) -> None:
        """Add what was spent since the last look."""
        self.spent += times.spent_since(self._times)
        self._times = times


class LoopGuard:
    """Watches the loops of the thread that calls ``start``, and reports turns that are held, also while they last.

    Under tracemalloc it does not look: code takes several times as long there. Its state: the turn of the last look.
    """

    def __init__(self, report: Callable[[Held], object]) -> None:
        self._report = report
        self._seen: SeenTurn | None = None
        self._process = 0

    def start(self) -> None:
        """Start the thread that looks, once in each process."""
        if self._process == getpid():
            return
        self._process = getpid()
        self._turns, self._thread = LoopTurns(), WatchedThread()
        self._looking = threading.Thread(target=self._look_for_ever, name="loop-guard", daemon=True)
        self._looking.start()

    def close(self) -> None:
        """End the thread, if it was started."""
        if self._process == getpid():
            self._process = 0
            self._looking.join()
            self._turns.close()
            self._thread.close()

    def _look_for_ever(self) -> None:
        while self._process:
            sleep(INTERVAL)
            if not tracemalloc.is_tracing():
                self._look()

    def _look(self) -> None:
        number, times = self._turns.current, self._thread.times()
        if number == 0 or number != self._turns.current:
            self._seen = None
        elif self._seen is None or self._seen.number != number:
            self._seen = SeenTurn(number, times)
        else:
            self._seen.charge(times)
            self._add_stack(self._seen)

    def _add_stack(self, turn: SeenTurn) -> None:
        stack = self._thread.stack()
        if turn.number != self._turns.current:
            return
        turn.stacks.append(stack)
        if turn.spent > MAX_HOLD and (places := culprit(turn.stacks)):
            self._report(Held(turn.spent, places))
