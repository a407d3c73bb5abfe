"""The machines of the kernel tier, side by side: each takes the next test when it is free.

A machine that is lost, or hangs, costs the test that it was running; another is booted for the rest.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from harness.machines.kinds import Kind
from harness.machines.machine import BootError, Machine, MachineError, machine
from harness.machines.shared_files import HostEnd
from harness.machines.speed import slowness

LOOK_SECONDS: Final = 0.1
START_SECONDS: Final = 300.0
"""Seconds after the boot in which pytest has to be ready in the machine, on an ordinary idle host."""

MAX_FAILURES: Final = 3
"""Machines that do not boot, where others did, until their kind is given up."""


@dataclass(frozen=True, slots=True)
class Job:
    """What every machine runs; ``ahead`` tests may be handed out before those before them are done, if they are light.

    ``limit`` is the time in seconds that a test may take before the machine is given up, at slowness 1.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    limit: float
    light: frozenset[str] = frozenset()


class MachineRun:
    """A machine at work: the tests that it was given and has not finished, the first of them running."""

    def __init__(self, guest: Machine, job: Job, ahead: int) -> None:
        self.given: list[str] = []
        self.ready = False
        self._guest, self._job, self._ahead = guest, job, ahead
        self._turns = HostEnd(guest.out)
        self._slowness = 1.0
        self._since = time.monotonic()

    def takes(self, test: str) -> bool:
        """Return whether the machine may have another test already."""
        light = self._job.light
        return not self.given or (len(self.given) < self._ahead and test in light and light.issuperset(self.given))

    def give(self, test: str) -> None:
        """Hand out a test."""
        if not self.given:
            self._since = time.monotonic()
        self.given.append(test)
        self._turns.give(test)

    def told(self) -> Iterator[tuple[str, dict[str, Any] | None]]:
        """Yield the reports of tests that have come in, None for the end of a test."""
        for data in self._turns.told():
            if "slowness" in data:
                self.ready, self._slowness, self._since = True, data["slowness"], time.monotonic()
            elif "report" in data:
                yield data["report"]["nodeid"], data["report"]
            else:
                self.given.remove(data["finished"])
                self._since = time.monotonic()
                yield data["finished"], None

    def over(self) -> str:
        """Return why nothing more will come of this machine, or an empty text."""
        try:
            ended = self._guest.status() is not None
        except MachineError as error:
            return str(error)
        if ended:
            return f"pytest ended in the machine{self._guest.evidence()}"
        limit = self._job.limit * self._slowness if self.ready else START_SECONDS * slowness()
        if self.given and time.monotonic() - self._since > limit:
            return f"the machine tells nothing any more, after {limit:.0f} s{self._guest.evidence()}"
        return ""


@dataclass(slots=True)
class Outcome:
    """What became of a test: serialized reports; ``lost`` says how the machine was lost that ran it, if it was."""

    reports: list[dict[str, Any]] = field(default_factory=list)
    finished: bool = False
    lost: str = ""


class Pool:
    """Machines that share out tests; ``outcome`` waits for that of one of them."""

    def __init__(self, job: Job, tests: Sequence[str], kinds: Sequence[Kind]) -> None:
        self._job = job
        self._kinds = deque(kinds)
        self._lock = threading.Condition()
        self._waiting = deque(tests)
        self._outcomes = {test: Outcome() for test in tests}
        self._ready = self._closed = False
        self._failures = 0
        width = min(max(kind.side_by_side for kind in kinds), len(tests))
        self._working = width  # threads; one goes on as long as there are tests
        self._threads = [threading.Thread(target=self._work, args=(number,)) for number in range(width)]
        for thread in self._threads:
            thread.start()

    def outcome(self, test: str) -> Outcome:
        """Return the outcome of a test when it is there."""
        with self._lock:
            self._lock.wait_for(lambda: self._outcomes[test].finished)
            return self._outcomes[test]

    def close(self) -> None:
        """End every machine."""
        self._closed = True
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        """Be one of the machines, and those that follow it when it is lost."""
        try:
            while (kind := self._wanted(number)) is not None:
                try:
                    self._run(kind, number)
                except BootError as error:
                    self._give_up(kind, str(error))
        except BaseException as error:
            self._fail_all(
                f"the harness failed: {error!r}", [test for test, o in self._outcomes.items() if not o.finished]
            )
            raise

    def _wanted(self, number: int) -> Kind | None:
        """Return which kind of machine is to be booted by the thread ``number`` now, None when none is."""
        with self._lock:
            kind = self._kinds[0]
            if self._waiting and not self._closed and (number < kind.side_by_side or self._working == 1):
                return kind
            self._working -= 1
            return None

    def _run(self, kind: Kind, number: int) -> None:
        with machine(kind, self._job.command, self._job.environment, number) as guest:
            seat = MachineRun(guest, self._job, kind.ahead)
            try:
                while not self._closed and self._serve(seat):
                    time.sleep(LOOK_SECONDS)
            except MachineError as error:
                self._lose(seat)
                if not seat.ready:
                    raise BootError(str(error)) from error
                for test in seat.given[:1]:
                    self._fail(test, str(error))

    def _serve(self, seat: MachineRun) -> bool:
        """Take in what the machine told and hand out tests; return False when it has no more to do."""
        over = seat.over()  # asked first, so that nothing written before the end is missed
        for test, report in seat.told():
            self._take(test, report)
        if over:
            raise MachineError(over)
        self._ready = self._ready or seat.ready
        with self._lock:
            while self._waiting and seat.takes(self._waiting[0]):
                seat.give(self._waiting.popleft())
            return bool(seat.given) or not seat.ready

    def _take(self, test: str, report: dict[str, Any] | None) -> None:
        with self._lock:
            if report is None:
                self._outcomes[test].finished = True
            else:
                self._outcomes[test].reports.append(report)
            self._lock.notify_all()

    def _lose(self, seat: MachineRun) -> None:
        """Put back the tests that a lost machine had, but the one that it was running."""
        with self._lock:
            self._waiting.extendleft(reversed(seat.given[1:] if seat.ready else seat.given))

    def _give_up(self, kind: Kind, reason: str) -> None:
        """Turn to the next kind of machine where none of this kind ever worked; fail what is left if there is none."""
        with self._lock:
            if kind is not self._kinds[0]:
                return
            self._failures += 1
            if self._ready and self._failures < MAX_FAILURES:
                return
            if len(self._kinds) > 1:
                self._kinds.popleft()
                return
        self._fail_all(reason, list(self._waiting))

    def _fail_all(self, reason: str, tests: Sequence[str]) -> None:
        self._waiting.clear()
        for test in tests:
            self._fail(test, reason)

    def _fail(self, test: str, reason: str) -> None:
        with self._lock:
            self._outcomes[test].lost = reason
        self._take(test, None)
