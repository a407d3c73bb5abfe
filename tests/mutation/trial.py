"""The tests of a module on each of its mutants, as a plugin of pytest.

The tests are collected once. Each mutant is a fork in which the changed functions are swapped; it ends with the first
test that fails. Only tests that call a changed function run, those first that are quick and have killed before.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, FrameType
from typing import Final, NamedTuple

import pytest
from hypothesis import Phase, settings

from mutation.mutants import Mutant, mutants
from mutation.swap import Live, Swap, live_functions, swap, swaps

MAX_SECONDS: Final = 5.0
"""For a test of a mutant, beside TIMES the seconds that it takes on the module itself: a loop that never ends."""
TIMES: Final = 20

MAX_BYTES: Final = 4 << 30
"""Of address space of a mutant: a list that grows for ever."""


class ModuleTrial(NamedTuple):
    """What came of a module: the number of its mutants, and the names of those that survived."""

    mutants: int
    survivors: list[str]


class _Normal(NamedTuple):
    """How a test runs on the module itself: seconds, those of CPU time, and the places of the functions that it calls.

    ``failure`` is empty if it passes.
    """

    seconds: float
    cpu: float
    called: frozenset[tuple[str, int]]
    failure: str


class MutationRun:
    """A plugin that runs the tests that were collected on each mutant of a module instead of once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._kills: Counter[int] = Counter()
        self.trial: ModuleTrial | None = None

    def pytest_configure(self) -> None:
        """Let Hypothesis find the same in each run; it does not look for a smaller example."""
        phases = (Phase.explicit, Phase.generate)
        quick = settings.get_profile("quick")
        settings.register_profile("mutation", quick, database=None, derandomize=True, phases=phases)
        settings.load_profile("mutation")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run the tests that were collected; leave it to pytest where there are none."""
        if session.testsfailed or not session.items:
            return None
        source, live = self._path.read_text(), live_functions(str(self._path))
        normal = list(_normal_runs(session, str(self._path)))
        if failures := [each.failure for each in normal if each.failure]:
            raise session.Interrupted(f"tests fail without a mutant:\n{failures[0]}")
        names = [
            (mutant.name, self._kill(session, normal, changed, live))
            for mutant, changed in _made(source, str(self._path))
        ]
        self.trial = ModuleTrial(len(names), [name for name, killed in names if not killed])
        return True

    def _kill(self, session: pytest.Session, normal: Sequence[_Normal], changed: Sequence[Swap], live: Live) -> bool:
        """Return whether a test fails on a mutant."""
        places = {_place(each.old) for each in changed}
        tests = [number for number, each in enumerate(normal) if each.called & places]
        tests.sort(key=lambda number: normal[number].cpu / (1 + self._kills[number]))

        def run(connection: Connection) -> None:
            swap(changed, live)
            session.config.pluginmanager.register(_FirstFailure())
            for number in _each(session, tests):
                connection.send(number)
            connection.send(None)

        killer = _killer(*_fork(session, run), [each.seconds for each in normal]) if tests else None
        if killer is not None:
            self._kills[killer] += 1
        return killer is not None


def _made(source: str, path: str) -> Iterator[tuple[Mutant, list[Swap]]]:
    """Yield the mutants that differ from the module once compiled, and their functions."""
    for mutant in mutants(source):
        if changed := swaps(source, mutant.source, path):
            yield mutant, changed


def _killer(pid: int, connection: Connection, seconds: Sequence[float]) -> int | None:
    """Wait for the end of a mutant; return the number of the test that failed or took too long, None if none did."""
    number = None
    limit = MAX_SECONDS
    try:
        while connection.poll(limit):
            if (sent := connection.recv()) is None:
                return None
            number = sent
            limit = MAX_SECONDS + TIMES * seconds[number]
        os.kill(pid, signal.SIGKILL)
    except EOFError:
        pass
    finally:
        os.waitpid(pid, 0)
        connection.close()
    return number


def _normal_runs(session: pytest.Session, path: str) -> Iterator[_Normal]:
    """Yield how each test runs on the module itself."""

    def run(connection: Connection) -> None:
        failures = _Failures()
        session.config.pluginmanager.register(failures)
        called: set[tuple[str, int]] = set()

        def profile(frame: FrameType, event: str, _: object) -> None:
            if event == "call" and frame.f_code.co_filename == path:
                called.add(_place(frame.f_code))

        def send() -> None:
            sys.setprofile(None)
            seconds, cpu = time.perf_counter() - began, time.process_time() - cpu_began
            connection.send(_Normal(seconds, cpu, frozenset(called), failures.text))

        for number in _each(session, range(len(session.items))):
            if number:
                send()
            called.clear()
            began, cpu_began = time.perf_counter(), time.process_time()
            threading.setprofile(profile)
            sys.setprofile(profile)
        send()

    pid, connection = _fork(session, run)
    for _ in session.items:
        yield connection.recv()
    os.waitpid(pid, 0)


def _each(session: pytest.Session, numbers: Sequence[int]) -> Iterator[int]:
    """Yield the number of each test, and then run it."""
    for number, following in pairwise(chain(numbers, (None,))):
        assert number is not None
        yield number
        item, nextitem = session.items[number], None if following is None else session.items[following]
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=nextitem)


def _place(code: CodeType) -> tuple[str, int]:
    return code.co_qualname, code.co_firstlineno


def _fork(session: pytest.Session, run: Callable[[Connection], None]) -> tuple[int, Connection]:
    """Start a process that prints nothing; return its id, and the connection for what it sends."""
    ours, theirs = Pipe(duplex=False)
    if pid := os.fork():
        theirs.close()
        return pid, ours
    try:
        ours.close()
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
        session.config.pluginmanager.unregister(name="terminalreporter")
        run(theirs)
    finally:
        os._exit(0)


class _FirstFailure:
    """Ends the process with the first test that fails."""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            os._exit(1)


class _Failures:
    """Keeps what failed."""

    def __init__(self) -> None:
        self.text = ""

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            self.text += f"{report.nodeid}\n{report.longreprtext}\n"
