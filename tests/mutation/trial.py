"""The tests of a module on each of its mutants, as a plugin of pytest.

The tests are collected once. Each mutant is a fork in which the changed functions are swapped; it ends with the first
test that fails. Only tests that call a changed function run: first the one that killed the mutant before, then those
that are quick and have killed often.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import chain, pairwise
from multiprocessing.connection import Connection
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

import pytest
from hypothesis import Phase, settings

from mutation.forks import NotTriedError, forked, killer
from mutation.mutants import Mutant, mutants
from mutation.swap import Live, Swap, live_functions, swap, swaps


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
        self._last_killer = -1
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
        """Return whether a test fails on a mutant; NotTriedError where none began."""
        places = {_place(each.old) for each in changed}
        tests = [number for number, each in enumerate(normal) if each.called & places]
        tests.sort(key=lambda number: (number != self._last_killer, normal[number].cpu / (1 + self._kills[number])))

        def run(connection: Connection) -> None:
            swap(changed, live)
            _be_quiet(session)
            session.config.pluginmanager.register(_FirstFailure())
            for number in _each(session, tests):
                connection.send(number)
            connection.send(None)

        found = killer(forked(run), [each.seconds for each in normal]) if tests else None
        if found is not None:
            self._kills[found] += 1
            self._last_killer = found
        return found is not None


def _made(source: str, path: str) -> Iterator[tuple[Mutant, list[Swap]]]:
    """Yield the mutants that differ from the module once compiled, and their functions."""
    for mutant in mutants(source):
        if changed := swaps(source, mutant.source, path):
            yield mutant, changed


def _normal_runs(session: pytest.Session, path: str) -> Iterator[_Normal]:
    """Yield how each test runs on the module itself."""

    def run(connection: Connection) -> None:
        failures = _Failures()
        _be_quiet(session)
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

    pid, connection = forked(run)
    for _ in session.items:
        if not isinstance(received := connection.recv(), _Normal):
            raise NotTriedError(received)
        yield received
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


def _be_quiet(session: pytest.Session) -> None:
    session.config.pluginmanager.unregister(name="terminalreporter")


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
