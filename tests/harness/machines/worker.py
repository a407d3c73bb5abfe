"""The pytest plugin inside the virtual machine: runs the tests that the host sends, and reports their outcomes.

A test that takes too long, given the speed of this machine, fails with the stack of every thread.
"""

from __future__ import annotations

import itertools
import os
import signal
import sys
import time
import traceback
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Final

import pytest

from harness.machines import speed
from harness.machines.shared_files import GuestEnd

LOOK_SECONDS: Final = 0.05
TIMER_PARTS: Final = 60
"""Parts of the time of a test: a pause of this machine counts as one of them at most."""

MAX_EXTENSION: Final = 1.8
"""How many times longer a test may take if this machine has become slower since it booted; the host waits twice."""

OPTION: Final = "test_seconds"
"""The ini option that says in how many seconds a test has to be done, at slowness 1."""

_HOST: Final = pytest.StashKey[GuestEnd]()


class _Rest(pytest.Item):
    """A next item for each test, so that pytest keeps session fixtures."""

    def runtest(self) -> None:
        """Never called."""


class Worker:
    """Runs tests in the machine. Its state: how many parts of its time the test has taken, and how many it may take."""

    def __init__(self, config: pytest.Config, host: GuestEnd) -> None:
        self._config, self._host = config, host
        self._seconds = float(config.getini(OPTION)) * speed.slowness()
        self._parts = self._allowed = 0.0

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run the tests that the host sends, for ever."""
        if session.testsfailed:
            raise session.Interrupted("errors during collection")
        items = {item.nodeid: item for item in session.items}
        rest = _Rest.from_parent(session, name="rest")
        self._host.send(slowness=speed.slowness())
        for number in itertools.count():  # the host ends the machine
            item = items[self._next_test(number)]
            item.ihook.pytest_runtest_protocol(item=item, nextitem=rest)
        return True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, bool | None, bool | None]:
        """Limit the test's time."""
        part = self._seconds / TIMER_PARTS
        self._parts, self._allowed = 0.0, TIMER_PARTS
        signal.setitimer(signal.ITIMER_REAL, part, part)
        try:
            return (yield)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Tell the host."""
        data = self._config.hook.pytest_report_to_serializable(config=self._config, report=report)
        self._host.send(report=data)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        """Tell the host."""
        self._host.send(finished=nodeid)

    def end_part(self, *_: object) -> None:
        """Fail the test that runs when its time is over, with the stack of every thread."""
        self._parts += 1
        if self._parts == TIMER_PARTS:
            self._allowed *= min(MAX_EXTENSION, max(1.0, speed.measure() / speed.slowness()))
        if self._parts < self._allowed:
            return
        signal.setitimer(signal.ITIMER_REAL, 0)
        seconds = self._seconds * self._parts / TIMER_PARTS
        slowness = f"{speed.slowness():.1f} times slower than usual when it booted"
        pytest.fail(f"not done after {seconds:.0f} s, {slowness}\n{stacks()}")

    def _next_test(self, number: int) -> str:
        while len(tests := self._host.tests()) <= number:
            time.sleep(LOOK_SECONDS)
        return tests[number]


def stacks() -> str:
    """Return the stack of every thread; faulthandler's own dump may crash the interpreter."""
    frames = sys._current_frames().values()
    return "\n".join("thread\n" + "".join(traceback.format_stack(frame)) for frame in frames)


def upcoming(session: pytest.Session) -> Sequence[str]:
    """Return the tests that this process has run or is known to run."""
    host = session.config.stash.get(_HOST, None)
    return [item.nodeid for item in session.items] if host is None else host.tests()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the limit of a test."""
    parser.addini(OPTION, "seconds that a test may take, at the speed of an ordinary host", default="60")


def pytest_configure(config: pytest.Config) -> None:
    """Measure the speed of the machine, and register the plugin."""
    os.environ.setdefault(speed.VARIABLE, f"{speed.measure():.2f}")
    config.stash[_HOST] = host = GuestEnd(Path(os.environ["MACHINE_OUT"]))
    worker = Worker(config, host)
    signal.signal(signal.SIGALRM, worker.end_part)
    config.pluginmanager.register(worker)
