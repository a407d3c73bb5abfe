"""Runs the tests of the kernel tier in several machines; a free machine gets the next test.

If a machine ends or hangs, the test that it was running fails, and another machine is booted for the others.
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

HUNG_SECONDS: Final = 60.0
"""Seconds without a beat after which a machine has hung; those in which this process stands still do not count."""

MAX_FAILURES: Final = 3
"""Failed boots after which a kind of machine is given up that has worked before."""


@dataclass(frozen=True, slots=True)
class Job:
    """The command of every machine, and the ``light`` tests, of which a machine may have several at a time.

    A machine is given up after a test has taken ``limit`` seconds, at slowness 1.
    """

    command: Sequence[str]
    environment: Mapping[str, str]
    limit: float
    light: frozenset[str] = frozenset()


class MachineRun:
    """A running machine and the tests assigned to it, of which the first is running.

    Its time is counted in looks: what this host stands still does not count.
    """

    def __init__(self, guest: Machine, job: Job, max_assigned: int) -> None:
        self.assigned: list[str] = []
        self.ready = False
        self._guest, self._job, self._max_assigned = guest, job, max_assigned
        self._host_end = HostEnd(guest.out)
        self._slowness = 1.0
        self._looks = 0
        self._beats = b""
        self._looks_without_beat = 0

    def accepts(self, test: str) -> bool:
        """Return whether a test may be assigned now."""
        light = self._job.light
        return not self.assigned or (
            len(self.assigned) < self._max_assigned and test in light and light.issuperset(self.assigned)
        )

    def assign(self, test: str) -> None:
        """Assign a test."""
        if not self.assigned:
            self._looks = 0
        self.assigned.append(test)
        self._host_end.send(test)

    def receive_reports(self) -> Iterator[tuple[str, dict[str, Any] | None]]:
        """Yield the reports of tests since the last call, None for the end of a test."""
        for data in self._host_end.receive():
            if "slowness" in data:
                self.ready, self._slowness, self._looks = True, data["slowness"], 0
            elif "report" in data:
                yield data["report"]["nodeid"], data["report"]
            else:
                self.assigned.remove(data["finished"])
                self._looks = 0
                yield data["finished"], None

    def failure(self) -> str:
        """Return why this machine is given up, "" if it is not."""
        try:
            ended = self._guest.status() is not None
        except MachineError as error:
            return str(error)
        if ended:
            return f"pytest ended in the machine{self._guest.evidence()}"
        if self._has_hung():
            return f"the machine has hung for {HUNG_SECONDS:.0f} s{self._guest.evidence()}"
        limit = self._job.limit * self._slowness if self.ready else START_SECONDS * slowness()
        self._looks += 1
        if self.assigned and self._looks * LOOK_SECONDS > limit:
            return f"the machine has sent nothing for {limit:.0f} s{self._guest.evidence()}"
        return ""

    def _has_hung(self) -> bool:
        before, self._beats = self._beats, self._guest.beats()
        self._looks_without_beat = self._looks_without_beat + 1 if before == self._beats else 0
        return self._beats != b"" and self._looks_without_beat * LOOK_SECONDS > HUNG_SECONDS


@dataclass(slots=True)
class Outcome:
    """The serialized reports of a test; ``lost`` says why its machine was given up, if it was."""

    reports: list[dict[str, Any]] = field(default_factory=list)
    finished: bool = False
    lost: str = ""


class Pool:
    """Distributes tests over machines; ``outcome`` waits for the outcome of one test."""

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
        """Wait for the outcome of a test."""
        with self._lock:
            self._lock.wait_for(lambda: self._outcomes[test].finished)
            return self._outcomes[test]

    def close(self) -> None:
        """End every machine."""
        self._closed = True
        for thread in self._threads:
            thread.join()

    def _work(self, number: int) -> None:
        """Run one machine, and another after it if it is lost."""
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
            run = MachineRun(guest, self._job, kind.max_assigned)
            try:
                while not self._closed and self._serve(run):
                    time.sleep(LOOK_SECONDS)
            except MachineError as error:
                self._lose(run)
                if not run.ready:
                    raise BootError(str(error)) from error
                for test in run.assigned[:1]:
                    self._fail(test, str(error))

    def _serve(self, run: MachineRun) -> bool:
        """Process the reports of a machine and assign tests; return False when there are none left for it."""
        over = run.failure()  # asked first, so that nothing written before the end is missed
        for test, report in run.receive_reports():
            self._add_report(test, report)
        if over:
            raise MachineError(over)
        self._ready = self._ready or run.ready
        with self._lock:
            while self._waiting and run.accepts(self._waiting[0]):
                run.assign(self._waiting.popleft())
            return bool(run.assigned) or not run.ready

    def _add_report(self, test: str, report: dict[str, Any] | None) -> None:
        with self._lock:
            if report is None:
                self._outcomes[test].finished = True
            else:
                self._outcomes[test].reports.append(report)
            self._lock.notify_all()

    def _lose(self, run: MachineRun) -> None:
        """Put the tests of a lost machine back into the queue, except the one that it was running."""
        with self._lock:
            self._waiting.extendleft(reversed(run.assigned[1:] if run.ready else run.assigned))

    def _give_up(self, kind: Kind, reason: str) -> None:
        """Try the next kind of machine if none of this kind ever worked; fail all tests if there is no other kind."""
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
        self._add_report(test, None)
