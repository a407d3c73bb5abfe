"""Runs tests in processes that are forked from the one that has collected them (``pytest --forks 8``).

Each process of pytest-xdist collects every test and sends three reports of each, which takes as much CPU time as the
quick unit tests themselves. Here all of them share one collection, and what has passed is reported once.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import chain, groupby, pairwise
from multiprocessing import Pipe
from multiprocessing.connection import Connection, wait
from typing import Any, Final

import pytest

_INDEX_LENGTH: Final = 2
"""Bytes that name a module in the queue, which is a pipe: its 64 KB hold all of them at once."""


class ForkedRun:
    """A plugin that replaces the loop over all tests; the tests of a module run one after the other in one process."""

    def __init__(self, count: int) -> None:
        self._count = count

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run the tests that were collected; leave it to pytest where there are none, or none are to run."""
        if session.config.option.collectonly or session.testsfailed or not session.items:
            return None
        modules = [list(items) for _, items in groupby(session.items, lambda item: item.path)]
        queue = _queue(len(modules))
        started = [_fork(session, modules, queue, number) for number in range(self._count)]
        ended = sum(_report(session, [connection for _, connection in started]))
        failed = [pid for pid, _ in started if os.waitpid(pid, 0)[1]]
        if failed or ended != len(session.items):
            raise session.Interrupted(f"{len(session.items) - ended} tests have not ended: processes {failed} failed")
        return True


def _queue(count: int) -> int:
    """Return a descriptor from which processes read the numbers of the modules, the last one first.

    The last modules have the tests that take longest.
    """
    reading, writing = os.pipe()
    for index in reversed(range(count)):
        os.write(writing, index.to_bytes(_INDEX_LENGTH, "big"))
    os.close(writing)
    return reading


def _fork(
    session: pytest.Session, modules: Sequence[Sequence[pytest.Item]], queue: int, number: int
) -> tuple[int, Connection]:
    """Start a process; return its id, and the connection for its reports."""
    ours, theirs = Pipe(duplex=False)
    if pid := os.fork():
        theirs.close()
        return pid, ours
    status = 1
    try:
        ours.close()
        _separate(session.config, number)
        session.config.pluginmanager.register(_Reporter(session.config, theirs))
        for item, following in pairwise(chain(_taken(modules, queue), (None,))):
            assert item
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
        status = 0
    finally:
        os._exit(status)


def _taken(modules: Sequence[Sequence[pytest.Item]], queue: int) -> Iterator[pytest.Item]:
    """Yield the tests of each module that this process takes from the queue."""
    while index := os.read(queue, _INDEX_LENGTH):
        yield from modules[int.from_bytes(index, "big")]


def _separate(config: pytest.Config, number: int) -> None:
    """Give this process its own captured output and temporary folder, and nothing to print to."""
    manager = config.pluginmanager
    capture: Any = manager.getplugin("capturemanager")
    capture.stop_global_capturing()
    capture.start_global_capturing()
    manager.unregister(name="terminalreporter")
    folders: Any = config._tmp_path_factory  # type: ignore[attr-defined]
    folders._basetemp = folders.getbasetemp() / f"fork-{number}"
    folders._basetemp.mkdir()


class _Reporter:
    """Sends the report of each test, and of what failed before and after it; nothing at the end of a test."""

    def __init__(self, config: pytest.Config, connection: Connection) -> None:
        self._config = config
        self._connection = connection

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when == "call" or not report.passed:
            self._connection.send(self._config.hook.pytest_report_to_serializable(config=self._config, report=report))

    def pytest_runtest_logfinish(self) -> None:
        self._connection.send(None)


def _report(session: pytest.Session, connections: list[Connection]) -> Iterator[int]:
    """Report what the processes send; yield 1 for each test that ended."""
    hook = session.config.hook
    while connections:
        for ready in wait(connections):
            assert isinstance(ready, Connection)
            try:
                sent = ready.recv()
            except EOFError:
                connections.remove(ready)
                continue
            if sent is None:
                yield 1
            else:
                report = hook.pytest_report_from_serializable(config=session.config, data=sent)
                hook.pytest_runtest_logreport(report=report)
